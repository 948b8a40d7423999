"""``dit-ablate gc``."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import err, out
from service.cli.options import STORE_DEFAULT, JsonOption, StoreOption
from service.cli.verify import StudiesArgument
from service.default_store import require_folder

if TYPE_CHECKING:
    from service.keeping.garbage import Checkpoint, Garbage


class Keep(StrEnum):
    """What stays of the weights."""

    final = "final"
    best = "best"
    none = "none"


def garbage(
    study: StudiesArgument = None,
    keep: Annotated[
        Keep,
        typer.Option(
            help="final: the last checkpoint of every trial. best: only those of each study's best arm. none: no "
            "weights but those that are still needed."
        ),
    ] = Keep.final,
    delete: Annotated[bool, typer.Option("--delete", help="Remove them; without it they are only named.")] = False,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
) -> None:
    """Name the checkpoints that nobody needs, and with --delete remove them. Records and results stay.

    A checkpoint stays for as long as a measurement still starts from it, a run that goes on may read it, another
    training starts from it, or its study keeps all of them. A longer budget for a trial without weights trains it
    again from the start.

    [bold]Examples[/]

    dit-ablate gc

    dit-ablate gc dit-digits --keep best --delete
    """
    require_folder(store)
    from service.client import Client

    def tell(text: str) -> None:
        err().print(text, soft_wrap=True, markup=False)

    found = Client(store=store).collect_garbage(keep.value, study, dry_run=not delete, tell=tell)
    if json:
        typer.echo(json_text.dumps({**found.to_json(), "deleted": delete}, indent=2))
        return
    for line in _lines(found, delete):
        out().print(line, soft_wrap=True, markup=False)


def _lines(found: Garbage, delete: bool) -> Iterator[str]:
    from service.analysis import numbers

    for item in found.freed:
        yield f"{'removed' if delete else 'would go'}  {_named(item)}"
    for item in found.kept:
        yield f"stays  {_named(item)}: {'; '.join(item.needed_by)}"
    room = "" if found.size is None else f", {numbers.room(found.size)}"
    count = numbers.plural(len(found.freed), "checkpoint")
    if not found.freed:
        yield "Nothing to free: every checkpoint is needed." if found.kept else "There are no checkpoints."
    elif delete:
        yield f"Freed {count}{room}."
    else:
        yield f"{count}{room} could be freed; nothing was touched. Say --delete to remove them."


def _named(item: Checkpoint) -> str:
    from service.analysis import numbers

    room = "" if item.size is None else f" ({numbers.room(item.size)})"
    return f"{item.trial} after {item.images:,} images{room}"
