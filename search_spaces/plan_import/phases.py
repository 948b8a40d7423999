"""One arm that sets two axes: ``a linear warm-up, then cosine decay``; and a value with values of another axis.

What follows in time belongs to the same run. Its second half alone would be another experiment, so that it is read as
a whole, as one setting of two axes, or asked about.
"""

from __future__ import annotations

import re
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES, Axis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.choose import choose
from search_spaces.plan_import.combined import Combined, grid_of
from search_spaces.plan_import.evidence import SPEAKS, evidence
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.points import one_of
from search_spaces.plan_import.values import read_values, reads
from search_spaces.plan_import.written import Entry, clean
from search_spaces.profiles import Profile

_NEXT = r"(?:and\s+)?(?:then|followed by|after which|afterwards|thereafter|subsequently|before (?=\w+ing\b))\b"
_THEN = re.compile(rf"\s*[,;]?\s+{_NEXT}[\s,:]*", re.I)
_OPENS = re.compile(rf"^\W*{_NEXT}[\s,:]*", re.I)
_LASTS = re.compile(
    r"\b(?:for|over|during|in|until|within|through)\s+(?:the\s+)?"
    r"(?:(?:very\s+)?(?:first|initial|last|final|early)\b|half\b|\d[\d,.]*\s*[kKM%]?\s*(?:\w+\s+)?(?:steps|iterations|epochs|images|updates|of)\b)"
    r"|\bat first\b|\binitially\b|\bhalf-?way\b",
    re.I,
)
"""How long something holds."""


def in_phases(entry: Entry, baseline: TrialConfig, profile: Profile) -> Combined | None:
    """Reads what follows in time as one arm; asks where it is no setting of two axes. None where nothing does.

    Values of one axis that a text lists one after another (``4, then 8``) are a list.
    """
    if entry.axes or any(read_action(text).cumulative for text in (*entry.actions, *entry.parts)):
        return None
    for at, text in enumerate(entry.replacements):
        opens = _OPENS.match(text)
        if opens is not None and at in entry.continued:
            first, then = entry.replacements[at - 1], text[opens.end() :]
        elif (found := _THEN.search(text)) is not None and opens is None and clean(text[: found.start()]):
            first, then = text[: found.start()], text[found.end() :]
        else:
            continue
        lasts = _LASTS.search(first) or _LASTS.search(then)
        if not (lasts or _apart(first, then)) or _is_list(first, then, entry, baseline, profile):
            continue
        alone = len(entry.replacements) == (2 if opens is not None else 1)
        return _arm(first, then, entry, baseline, profile, alone)
    return _done_in_phases(entry, baseline, profile)


def _apart(first: str, then: str) -> bool:
    """Whether both halves name axes, others, and not parts of a network alone, through which data goes in turn."""
    one, other = {*axes_named(first)}, {*axes_named(then)}
    fields = {field for name in one | other for field in AXES.get(name).fields}
    return bool(one and other) and one != other and not all(field.startswith("model.") for field in fields)


def _done_in_phases(entry: Entry, baseline: TrialConfig, profile: Profile) -> Combined | None:
    """The same of what is done, where both halves set something: ``warm up for 5,000 steps, then decay linearly``."""
    for text in entry.actions if not entry.replacements else ():
        for found in _THEN.finditer(text):
            first, then = _LED.sub("", text[: found.start()]), text[found.end() :]
            sides = [_point(side, entry, baseline, profile) for side in (first, then)]
            lasts = _LASTS.search(first) is not None or _LASTS.search(then) is not None
            if sides[1] is not None and (lasts or (sides[0] is not None and sides[0].keys() != sides[1].keys())):
                return _arm(first, then, entry, baseline, profile, len(entry.actions) == 1)
    return None


_LED = re.compile(r"^.*?\b(?:with|by|to|use|using|try)\s+(?:an?\s+)?(?=\w)", re.I)
"""What leads to the first of two halves: ``Replace the constant rate with``."""


def _axis_of(text: str, entry: Entry, baseline: TrialConfig, profile: Profile) -> Axis | None:
    return choose(Entry(title=entry.title, parts=entry.parts, replacements=[text]), baseline, profile).axis


