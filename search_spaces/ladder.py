"""The ladder of a study: steps that each keep what the ones before them have changed."""

from __future__ import annotations

from typing import Any

from dit_core.errors import UserError
from search_spaces.arms import Arms
from search_spaces.fields import flat, with_fields
from search_spaces.overrides import read_settings, written
from search_spaces.study import LadderStep
from search_spaces.types import AblationView

LADDER = "Ladder"


def ladder_view(steps: tuple[LadderStep, ...], arms: Arms) -> AblationView:
    """Asks for one arm per step.

    Returns:
        The rows in the order of the steps, the baseline first; a note says what each of them sets.

    Raises:
        UserError: a step that sets what is unknown, or changes nothing, or makes an invalid configuration.
    """
    rows = [("baseline", arms.ask({}, LADDER)[0])]
    config = arms.baseline
    settings: dict[str, Any] = {}
    adds: list[str] = []
    notes: list[str] = []
    for number, step in enumerate(steps, start=1):
        where = f"ladder step {step.name!r}"
        before = flat(config)
        settings |= read_settings(step.set, config, arms.profile, where)
        config = with_fields(arms.baseline, settings, where, written(step.set))
        changed = flat(config) != before
        if not changed:
            raise UserError(f"{where}: changes nothing; what it sets is so already")
        name, new = arms.ask(settings, LADDER, step.name, f"ladder {number}: {step.name}")
        rows.append((step.name, name))
        adds += [name] if new else []
        notes.append(f"{step.name}: {', '.join(f'{key}={value}' for key, value in step.set.items())}")
    order = [arm for _, arm in rows]
    partners = {arm: (tuple(order[order.index(arm) :]),) for arm in order[1:]}
    return AblationView(LADDER, "cumulative", "LADDER", tuple(rows), tuple(adds), ("; ".join(notes),), partners)
