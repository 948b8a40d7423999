"""``dit-ablate prompt``."""

from __future__ import annotations

from typing import Annotated

import typer


def prompt(
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="Baseline profile: digits or paper.")
    ] = "digits",
) -> None:
    """Print a text to put before a language model, so that the plan it writes compiles as it stands.

    [bold]Example[/]

    dit-ablate prompt --profile paper > prompt.txt
    """
    from search_spaces.plan_import.prompt import prompt_text
    from search_spaces.profiles import PROFILES

    typer.echo(prompt_text(PROFILES.get(profile, "--profile")), nl=False)
