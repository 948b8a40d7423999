"""``dit-ablate simulate``."""

from __future__ import annotations

import json as json_text
from typing import TYPE_CHECKING, Annotated

import typer

from dit_core.errors import UserError
from service.cli.console import out
from service.cli.options import (
    STORE_DEFAULT,
    BudgetOption,
    JsonOption,
    PluginOption,
    ProfileOption,
    RungsOption,
    SeedsOption,
    SetOption,
    StoreOption,
    StudyArgument,
    TrustOption,
    choices,
)
from service.cli.trusting import asking_for_trust

if TYPE_CHECKING:
    from rich.table import Table

    from service.simulation.simulate import Simulated


def simulate(
    study: StudyArgument,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            metavar="NAME[:OPTION=VALUE,...]",
            help="A stopping policy; repeat it to compare several.  \\[default: all]",
            show_default=False,
        ),
    ] = None,
    curves: Annotated[
        str,
        typer.Option(
            "--curves",
            help="'generated'; 'recorded' for the real runs of dit-digits and dit-modern that come with the package; "
            "or the store that the study's trials were recorded in.",
        ),
    ] = "generated",
    world: Annotated[
        list[str] | None,
        typer.Option(
            "--world",
            help="A generated world, e.g. loose, crossing, identical; repeat as needed.  \\[default: a grid of them]",
            show_default=False,
        ),
    ] = None,
    studies: Annotated[int, typer.Option("--studies", help="How many studies are drawn.")] = 200,
    lanes: Annotated[int, typer.Option("--lanes", help="Segments that run side by side.")] = 1,
    use: Annotated[
        str | None,
        typer.Option(
            "--use",
            metavar="N",
            help="Seeds of each drawn study: 3, 2,4 or 1-8.  \\[default: the study's]",
            show_default=False,
        ),
    ] = None,
    draw: Annotated[int, typer.Option("--draw", help="Which studies are drawn; another number draws others.")] = 0,
    store: StoreOption = STORE_DEFAULT,
    seeds: SeedsOption = None,
    budget: BudgetOption = None,
    rungs: RungsOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    plugin: PluginOption = None,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Show what stopping policies would do to a study: compute against false stops, on generated or recorded curves.

    The policies' own functions decide, as in a run; nothing trains and nothing is written. Recorded curves are those of
    trials that ran in full: every arm and seed of the study, run with policy=none.

    [bold]Examples[/]

    dit-ablate simulate dit-digits

    dit-ablate simulate dit-digits --policy futility --policy asha:eta=3 --world loose --studies 1000 --lanes 4

    dit-ablate simulate dit-digits --curves recorded --use 2,3

    dit-ablate simulate my-study.yaml --curves my-store --seeds 4,5,6,7 --use 2,3 --json
    """  # fmt: skip
    for name, number in (("studies", studies), ("lanes", lanes)):
        if number < 1:
            raise UserError(f"--{name}: {number} given; it must be at least 1")
    from service.analysis.numbers import plural
    from service.client import Client

    found = asking_for_trust(
        Client(store=store).simulate,
        study,
        policies=tuple(policy or ()),
        curves=curves,
        worlds=tuple(world or ()),
        studies=studies,
        lanes=lanes,
        seeds_used=use,
        draw=draw,
        **choices(
            seeds=seeds,
            budget=budget,
            rungs=rungs,
            settings=settings,
            profile=profile,
            plugins=plugin,
            trust=trust,
        ),
    )
    if json:
        typer.echo(json_text.dumps(found.to_json(), indent=2))
        return
    out().print(render(found))
    legend = _LEGEND.format(studies=studies, curves=found.curves, lanes=plural(lanes, "lane"), oracle=found.oracle)
    out().print(legend, soft_wrap=True)


_LEGEND = (
    "{studies} studies of {curves}, {lanes} (`--lanes`). Best of its ablation: the truly best arm beside the baseline "
    "was stopped, of all ablations and of all studies. Better than the baseline: such an arm was stopped, of all "
    "studies. Regret: how much worse an ablation's best finished arm is than its best. Order: results in another order "
    "stop other arms. Who knows the truth needs {oracle:.0%} of the compute: the baseline and each ablation's best to "
    "the end, the rest to the first rung."
)


def render(found: Simulated) -> Table:
    """Lays the policies out."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("policy")
    for title in ("compute", "time", "best of its ablation", "in a study", "better than baseline", "regret", "order"):
        table.add_column(title, justify="right")
    for item in found.policies:
        low, high = item.best_of_ablation.interval()
        table.add_row(
            item.policy,
            f"{item.compute:.0%}",
            f"{item.wall_clock:.0%}",
            f"{item.best_of_ablation.share:.1%} ({low:.1%} to {high:.1%})",
            f"{item.best_in_study.share:.0%}",
            f"{item.better_in_study.share:.0%}",
            f"{item.regret:.2%}",
            "" if item.order is None else f"{item.order.share:.0%}",
        )
    return table
