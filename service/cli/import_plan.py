"""``dit-ablate import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group

from dit_core.errors import UserError
from service.cli.console import err
from service.cli.options import SkipUnknownOption


def import_plan(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN", help="A written plan (.md, .json, .jsonl).", show_default=False)
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Study file to write; without it, standard output.")
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="Baseline profile: digits or paper.")
    ] = "digits",
    skip_unknown: SkipUnknownOption = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the study file.")] = False,
) -> None:
    """Turn a written plan into a study file, and say how each phrase was understood.

    [bold]Example[/]

    dit-ablate import my-plan.md -o study.yaml
    """
    from search_spaces.load import dump_study
    from search_spaces.plan_import import import_plan as read_plan
    from service.cli.preview_view import understanding

    imported = read_plan(plan, profile=profile)
    console = err()
    console.print(Group(*understanding(imported.understood, imported.not_understood)))
    for note in imported.notes:
        console.print(f"  - {note}", soft_wrap=True, markup=False)
    if imported.not_understood and not skip_unknown:
        raise UserError("nothing was written; settle what was not understood in the plan, or give --skip-unknown")
    text = dump_study(imported.study)
    if output is None:
        typer.echo(text, nl=False)
        return
    if output.exists() and not force:
        raise UserError(f"--output: {output} exists; give another name, or --force to overwrite it")
    try:
        output.write_text(text)
    except OSError as error:
        raise UserError(f"--output: cannot write {output} ({error.strerror})") from None
    console.print(f"Written to {output}; next: dit-ablate plan {output}", soft_wrap=True)
