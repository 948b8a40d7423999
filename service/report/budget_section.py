"""The report's table of arms at equal images, equal training compute and equal device time."""

from __future__ import annotations

from collections.abc import Mapping

from service.analysis.budgets import AtEqual, Budget
from service.analysis.numbers import NOTHING, MetricFormat, whole
from service.report.tables import Column, Row, Table

CAPTION = (
    "Differences to the baseline where both had spent the same, as estimates without an interval. Where one of the two "
    "is dearer it is taken before its end, in brackets after which training images (arm against baseline), its metric "
    "interpolated between rungs. A dash: the dearer one had not reached its first rung by then, or its seconds are not "
    "recorded. Device time is that of training, and compares only arms that ran on the same hardware with nothing "
    "beside them."
)


def budget_table(found: Mapping[str, Mapping[Budget, AtEqual]], metric: str, shown: MetricFormat) -> Table | None:
    """Returns a row per arm and a column per budget; None where nothing can be compared."""
    if not any(found.values()):
        return None
    columns = (Column("arm"), *(Column(f"{metric} at equal {budget.words}", True) for budget in Budget))
    rows = (Row((arm, *(_cell(by.get(budget), shown) for budget in Budget))) for arm, by in found.items())
    return Table(columns, tuple(rows), CAPTION)


def _cell(found: AtEqual | None, shown: MetricFormat) -> str:
    if found is None:
        return NOTHING
    difference = shown.signed(found.difference)
    if found.budget is Budget.IMAGES:
        return difference
    return f"{difference} ({whole(round(found.images))} against {whole(round(found.baseline_images))})"
