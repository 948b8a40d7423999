"""``dit-ablate queue``."""

from __future__ import annotations

import json as json_text
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import out
from service.cli.options import JsonOption, refuse_dashboard

if TYPE_CHECKING:
    from rich.console import RenderableType

    from service.cluster_queue import Queue


def queue(
    address: Annotated[
        str | None,
        typer.Option("--address", envvar="RAY_ADDRESS", help="The Ray cluster, e.g. head:6379.", show_default=False),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", help="Count the device-hours of this store's runs, too.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show who runs on a cluster, who waits behind whom, and the device-hours by user.

    [bold]Examples[/]

    dit-ablate queue --address head:6379

    dit-ablate queue --address head:6379 --store /shared/store --json
    """  # fmt: skip
    from service.client import Client
    from service.cluster_queue import ask, queue_of

    refuse_dashboard(address, "queue")
    found = queue_of(ask(address), None if store is None else Client(store=store).require_store())
    if json:
        typer.echo(json_text.dumps(found.to_json(), indent=2))
        return
    for part in render(found):
        out().print(part, soft_wrap=isinstance(part, str))


def render(found: Queue) -> list[RenderableType]:
    """Lays the queue out: the studies, then the hours."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from service.cluster_queue import hours
    from service.engine.sharing.words import clock

    parts: list[RenderableType] = []
    if not found.places:
        parts.append("No study runs or waits on this cluster.")
    else:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in ("study", "user", "state", "since"):
            table.add_column(column, overflow="fold")
        for column in ("lanes", "share", "wanted", "a lane", "weight", "device-hours"):
            table.add_column(column, justify="right")
        for place in found.places:
            advert = place.advert
            table.add_row(
                Text(advert.study),
                Text(advert.user),
                Text(place.state),
                clock(datetime.fromtimestamp(advert.since, UTC)),
                str(advert.held),
                str(place.standing.share),
                str(advert.wanted),
                advert.shape,
                f"{advert.weight:g}",
                hours(advert.device_seconds / 3600),
            )
        parts.append(table)
    for title, by_user in (
        (f"on this cluster since {clock(datetime.fromtimestamp(found.began, UTC))}", found.cluster_hours),
        ("in this store's runs that have ended", found.store_hours),
    ):
        if by_user:
            listed = ", ".join(f"{user} {hours(value)}" for user, value in by_user.items())
            parts.append(Text(f"Device-hours {title}: {listed}"))
    return parts
