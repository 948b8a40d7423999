"""Nested studies: one question asked anew at each value of other axes, each time around a baseline of its own."""

from __future__ import annotations

import itertools
from typing import Any

from dit_core.errors import UserError
from search_spaces.arms import Arms
from search_spaces.axes import find_axis
from search_spaces.designs.columns import columns, label_of, settings_of
from search_spaces.fields import with_fields
from search_spaces.study import Ablation
from search_spaces.types import AblationView


def within_view(ablation: Ablation, arms: Arms) -> AblationView:
    """Asks for a question's values at every value of the outer axes.

    An inner arm is compared with the arm of its own outer value that has the baseline's inner value, and that one with
    the baseline. So the inner question is answered at each outer value, and never mixed with the outer difference.

    Raises:
        UserError: an axis that is both inner and outer, no inner value, or an unknown value.
    """
    axis = find_axis(ablation.axis, "ablations")
    name = ablation.name or f"{axis.title} within {', '.join(ablation.within)}"
    where = f"ablation {name!r}"
    outer = columns(ablation.within, arms, "within")
    for column in outer:
        if shared := set(column.axis.fields) & set(axis.fields):
            raise UserError(f"{where}: within.{column.axis.name} sets {min(shared)}, which {axis.name} varies")
    try:
        parsed = tuple(dict.fromkeys(axis.parse(value, arms.profile) for value in ablation.values))
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    values = parsed or axis.values(arms.profile)
    axes = [column.axis for column in outer]
    rows: list[tuple[str, str]] = []
    adds: list[str] = []
    beside: dict[str, str] = {}
    asks: dict[str, tuple[str, ...]] = {}
    partners: dict[str, tuple[tuple[str, ...], ...]] = {}

    def ask(label: str, settings: dict[str, Any]) -> str:
        arm, new = arms.ask(settings, name, label)
        rows.append((label, arm))
        adds.extend([arm] if new else [])
        return arm

    for chosen in itertools.product(*(column.values for column in outer)):
        point = {own.name: value for own, value in zip(axes, chosen, strict=True)}
        level = label_of(axes, point)
        settings = settings_of(axes, point, arms, arms.baseline)
        config = with_fields(arms.baseline, settings, where)
        reference = ask(level, settings)
        asks[level] = tuple(point)
        inner = []
        for value in values:
            if value == axis.current(config, arms.profile):
                continue
            label = f"{level}: {axis.name}={axis.label(value)}"
            inner.append(ask(label, settings | axis.settings(value, arms.profile, config)))
            beside[label], asks[label] = level, (axis.name,)
        if not inner:
            raise UserError(f"{where}: {axis.name} has no other value than the baseline's; give values")
        if reference != "baseline":
            partners[reference] = (tuple(inner),)
    if not any(arm == "baseline" for _, arm in rows):
        rows.insert(0, ("baseline", arms.ask({}, name)[0]))
    levels = " x ".join(str(len(column.values)) for column in outer)
    note = f"{axis.name} is asked anew at each of {levels} values of {', '.join(a.name for a in axes)}"
    return AblationView(
        name,
        axis.name,
        "NESTED",
        tuple(rows),
        tuple(adds),
        (note,),
        partners,
        beside=beside,
        asks=asks,
    )
