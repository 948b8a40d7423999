"""``dit-ablate bundle`` and ``dit-ablate import-bundle``."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import err, out
from service.cli.options import STORE_DEFAULT, JsonOption, StoreOption


def bundle(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A study in the store.", show_default=False)],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, e.g. dit-digits.zip.", show_default=False)],
    weights: Annotated[bool, typer.Option("--weights", help="With the last checkpoint of every trial.")] = False,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
) -> None:
    """Write one file of a study for a colleague: the report, all records and configurations.

    It is a ZIP archive; the report in it opens in any browser. `dit-ablate import-bundle` takes it into another store,
    where nothing of it is trained or measured again.

    [bold]Example[/]

    dit-ablate bundle dit-digits dit-digits.zip
    """
    from service.analysis import numbers
    from service.client import Client

    manifest = Client(store=store).bundle(study, file, weights=weights)
    if json:
        shown = {"file": str(file), "study": study, "files": len(manifest.files), "weights": weights}
        typer.echo(json_text.dumps({**shown, "bytes": file.stat().st_size}, indent=2))
        return
    what = numbers.plural(len(manifest.files), "file")
    out().print(f"Wrote {file}: {what}, {numbers.room(file.stat().st_size)}", soft_wrap=True, markup=False)
    if not weights:
        err().print("Note: it holds no weights; --weights adds them", soft_wrap=True, markup=False)


def import_bundle(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `dit-ablate bundle` wrote.", show_default=False)],
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
) -> None:
    """Take a colleague's bundle into a store, which is made where there is none.

    Everything in the file is checked first. Nothing in the store is replaced, and the store stays one of its own: what
    it has in MLflow is not mixed with the colleague's.

    [bold]Example[/]

    dit-ablate import-bundle dit-digits.zip --store from-a-colleague
    """
    from service.analysis import numbers
    from service.client import Client
    from service.command_text import command_line

    taken = Client(store=store).import_bundle(file)
    if json:
        typer.echo(json_text.dumps(taken.to_json(), indent=2))
        return
    console = out()
    console.print(f"Took in study {taken.study}: {numbers.plural(taken.new, 'file')}", soft_wrap=True, markup=False)
    if taken.known:
        trials = numbers.plural(len(taken.known), "trial")
        console.print(f"{trials} were here already; their own records stand", soft_wrap=True, markup=False)
    console.print(f"Look at it with: {command_line('report', [taken.study], store)}", soft_wrap=True, markup=False)
