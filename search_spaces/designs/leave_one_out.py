"""A full system, and the same less one of its components: what does each contribute beside all others?"""

from __future__ import annotations

from typing import Any

from dit_core.errors import UserError
from search_spaces.arms import Arms
from search_spaces.overrides import read_settings
from search_spaces.study import Ablation, LadderStep
from search_spaces.types import AblationView

FULL = "full system"


def leave_one_out_view(ablation: Ablation, arms: Arms, ladder: tuple[LadderStep, ...]) -> AblationView:
    """Asks for the baseline with all components, and for that less each of them.

    Every one of these is compared with the full system, and the full system with the baseline.

    Raises:
        UserError: fewer than two components, or one that is unknown or changes nothing.
    """
    name = ablation.name or "Leave one out"
    components = ladder if ablation.leave_one_out == "ladder" else ablation.leave_one_out
    if not components:
        raise UserError(f"ablation {name!r}: leave_one_out is the ladder's steps, and the study has no ladder")
    assert not isinstance(components, str)
    if len(components) < 2:
        raise UserError(f"ablation {name!r}: leave_one_out needs at least two components")
    asked = [component.name for component in components]
    for own in asked:
        if asked.count(own) > 1:
            raise UserError(f"ablation {name!r}: {asked.count(own)} components are called {own!r}")
    full, adds = arms.ask(_settings(components, arms, name), name, FULL, _free(FULL, name, arms))
    rows, new_arms = [("baseline", arms.ask({}, name)[0]), (FULL, full)], [full] if adds else []
    asks: dict[str, tuple[str, ...]] = {FULL: tuple(key for component in components for key in component.set)}
    for left in components:
        label = f"less {left.name}"
        settings = _settings(tuple(component for component in components if component is not left), arms, name)
        arm, new = arms.ask(settings, name, label, _free(label, name, arms))
        if arm == full:
            raise UserError(f"ablation {name!r}: the full system is the same without {left.name!r}")
        rows.append((label, arm))
        new_arms += [arm] if new else []
        asks[label] = tuple(left.set)
    others = tuple(arm for label, arm in rows if label not in ("baseline", FULL))
    notes = (
        f"the full system is the baseline with {', '.join(asked)}",
        *(f"{component.name}: {', '.join(f'{k}={v}' for k, v in component.set.items())}" for component in components),
    )
    return AblationView(
        name,
        "leave one out",
        "LEAVE-ONE-OUT",
        tuple(rows),
        tuple(new_arms),
        notes,
        {full: (others,)},
        beside={label: FULL for label, _ in rows if label not in ("baseline", FULL)},
        asks=asks,
    )


def _settings(components: tuple[LadderStep, ...], arms: Arms, name: str) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for component in components:
        where = f"ablation {name!r}: component {component.name!r}"
        settings |= read_settings(component.set, arms.baseline, arms.profile, where)
    return settings


def _free(called: str, name: str, arms: Arms) -> str:
    """The arm's name: with the question's where another question has an arm of this name."""
    return f"{name}: {called}" if any(arm.name == called for arm in arms.found.values()) else called
