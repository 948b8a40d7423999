"""Asks whether a study's code from outside may run, where somebody is there to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from service.cli.asking import at_terminal
from service.cli.console import err
from service.cli.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from dit_core.plugins.bundle import Bundle

T = TypeVar("T")


def asking_for_trust(use: Callable[..., T], *given: Any, **options: Any) -> T:
    """Calls what uses a study; where the study's code may not run yet, asks, remembers a yes, and calls it again.

    Raises:
        Untrusted: the code may not run, and nobody can be asked.
        typer.Exit: the answer was no; nothing was run.
    """
    from service.trust import Untrusted, trust

    try:
        return use(*given, **options)
    except Untrusted as error:
        if not at_terminal():
            raise
        bundles: tuple[Bundle, ...] = error.bundles
    for bundle in bundles:
        _ask(bundle)
        trust(bundle)
    return use(*given, **options)


def _ask(bundle: Bundle) -> None:
    from service.trust import described

    err().print(f"The study names code of its own, which this machine has not run before: {described(bundle)}",
                soft_wrap=True, markup=False)  # fmt: skip
    if not typer.confirm(f"Run {bundle.name}, now and later?", err=True):
        err().print("Not started.")
        raise typer.Exit(INTERRUPTED)