def _is_list(first: str, then: str, entry: Entry, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether both are values of the same axis, or what follows says only what it brings, and neither has a time."""
    if _LASTS.search(first) or _LASTS.search(then):
        return False
    axis = _axis_of(f"{first}, {then}", entry, baseline, profile) or _axis_of(first, entry, baseline, profile)
    return axis is not None and reads(first, axis, baseline, profile) and (
        reads(then, axis, baseline, profile) or not _sets_more(then, axis)
    )  # fmt: skip


def _sets_more(text: str, axis: Axis) -> bool:
    """Whether a text speaks of another axis than the one of the value before it."""
    heard = [score for score in evidence([("", text, 1.0)]) if score.text >= SPEAKS]
    return any(s.candidate.axis is None or not {*s.candidate.axis.fields} & {*axis.fields} for s in heard)


def _arm(first: str, then: str, entry: Entry, baseline: TrialConfig, profile: Profile, alone: bool) -> Combined:
    """The one arm that two halves make together, or what is asked about them."""
    points = [_point(side, entry, baseline, profile) for side in (first, then)]
    names = [name for point in points if point is not None for name in point]
    single = all(point is not None and all(len(values) == 1 for values in point.values()) for point in points)
    fields = [field for name in names for field in AXES.get(name).fields]
    if alone and single and len(names) == 2 and len(set(fields)) == len(fields):
        return grid_of({name: values for point in points if point for name, values in point.items()})
    said = tuple(dict.fromkeys([*names, *axes_named(f"{first}, {then}"), *_heard(first), *_heard(then)]))
    axis = _axis_of(then, entry, baseline, profile)
    said = said or ((axis.name,) if axis is not None else ("learning_rate_schedule",))
    return Combined(
        said[:3],
        asked=f"'{first}, then {then}' is one run in which one follows the other, and not each of them alone",
        settle="an entry for each axis with the value that holds in the whole run",
    )


def _heard(text: str) -> list[str]:
    """The axes that a text speaks of."""
    return [s.candidate.name for s in evidence([("", text, 1.0)])[:2] if s.candidate.axis and s.text >= SPEAKS]


def _point(text: str, entry: Entry, baseline: TrialConfig, profile: Profile) -> dict[str, Any] | None:
    """The axis that a text sets, with what it reads."""
    if axes_named(text) and (point := one_of(text, (), baseline, profile)) is not None:
        return point
    axis = _axis_of(text, entry, baseline, profile)
    try:
        return {axis.name: read_values(text, axis, baseline, profile)[0]} if axis is not None else None
    except UserError:
        return None


_WITH_LIST = re.compile(
    r"^(?P<head>[^\d,;]+?),?\s+(?:each\s+)?(?:with|using|at|in|over|for|of)\s+(?:either\s+|both\s+)?"
    r"(?P<list>[{(\[]?\s*\d[\d.]*(?:\s*(?:,|/|and|or|&|,\s*and|,\s*or)\s*\d[\d.]*)+\s*[})\]]?)\s*"
    r"(?P<unit>[A-Za-z][A-Za-z -]{2,30})$",
    re.I,
)
"""A value and a list of numbers with their unit: ``deterministic DDIM with 50, 100 and 250 steps``."""


def with_list(entry: Entry, baseline: TrialConfig, profile: Profile) -> Combined | None:
    """Reads a value of one axis with several of another as a grid; None where an entry is none."""
    if entry.axes or not entry.replacements or entry.continued != {*range(1, len(entry.replacements))}:
        return None
    found = _WITH_LIST.match(", ".join(entry.replacements).strip(" ."))
    if found is None:
        return None
    read = [
        one_of(f"{number} {found['unit']}", (), baseline, profile) for number in re.findall(r"[\d.]+", found["list"])
    ]
    head = one_of(found["head"], (), baseline, profile) or _point(found["head"], entry, baseline, profile)
    if head is None or len(head) != 1 or any(len(values) != 1 for values in head.values()):
        return None
    names = {name for point in read for name in (point or {"": ()})}
    if len(names) != 1 or names == {""} or names & head.keys():
        return None
    name = names.pop()
    if not isinstance(AXES.get(name), NumberAxis) or {*AXES.get(name).fields} & {*AXES.get(next(iter(head))).fields}:
        return None
    return grid_of({**head, name: tuple(dict.fromkeys(value for point in read if point for value in point[name]))})
