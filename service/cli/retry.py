"""``dit-ablate retry``."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.console import err
from service.cli.options import (
    STORE_DEFAULT,
    AddressOption,
    JsonOption,
    StoreOption,
    TrackingOption,
    TrustOption,
    refuse_dashboard,
)
from service.cli.running import Executor, ExecutorOption, run_session
from service.cli.trusting import asking_for_trust
from service.executors import refuse_unused_address


def retry(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A study in the store.", show_default=False)],
    arm: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Only this arm's trials; those of the others stay given up.", show_default=False
        ),
    ] = None,
    store: StoreOption = STORE_DEFAULT,
    tracking_uri: TrackingOption = None,
    address: AddressOption = None,
    executor: ExecutorOption = Executor.ray,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Give a study's failed trials another chance, as its newest run had the study.

    They go on from their last checkpoints. What else the study lacks is run, too. A trial that diverged has not failed:
    that is a result.

    [bold]Examples[/]

    dit-ablate retry dit-digits

    dit-ablate retry dit-digits --arm size=B --executor local
    """
    from service.client import Client

    refuse_dashboard(address, "retry")
    refuse_unused_address(address, executor.value)
    client = Client(store=store, tracking_uri=tracking_uri, address=address)
    session = asking_for_trust(client.retry, study, arm, trust=trust)
    if session is None:
        of = "" if arm is None else f" of {arm}"
        err().print(f"No trial{of} has failed in the newest run of {study}: nothing to try again.", soft_wrap=True)
        return
    run_session(session, executor, json=json)
