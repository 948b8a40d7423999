"""``dit-ablate sync``."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.console import err, out
from service.cli.exit_codes import FAILED
from service.cli.options import STORE_DEFAULT, StoreOption, TrackingOption


def sync(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]", help="A study that the store holds.  \\[default: all of them]", show_default=False
        ),
    ] = None,
    store: StoreOption = STORE_DEFAULT,
    tracking_uri: TrackingOption = None,
) -> None:
    """Bring MLflow up to date from the store, also with another MLflow than a study was run with.

    Nothing is written twice, and a run that goes on elsewhere is not disturbed. Exit code 1 when MLflow is not up to
    date afterwards.

    [bold]Examples[/]

    dit-ablate sync

    dit-ablate sync dit-digits --tracking-uri http://mlflow:5000
    """
    from service.client import Client

    found = Client(store=store, tracking_uri=tracking_uri).sync(study)
    if not found:
        out().print("The store holds no study yet.")
    for name, problem in found.items():
        if problem is None:
            out().print(f"{name}: MLflow is up to date", soft_wrap=True, markup=False)
        else:
            err().print(f"{name}: {problem}", soft_wrap=True, markup=False)
    if any(found.values()):
        raise typer.Exit(FAILED)
