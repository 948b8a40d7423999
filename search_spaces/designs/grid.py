"""Factorials: every combination of several axes' values, or a part of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from dit_core.errors import UserError
from search_spaces.arms import Arms
from search_spaces.designs.columns import Column, Point, columns, label_of, settings_of
from search_spaces.designs.conditional import conditions, reduced, words
from search_spaces.designs.fraction import Fraction, fraction
from search_spaces.designs.sampled import sampled
from search_spaces.overrides import written
from search_spaces.study import Ablation
from search_spaces.types import AblationView

GRID = "Grid"
MOST_POINTS = 10_000
"""More arms than that are a slip; a sample of them can be run."""


def grid_view(ablation: Ablation, arms: Arms) -> AblationView:
    """Asks for the points of a factorial; the baseline is always there to compare with.

    Raises:
        UserError: in one sentence, what makes it impossible.
    """
    name = ablation.name or GRID
    found = columns(ablation.grid, arms, "grid")
    axes = [column.axis for column in found]
    part = fraction(ablation.generators, found) if ablation.generators else None
    points, notes = _points(ablation, found, part, arms)
    rows = []
    names = written(ablation.grid)
    for point in points:
        label = label_of(axes, point)
        rows.append((label, *arms.ask(settings_of(axes, point, arms, arms.baseline), name, label, written=names)))
    cells = {
        arm: tuple(_level(column, point) for column in found) for point, (_, arm, _) in zip(points, rows, strict=True)
    }
    effects = part is not None or ablation.effects
    partners = _rows_of_cells(points, axes_names := [axis.name for axis in axes], [arm for _, arm, _ in rows])
    if effects:  # every cell is needed for every effect
        whole = tuple(arm for _, arm, _ in rows)
        partners = {arm: (whole,) for arm in whole}
    if not any(arm == "baseline" for _, arm, _ in rows):
        rows.insert(0, ("baseline", *arms.ask({}, name)))
    return AblationView(
        name,
        ", ".join(axes_names),
        "FACTORIAL" if effects else "GRID",
        tuple((label, arm) for label, arm, _ in rows),
        tuple(arm for _, arm, new in rows if new),
        notes,
        partners,
        cells=cells,
        references=tuple(_reference(column, arms) for column in found) if effects else (),
    )


def _points(
    ablation: Ablation, found: Sequence[Column], part: Fraction | None, arms: Arms
) -> tuple[tuple[Point, ...], tuple[str, ...]]:
    """The points, and what a reader should know of how they were chosen."""
    shape = " x ".join(str(len(column.values)) for column in found)
    if part is not None:
        return part.points(found), part.words()
    reads = conditions(ablation.when, found, arms)
    reduce = reduced(reads)
    if ablation.sample is not None:
        points = sampled(found, ablation.sample, ablation.draw, reduce)
        said = f"{len(points)} points of {shape} values, drawn so that every value comes up about equally often"
        return points, (said, *words(reads, found))
    count = 1
    for column in found:
        count *= len(column.values)
    if count > MOST_POINTS:
        raise UserError(f"grid: {shape} values are {count:,} points; sample some of them, e.g. sample: 24")
    names = [column.axis.name for column in found]
    full = (dict(zip(names, point, strict=True)) for point in itertools.product(*(c.values for c in found)))
    distinct = {tuple(point.items()): point for point in map(dict, map(reduce, full))}
    return tuple(distinct.values()), (f"{shape} values", *words(reads, found))


def _rows_of_cells(
    points: Sequence[Point], names: Sequence[str], arms: Sequence[str]
) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Returns each cell's rows, one for each axis: the cells that have the same value there."""
    return {
        arm: tuple(
            tuple(other for cell, other in zip(points, arms, strict=True) if name in cell and cell[name] == point[name])
            for name in names
            if name in point
        )
        for point, arm in zip(points, arms, strict=True)
    }


def _level(column: Column, point: Point) -> str:
    return column.axis.label(point[column.axis.name]) if column.axis.name in point else ""


def _reference(column: Column, arms: Arms) -> str:
    """The level that an axis's main effect is measured from: the baseline's where it is one, else the first."""
    own: Any = column.axis.current(arms.baseline, arms.profile)
    return column.axis.label(own if own in column.values else column.values[0])
