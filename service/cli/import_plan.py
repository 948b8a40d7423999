"""``dit-ablate import``."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group

from dit_core.errors import UserError
from search_spaces.plan_suffixes import PLANS_ARE
from service.cli.console import err, say_text
from service.cli.exit_codes import INCOMPLETE
from service.cli.options import AcceptGuessesOption, JsonOption, SkipUnknownOption


def import_plan(
    plan: Annotated[
        Path,
        typer.Argument(metavar="PLAN", help=f"A written plan; {PLANS_ARE}.", show_default=False),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Study file to write; without it, standard output.")
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="Baseline profile: digits or paper.")
    ] = "digits",
    skip_unknown: SkipUnknownOption = False,
    accept_guesses: AcceptGuessesOption = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the study file.")] = False,
    json: JsonOption = False,
) -> None:
    """Turn a written plan into a study file, and say how each phrase was understood.

    The file is always written. What was left out, has to be settled or was guessed stands in it as comments, in its
    place, and then the exit code is 4.

    [bold]Example[/]

    dit-ablate import my-plan.md -o study.yaml
    """
    from search_spaces.load import dump_study
    from search_spaces.plan_import import NothingUnderstood
    from search_spaces.plan_import import import_plan as read_plan
    from service.cli.preview_view import one_line, understanding

    if output is not None and output.exists() and not force:
        raise UserError(f"--output: {output} exists; give another name, or --force to overwrite it")
    _refuse_study_file(plan)
    try:
        imported = read_plan(plan, profile, accept_guesses)
    except NothingUnderstood as error:
        if json:
            typer.echo(json_text.dumps(error.to_json(), indent=2))
        raise
    text = imported.with_comments(dump_study(imported.study))
    if json:
        typer.echo(json_text.dumps({**imported.to_json(), "study_file": text}, indent=2))
    else:
        console = err()
        said = understanding(imported.understood, imported.not_understood, imported.questions, imported.guesses)
        console.print(Group(*said))
        for note in imported.notes:
            console.print(f"  - {one_line(note)}", soft_wrap=True, markup=False)
    if output is not None:
        try:
            output.write_text(text)
        except OSError as error:
            raise UserError(f"--output: cannot write {output} ({error.strerror})") from None
        err().print(f"Written to {output}; next: dit-ablate plan {output}", soft_wrap=True)
    elif not json:
        say_text(text)
    if imported.not_understood and not skip_unknown:
        raise typer.Exit(INCOMPLETE)


def _refuse_study_file(path: Path) -> None:
    """Says of a study file that there is nothing to turn into one.

    Raises:
        UserError: it is a study file, and whole.
    """
    from search_spaces.load import is_plan, load_study
    from search_spaces.plan_suffixes import YAML

    if path.suffix.lower() not in YAML or not path.is_file() or is_plan(path):
        return
    try:
        load_study(path)
    except UserError:
        return  # whatever it is, reading it as a plan says more
    raise UserError(f"{path}: is a study file already; `dit-ablate plan {path}` shows what it would run")
