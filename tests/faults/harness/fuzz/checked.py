"""Runs a case through the command line in this process, without training, and says what is wrong with the answer."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import typer

from fuzz.cases import Case, make

SECONDS = 30
"""Of computing: what takes longer hangs."""
LONGEST = 1200
"""Characters of a sentence; a person does not read more."""
_SENTENCE = re.compile(r"error: [^\n]+\n")
_ACCOUNT = re.compile(
    r"|  .*|How the plan was understood|Not understood|To settle|Guesses that were accepted|Written to .*; next: .*"
)
"""Lines of what ``import`` says of a plan: titles, and below them what is indented."""


class Hung(BaseException):
    """A case took too long; not an Exception, so that nothing in between takes it for its own."""


@contextlib.contextmanager
def without_training() -> Iterator[None]:
    """Ends a run where its first trial would start, and a submission where the cluster would be asked."""

    def accepted(*_: Any, **__: Any) -> Any:
        raise typer.Exit(0)

    with (
        mock.patch("service.session.Session.run", accepted),
        mock.patch("service.jobs.submit.submit", accepted),
        mock.patch("webbrowser.open", accepted),
    ):
        yield


def check(kind: str, seed: int, number: int, folder: Path, study: dict[str, Any], store: Path) -> tuple[str, str]:
    """Runs one case.

    Returns:
        What was wrong, empty for nothing, and the case in words.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    case = make(kind, seed, number, folder, study, store)
    try:
        return _judge(case, folder), f"{kind} {number}: {' '.join(map(repr, case.arguments))[:600]} {case.shown}"
    finally:
        for path, held in case.undo:
            path.write_bytes(held)


def _judge(case: Case, folder: Path) -> str:
    before = signal.signal(signal.SIGPROF, _alarm)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    here = Path.cwd()
    os.chdir(folder)  # what is written at a relative path goes with the case
    try:
        code, out, err, error = command(case.arguments)
    except Hung:
        return f"took more than {SECONDS} s"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        os.chdir(here)
    if error is not None:
        return "a traceback: " + where(error)
    if "Traceback (most recent call last)" in out + err:
        return "a traceback was printed"
    if code == 0 or (code == 1 and case.arguments[0] == "verify"):  # 1: it says what is damaged
        return ""
    if code not in (2, 4):
        return f"exit code {code}"
    account, err = _apart(err) if case.arguments[0] == "import" else ("", err)
    if odd := [line for line in account.splitlines() if not _ACCOUNT.fullmatch(line)]:
        return f"not a line of an account: {odd[0][:300]!r}"
    if code == 4 and not err:  # what was printed says what of the plan is unclear
        return ""
    if not _SENTENCE.fullmatch(err):
        return f"not one sentence: {err[:300]!r}"
    return f"a sentence of {len(err)} characters: {err[:150]!r}" if len(err) > LONGEST else ""


def _apart(err: str) -> tuple[str, str]:
    """What ``import`` says of a plan, and the error that may come after it."""
    start = re.search(r"^error: ", err, re.MULTILINE)
    return (err, "") if start is None else (err[: start.start()], err[start.start() :])


def command(arguments: Sequence[str]) -> tuple[object, str, str, BaseException | None]:
    """Runs ``dit-ablate`` in this process: its exit code, what it printed, and the exception that it ended with."""
    from service.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code: object = 0
    error: BaseException | None = None
    with (
        # an account is not to be broken into lines by the terminal's width
        mock.patch.dict(os.environ, {"COLUMNS": "200000" if arguments[0] == "import" else "160"}),
        mock.patch.object(sys, "argv", ["dit-ablate", *arguments]),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
    ):
        for name in ("DIT_ABLATE_STORE", "MLFLOW_TRACKING_URI", "RAY_ADDRESS"):
            os.environ.pop(name, None)
        try:
            main()
        except SystemExit as end:
            code = end.code
        except Exception as raised:
            code, error = 1, raised
    printed = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return code, printed[0], printed[1], error


def _alarm(*_: Any) -> None:
    raise Hung


def where(error: BaseException) -> str:
    """The kind of an exception, its text, and the last lines of ours that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames if "site-packages" not in frame.filename]
    return f"{type(error).__name__} at {' < '.join(reversed(ours[-4:]))}: {str(error)[:200]}"
