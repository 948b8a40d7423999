"""``dit-ablate table``."""

from __future__ import annotations

import json as json_text
from enum import StrEnum
from typing import Annotated

import typer

from service.cli.console import err
from service.cli.options import STORE_DEFAULT, JsonOption, StoreOption, StudyArgument
from service.cli.written import ToOption, write_text


class TableFormat(StrEnum):
    """How the table is written."""

    md = "md"
    latex = "latex"
    csv = "csv"
    html = "html"


def table(
    study: StudyArgument,
    form: Annotated[
        TableFormat,
        typer.Option("--format", help="md; latex (booktabs); csv (every number in full); html."),
    ] = TableFormat.md,
    question: Annotated[
        list[str] | None,
        typer.Option("--question", metavar="NAME", help="Of this question only. Repeat as needed.", show_default=False),
    ] = None,
    config: Annotated[
        bool, typer.Option("--config/--no-config", help="With a column for every setting in which the arms differ.")
    ] = True,
    to: ToOption = None,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
) -> None:
    """Print a study's numbers as a table for a paper: means, intervals, p values, and marks with a legend.

    The numbers and the verdicts are those of the report. Bold is the best mean.

    [bold]Examples[/]

    dit-ablate table dit-digits

    dit-ablate table dit-digits --format latex --question "Patch size" --no-config --to patch-size.tex
    """
    from service.client import Client
    from service.paper.formats import records, written

    result = Client(store=store).status(study)
    if json:
        text = json_text.dumps(records(result, question or (), config=config), indent=2) + "\n"
    else:
        text = written(result, form.value, question or (), config=config)
    write_text(text, to, err())
