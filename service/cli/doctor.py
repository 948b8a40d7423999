"""``dit-ablate doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.console import out
from service.cli.exit_codes import FAILED
from service.cli.options import AddressOption, TrackingOption
from service.default_store import STORE_VARIABLE


def doctor(
    address: AddressOption = None,
    store: Annotated[
        str | None,
        typer.Option("--store", envvar=STORE_VARIABLE, help="A store that every node must see.", show_default=False),
    ] = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """Check in half a minute whether a cluster can run a study, and name what is wrong where.

    Asks every node for its packages and code, whether it sees the store, and how much disk is free; adds numbers up
    over all nodes, as workers of a lane do; and asks MLflow for an answer. Exits with 1 when something is wrong.

    [bold]Examples[/]

    dit-ablate doctor --address head:6379 --store /shared/store --tracking-uri http://mlflow:5000
    """
    from service.engine.doctor import Finding, examine
    from service.engine.failures import LanesFailed
    from service.records.store import Store

    console, wrong = out(), 0

    def tell(finding: Finding) -> None:
        nonlocal wrong
        wrong += not finding.right
        console.print(
            "right" if finding.right else "WRONG", finding.text, soft_wrap=True, markup=False, highlight=False
        )

    try:
        for finding in examine(address, None if store is None else Store(store), tracking_uri):
            tell(finding)
    except LanesFailed as error:
        tell(Finding(False, str(error)))
    console.print("Nothing is wrong." if not wrong else f"{wrong} of these must be put right first.")
    if wrong:
        raise typer.Exit(FAILED)
