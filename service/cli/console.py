"""The terminal: standard output for answers, standard error for everything else."""

from __future__ import annotations

import codecs
import io
import logging
import sys
from collections.abc import Iterable

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from service.redact import redacted

_PLAIN = str.maketrans({"−": "-", "–": "-", "—": "-", "±": "+-", "×": "x", "·": "|", "…": "...", "’": "'"})
"""What stands for a character that a terminal does not have: a minus must not become a question mark."""


_UNSEEN = dict.fromkeys(
    place
    for place in (
        *range(0x20),
        *range(0x7F, 0xA0),
        0x061C,
        0x200E,
        0x200F,
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
    )
    if chr(place) not in "\n\t"
)
"""Characters that are not shown but do something: what a terminal takes for a command (ESC), and what turns the
direction of the text around it."""

_LONGEST = 1000
"""Characters of a sentence; of a longer one the middle is left out."""


def write_what_can_be_written() -> None:
    """Lets standard output and error take any text, also where their encoding has not all of its characters."""
    codecs.register_error("dit-ablate-plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="dit-ablate-plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "replace").decode("ascii"), error.end


def harmless(text: str) -> str:
    """Returns a text without what would move a terminal's cursor or turn text around; a title may hold such."""
    return text.translate(_UNSEEN)


def say_text(text: str, *, error: bool = False) -> None:
    """Prints a text that is data as it is; on a terminal, where it is only looked at, what is harmless of it."""
    stream = sys.stderr if error else sys.stdout
    typer.echo(harmless(text) if stream.isatty() else text, nl=False, err=error, color=True)


class _Harmless(Console):
    """Whatever a command prints comes by here, with names and titles as somebody wrote them."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Renders as ever; styles and the cursor's own movements are no text."""
        for part in super().render(renderable, options):
            yield part if part.control else Segment(harmless(part.text), part.style)


def out() -> Console:
    """Console for a command's answer; asked for anew so that tests and pipes see their own stream."""
    return _console(stderr=False)


def err() -> Console:
    """Console for errors and warnings."""
    return _console(stderr=True)


def say_error(sentence: str) -> None:
    """Prints ``error: `` and a sentence in one line, whatever was given to be quoted in it."""
    text = "".join(character if character.isprintable() else repr(character)[1:-1] for character in redacted(sentence))
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST * 2 // 3]} ... {text[-_LONGEST // 3 :]}"
    err().print(f"[bold red]error:[/] {escape(text)}", soft_wrap=True)


def _console(*, stderr: bool) -> Console:
    console: Console = _Harmless(stderr=stderr, highlight=False)
    if not console.is_terminal:
        # a pipe or a log file has no width; never cut a sentence or a table there
        console = _Harmless(stderr=stderr, highlight=False, width=max(console.width, 160))
    return console


class LogToTerminal(logging.Handler):
    """Shows on standard error what takes long enough in ``dit_core`` to be told."""

    def emit(self, record: logging.LogRecord) -> None:
        err().print(record.getMessage(), soft_wrap=True, markup=False)
