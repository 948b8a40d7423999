"""A mistake in how a command is written: the same one sentence as any other mistake, instead of a box."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from service.cli.commands import LazyCommands
from service.cli.console import say_error
from service.cli.exit_codes import USER_ERROR

_UsageError: type[Any] = typer.BadParameter.__bases__[0]  # typer does not export it


class Commands(TyperGroup):
    """The commands of ``dit-ablate``."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{**more, "commands": None})
        self.commands = LazyCommands()

    def list_commands(self, ctx: Any) -> list[str]:
        """Returns the names of all commands, and imports none of them."""
        return list(self.commands)

    def make_context(self, *given: Any, **more: Any) -> Any:
        """Reads what comes before the command."""
        with _one_sentence():
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        """Reads the command's arguments and runs it."""
        with _one_sentence():
            return super().invoke(ctx)


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # no mistake: nothing was given, and the help is shown
            raise
        text = error.format_message().strip().rstrip(".")
        name = getattr(error, "param_hint", None) or getattr(getattr(error, "param", None), "opts", [""])[0]
        if isinstance(error, typer.BadParameter) and str(name).startswith("-") and error.message:
            text = f"{name}: {error.message.strip().removeprefix('Value error, ').rstrip('.')}"
        path = error.ctx.command_path if error.ctx is not None else "dit-ablate"
        say_error(f"{text}; `{path} --help` shows what can be given")
        raise typer.Exit(USER_ERROR) from None
