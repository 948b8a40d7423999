"""Text that a command prints, or writes into a file where one is named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dit_core.errors import UserError
from service.cli.console import say_text

ToOption = Annotated[
    Path | None,
    typer.Option("--to", metavar="FILE", help="Write it into this file instead of printing it.", show_default=False),
]


def write_text(text: str, to: Path | None, told: Console) -> None:
    """Prints the text as it is, or writes it.

    Args:
        text: what to write.
        to: the file; None prints.
        told: where it is said that the file was written.

    Raises:
        UserError: the file cannot be written.
    """
    if to is None:
        say_text(text)
        return
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--to: cannot write {to} ({error.strerror or error})") from None
    told.print(f"Wrote {to}", soft_wrap=True, markup=False)
