"""``dit-ablate status``."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from dit_core.errors import UserError
from service.cli.console import err, out
from service.cli.options import STORE_DEFAULT, JsonOption, StoreOption
from service.default_store import require_folder


def status(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]", help="A study in the store; without it, every one of them.", show_default=False
        ),
    ] = None,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
) -> None:
    """Show where the studies of a store stand, whether or not a run is going on.

    [bold]Examples[/]

    dit-ablate status

    dit-ablate status dit-digits --json
    """
    require_folder(store)
    from service.cli.status_view import render_all, render_study
    from service.cli.summary_view import where
    from service.client import Client
    from service.records.study_files import lost_definition, way_back

    client = Client(store=store)
    opened = client.require_store()
    names = [study] if study is not None else client.studies()
    lost = client.unreadable() if study is None else []
    for name in lost:
        what = f"{lost_definition(opened, name)}; {way_back(opened, name)}"
        err().print(f"study {name!r}: its definition {what}", soft_wrap=True, markup=False)
    results = []
    for name in names:
        try:
            results.append(client.status(name))
        except UserError as error:
            if study is not None:
                raise
            err().print(f"study {name!r}: {error}", soft_wrap=True)  # it must not hide the others
    if json:
        data = [result.to_json() for result in results]
        typer.echo(json_text.dumps(data[0] if study is not None else data, indent=2))
    elif len(results) == 1:
        out().print(render_study(results[0]))
        out().print(where(results[0]), soft_wrap=True)
    elif results or not lost:
        out().print(render_all(results))
