"""The best few of a search on seeds that it has not seen: how good they are there, beside how good they looked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.finalists import FINAL, FINALISTS
from service.analysis import verdict_text
from service.analysis.cells import final
from service.analysis.numbers import NOTHING, MetricFormat, plural
from service.analysis.search_points import Point, best_points
from service.analysis.summary import Summary, summarise
from service.records.store import Store
from service.records.study_files import is_defined
from service.report.tables import Column, Row, Table
from service.restored import restore
from service.statistics.contrast import Kind
from service.statistics.verdict import Verdict


@dataclass(frozen=True)
class Finalist:
    """One of the best of a search, compared again.

    Attributes:
        point: the proposal.
        arm: its arm in the study that compares the best.
        verdict: how it compares with the baseline there; None where it is the baseline.
    """

    point: Point
    arm: str
    verdict: Verdict | None


@dataclass(frozen=True)
class Finals:
    """The study that compares the best of a search.

    Attributes:
        summary: its results.
        finalists: the best, in the search's order.
    """

    summary: Summary
    finalists: tuple[Finalist, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data."""
        rows = []
        for finalist in self.finalists:
            own = self.summary.arm(finalist.arm)
            rows.append(
                {
                    "proposal": finalist.point.number,
                    "values": finalist.point.values,
                    "in_the_search": finalist.point.value,
                    "on_fresh_seeds": None if own.final is None else own.final.mean,
                    "verdict": None if finalist.verdict is None else finalist.verdict.to_json(),
                }
            )
        return {"study": self.summary.study.name, "seeds": list(self.summary.study.seeds), "finalists": rows}


def finals_of(points: tuple[Point, ...], summary: Summary, store: Store) -> Finals | None:
    """Returns the comparison of the best of a search; None where it has none, or it has not begun.

    Args:
        points: the search's proposals.
        summary: the search's study.
        store: where the records are.
    """
    name = f"{summary.study.name}{FINAL}"
    if summary.study.search is None or not summary.study.search.finalists or not is_defined(store, name):
        return None
    found = summarise(restore(store, name)[0], store, failures=store.given_up(name))
    view = found.expansion.ablation(FINALISTS)
    arms = dict(view.arms)
    rows = []
    for point in best_points(points, summary.study.primary_metric):
        label = ",".join(f"{name}={value}" for name, value in point.values.items())
        if label in arms:
            rows.append(Finalist(point, arms[label], found.verdicts.at(FINALISTS, label, Kind.ARM)))
    return Finals(found, tuple(rows))


def sentences(finals: Finals, shown: MetricFormat) -> list[str]:
    """Says what came of the best on fresh seeds."""
    seeds = finals.summary.study.seeds
    count = len(finals.finalists)
    text = (
        f"The best {count if count != 1 else 'one'} and the baseline again, on {plural(len(seeds), 'seed')} that the "
        f"search has not seen ({', '.join(map(str, seeds))}), as study {finals.summary.study.name}."
    )
    if not finals.summary.finished:
        return [f"{text} That is not finished."]
    labelled = [(f"proposal {own.point.number}", own.verdict) for own in finals.finalists if own.verdict is not None]
    return [
        " ".join((text, *verdict_text.answer(labelled, "the baseline", shown, lambda _, own: own.reason))),
        *finals.summary.verdicts.notes,
    ]


def table(finals: Finals, names: Mapping[str, Any], metric: str, shown: MetricFormat) -> Table:
    """Returns the best with what they scored in the search and on fresh seeds, and the baseline."""
    columns = (
        Column("proposal", True), *(Column(name, True) for name in names), Column(f"{metric} in the search", True),
        Column("on fresh seeds", True), Column("difference to baseline", True), Column("verdict"),
    )  # fmt: skip
    own = finals.summary.baseline
    rows = [Row(("baseline", *("" for _ in names), NOTHING, final(own, finals.summary, shown), "", ""), strong=True)]
    for item in finals.finalists:
        rows.append(
            Row(
                (
                    str(item.point.number),
                    *(str(item.point.values[name]) for name in names),
                    NOTHING if item.point.value is None else shown.value(item.point.value),
                    final(finals.summary.arm(item.arm), finals.summary, shown),
                    NOTHING if item.verdict is None else shown.difference(item.verdict),
                    verdict_text.word(item.verdict),
                )
            )
        )
    return Table(columns, tuple(rows))
