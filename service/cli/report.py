"""``dit-ablate report``."""

from __future__ import annotations

import json as json_text

import typer

from service.cli.console import out
from service.cli.options import STORE_DEFAULT, JsonOption, StoreOption, StudyArgument


def report(study: StudyArgument, store: StoreOption = STORE_DEFAULT, json: JsonOption = False) -> None:
    """Write a study's report anew from the store, finished or not, and say where it is.

    [bold]Example[/]

    dit-ablate report dit-digits
    """
    from service.cli.summary_view import show
    from service.client import Client

    result = Client(store=store).report(study)
    if json:
        typer.echo(json_text.dumps(result.to_json(), indent=2))
        return
    show(result, out())
    out().print(f"Markdown  {result.report_markdown}", soft_wrap=True)
