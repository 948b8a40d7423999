"""``dit-ablate compare``."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import out
from service.cli.options import STORE_DEFAULT, JsonOption, StoreOption
from service.default_store import require_folder

if TYPE_CHECKING:
    from service.keeping.compare import Comparison


def compare(
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY STUDY ...",
            help="Studies of the store, by name; STORE/STUDY for one of another store.",
            show_default=False,
        ),
    ],
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
) -> None:
    """Lay several studies side by side: what differs, which trials they share, whether their verdicts agree.

    The verdicts are each study's own. Nothing is tested across studies.

    [bold]Examples[/]

    dit-ablate compare dit-digits dit-digits-longer

    dit-ablate compare dit-digits ../from-a-colleague/dit-digits --json
    """
    require_folder(store)
    from service.client import Client

    found = Client(store=store).compare(*studies)
    if json:
        typer.echo(json_text.dumps(found.to_json(), indent=2))
        return
    for line in lines(found):
        out().print(line, soft_wrap=True, markup=False)


def lines(found: Comparison) -> Iterator[str]:
    """Lays the comparison out: the studies, what differs, their means, and the questions that they share.

    Every name has a line of its own, so that none is broken in a narrow terminal.
    """
    from service.analysis import numbers, verdict_text

    width = max(len(item.name) for item in found.studies)
    shown = {item.name: item.result.shown for item in found.studies}
    for item in found.studies:
        study, state = item.result.study, "done" if item.result.done else "not finished"
        seeds, images = numbers.plural(len(study.seeds), "seed"), numbers.whole(study.budget_images)
        yield f"{item.name:{width}}  {study.primary_metric} after {images} images, {seeds}, {state}"
    yield from ("", *found.notes)
    if found.differences:
        yield from ("", "What differs")
    for field, values in found.differences.items():
        yield f"  {field}"
        yield from (f"    {item.name:{width}}  {value}" for item, value in zip(found.studies, values, strict=True))
    names = dict.fromkeys(arm for item in found.studies for arm in item.result.verdicts.means)
    if names:
        yield from ("", "Means")
    for arm in names:
        yield f"  {arm}"
        for item in found.studies:
            mean = item.result.verdicts.means.get(arm)
            if mean is not None:
                spread = "" if mean.sd is None else f" ± {shown[item.name].value(mean.sd)}"
                value, seeds = shown[item.name].value(mean.value), numbers.plural(mean.seeds, "seed")
                yield f"    {item.name:{width}}  {value}{spread}, {seeds}"
    for question in dict.fromkeys(asked.question for asked in found.questions):
        yield from ("", question)
        for asked in (item for item in found.questions if item.question == question):
            kind = "" if asked.kind == "arm" else f" ({asked.kind})"
            yield f"  {asked.label}{kind}: the studies {asked.agreement}"
            for name, verdict in asked.verdicts.items():
                yield f"    {name:{width}}  {shown[name].difference(verdict)}  {verdict_text.word(verdict)}"
