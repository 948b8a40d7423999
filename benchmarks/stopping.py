"""Measures all stopping policies on simulated studies: prints the tables of docs/stopping.md and draws its figure.

    python benchmarks/stopping.py --part curve      # every policy at several settings (--only asha: one of them)
    python benchmarks/stopping.py --part figure     # drawn from what that has kept in --results
    python benchmarks/stopping.py --part worlds     # the default, world by world and by the number of seeds
    python benchmarks/stopping.py --part race
    python benchmarks/stopping.py --curves STORE --seeds 4,5,6,7 --use 1-4     # on recorded curves

Each part takes a few minutes on one core. The default policy was tuned on ``--draw 0``; the documentation shows
``--draw 1``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import checkout  # noqa: F401 (before everything that imports the project)

from service.client import Client
from service.report.style import MARKERS, OKABE_ITO, canvas, png
from service.simulation.simulate import Simulated
from service.simulation.sources import GRID, WORLDS
from service.simulation.tally import Tally

SWEEPS: dict[str, tuple[str, ...]] = {
    "futility": (
        *(f"futility:risk={value}" for value in (0.05, 0.1, 0.2)),
        "futility:risk=0.5,beats_baseline=0.4",
        *(f"futility:risk={value},beats_baseline=1" for value in (0.6, 0.9)),
        "futility:risk=0.9,beats_baseline=1,correlation=0.95",
    ),
    "asha": tuple(f"asha:eta={value}" for value in (1.1, 1.25, 1.5, 2, 3)),
    "brief-then-top-k": tuple(f"brief-then-top-k:keep_fraction={value}" for value in (0.9, 0.75, 0.6, 0.45, 0.3)),
    "rungs": tuple(f"rungs:stop_fraction={value}" for value in (0.1, 0.2, 0.3, 0.4, 0.5)),
    "hyperband": tuple(f"hyperband:eta={value}" for value in (1.1, 1.25, 1.5, 2, 3)),
}
"""Every policy at several settings, from cautious to bold."""
DEFAULT = "futility:risk=0.2"
SEEDS = "1-8"
HEAD = "| compute | time | best of its ablation stopped | in a study | better than the baseline | regret |"


def curve(client: Client, options: argparse.Namespace) -> None:
    """All policies over all settings: one table, and the figure."""
    found: list[Simulated] = []
    for name, sweep in SWEEPS.items():
        if options.only in (None, name):
            found.append(simulated(client, options, sweep, (), options.studies))
            keep(options.results / f"{name}.json", found[-1])
    tallies = [item for part in found for item in part.policies]
    print(table(tallies))
    print(f"\n{options.studies} studies of {found[0].curves}; oracle {found[0].oracle:.1%}")


def figure(client: Client, options: argparse.Namespace) -> None:
    """The figure, from the results of the sweeps that were run."""
    parts = {name: json.loads((options.results / f"{name}.json").read_text()) for name in SWEEPS}
    draw(parts, options.figure)


def worlds(client: Client, options: argparse.Namespace) -> None:
    """The default in every world, those that are made to deceive included."""
    rows = []
    for name in WORLDS:
        found = simulated(client, options, ["futility"], (name,), options.studies)
        rows.append(f"| {name} | {found.oracle:.1%} {cells(found.policies[0])}")
    print(f"| world | oracle {HEAD}")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))
    print(f"\n| seeds {HEAD}")
    print("|---|---|---|---|---|---|---|")
    for seeds in (1, 2, 3, 5, 8):
        found = simulated(client, options, ["futility"], GRID, options.studies, str(seeds))
        print(f"| {seeds} {cells(found.policies[0])}")


def race(client: Client, options: argparse.Namespace) -> None:
    """What a race of eight seeds claims, and what it spends."""
    print("| world | seeds spent | comparisons decided | studies with a false claim |")
    print("|---|---|---|---|")
    for name in ("identical", "small-effects", "usual", "large-effects"):
        found = simulated(client, options, ["race"], (name,), options.studies, "8").policies[0]
        low, high = found.false_in_study.interval()
        print(
            f"| {name} | {found.compute:.0%} | {found.claims.share:.0%} | {found.false_in_study.share:.1%} "
            f"({low:.1%} to {high:.1%}) |"
        )


def simulated(
    client: Client,
    options: argparse.Namespace,
    policies: Sequence[str],
    names: Sequence[str],
    studies: int,
    seeds: str | None = None,
) -> Simulated:
    """Replays one set of studies; recorded curves know no worlds."""
    recorded = options.curves != "generated"
    chosen = {"seeds": tuple(map(int, options.seeds.split(",")))} if options.seeds else {}
    return client.simulate(
        options.study,
        policies=tuple(policies),
        curves=options.curves,
        worlds=() if recorded else tuple(names),
        studies=studies,
        lanes=options.lanes,
        seeds_used=seeds or options.use or SEEDS,
        draw=options.draw,
        **chosen,  # type: ignore[arg-type]
    )


def table(found: Sequence[Tally]) -> str:
    """A Markdown table, one row for each policy."""
    head = f"| policy {HEAD} order |"
    rows = [
        f"| `{item.policy}` {cells(item)} {'' if item.order is None else f'{item.order.share:.0%}'} |" for item in found
    ]
    return "\n".join((head, "|---|---|---|---|---|---|---|---|", *rows))


def cells(item: Tally) -> str:
    """The columns that all tables share."""
    low, high = item.best_of_ablation.interval()
    return (
        f"| {item.compute:.1%} | {item.wall_clock:.1%} | {item.best_of_ablation.share:.1%} ({low:.1%} to {high:.1%}) "
        f"| {item.best_in_study.share:.0%} | {item.better_in_study.share:.0%} | {item.regret:.2%} |"
    )


def keep(path: Path, found: Simulated) -> None:
    """Keeps the numbers of one sweep."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found.to_json(), indent=1))


