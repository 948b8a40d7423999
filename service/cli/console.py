"""The terminal: standard output for answers, standard error for everything else."""

from __future__ import annotations

import codecs
import io
import logging
import sys

from rich.console import Console
from rich.markup import escape

from service.redact import redacted

_PLAIN = str.maketrans({"−": "-", "–": "-", "—": "-", "±": "+-", "×": "x", "·": "|", "…": "...", "’": "'"})
"""What stands for a character that a terminal does not have: a minus must not become a question mark."""


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
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        # a pipe or a log file has no width; never cut a sentence or a table there
        console = Console(stderr=stderr, highlight=False, width=max(console.width, 160))
    return console


class LogToTerminal(logging.Handler):
    """Shows on standard error what takes long enough in ``dit_core`` to be told."""

    def emit(self, record: logging.LogRecord) -> None:
        err().print(record.getMessage(), soft_wrap=True, markup=False)
