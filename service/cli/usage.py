"""A mistake in how a command is written: the same one sentence as any other mistake, instead of a box."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from service.cli.commands import LazyCommands
from service.cli.console import say_error
from service.cli.exit_codes import USER_ERROR
from service.cli.program import NAME

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
        with _one_sentence(ctx):
            return super().invoke(ctx)


@contextmanager
def _one_sentence(within: Any = None) -> Iterator[None]:
    try:
        yield
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # no mistake: nothing was given, and the help is shown
            raise
        text = error.format_message().strip().rstrip(".")
        name = _given_by(error)
        if isinstance(error, typer.BadParameter) and name and error.message:
            text = f"{name}: {_wanted(error) or error.message.strip().removeprefix('Value error, ').rstrip('.')}"
        command = [within.invoked_subcommand] if within is not None and within.invoked_subcommand else []
        path = " ".join([NAME, *(_commands(error.ctx) or command)])  # and not what the interpreter was given
        say_error(f"{text}; `{path} --help` shows what can be given")
        raise typer.Exit(USER_ERROR) from None


def _commands(context: Any) -> list[str]:
    """The command that a mistake is in, without the program's name."""
    below = context is not None and context.parent is not None
    return [*_commands(context.parent), str(context.info_name)] if below else []


def _given_by(error: Any) -> str:
    """What holds the value that is refused: an option, or the environment's variable; empty for neither."""
    param: Any = getattr(error, "param", None)
    ctx = error.ctx
    source = ctx.get_parameter_source(param.name) if ctx is not None and getattr(param, "name", None) else None
    if source is not None and source.name == "ENVIRONMENT":
        named = param.envvar
        return named if isinstance(named, str) else next((name for name in named or () if os.environ.get(name)), "")
    name = str(getattr(error, "param_hint", None) or getattr(param, "opts", [""])[0])
    return name if name.startswith("-") else ""


_KINDS = {"int": "a whole number", "float": "a number"}
"""How the kinds of pydantic's mistakes begin, which Typer reads options with -> what is wanted."""


def _wanted(error: Any) -> str | None:
    """What is wanted of a number and what was given; None where the mistake is another."""
    cause = error.__cause__
    found = cause.errors()[0] if isinstance(cause, ValidationError) else None
    kind = None if found is None else _KINDS.get(found["type"].partition("_")[0])
    return None if found is None or kind is None else f"{kind} is wanted, given {found['input']!r:.60}"