def draw(parts: Mapping[str, Any], path: Path) -> None:
    """Draws compute against false stops, a line for each policy."""
    with canvas(6.4, 3.8) as (figure, axes):
        for place, (policy, part) in enumerate(parts.items()):
            points = sorted((100 * x["compute"], 100 * x["best_of_ablation"]["share"]) for x in part["policies"])
            axes.plot(
                *zip(*points, strict=True),
                marker=MARKERS[place],
                color=OKABE_ITO[place],
                label=policy,
                linewidth=2 if policy == "futility" else 1.2,
                markersize=4.5,
            )
            for item in part["policies"]:
                if item["policy"] == DEFAULT:
                    at = 100 * item["compute"], 100 * item["best_of_ablation"]["share"]
                    axes.plot(*at, "o", color=OKABE_ITO[place], markersize=11, fillstyle="none", label="the default")
            oracle = 100 * part["oracle_compute"]
        axes.axvline(oracle, color="#555555", linestyle=":", linewidth=1)
        axes.annotate("who knows the truth", (oracle, 0), (3, 4), textcoords="offset points", color="#555555")
        axes.axhline(5, color="#AAAAAA", linestyle="--", linewidth=0.8)
        axes.set_xlabel("compute, % of training every arm to the end")
        axes.set_ylabel("best arm of an ablation stopped, %")
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper right")
        path.write_bytes(png(figure))


PARTS = {"curve": curve, "figure": figure, "worlds": worlds, "race": race}


def main() -> None:
    """Runs one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, default="curve")
    parser.add_argument("--study", default="dit-digits")
    parser.add_argument("--curves", default="generated", help="or a store that holds the study in full")
    parser.add_argument("--seeds", help="of recorded curves")
    parser.add_argument("--use", help="how many seeds each study has")
    parser.add_argument("--studies", type=int, default=560)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--draw", type=int, default=1)
    parser.add_argument("--only", choices=SWEEPS, help="one policy of the part curve")
    parser.add_argument("--results", type=Path, default=Path("stopping-results"))
    parser.add_argument("--figure", type=Path, default=Path("stopping.png"))
    options = parser.parse_args()
    PARTS[options.part](Client(store="no-store"), options)


if __name__ == "__main__":
    main()
