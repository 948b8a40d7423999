"""The steps of a ladder, each on the one axis that reads it, and a second ladder as arms of their own.

A step may say what goes (``LayerNorm → RMSNorm``, ``50 steps instead of 250``); that has to be so before the step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES, all_axes
from search_spaces.plan_import.choose import choose
from search_spaces.plan_import.doing import read_doing
from search_spaces.plan_import.sentences import entries_of
from search_spaces.plan_import.there import is_published
from search_spaces.plan_import.values import read_values, reads
from search_spaces.plan_import.written import Entry, clean
from search_spaces.profiles import Profile
from search_spaces.study import Ablation, LadderStep

Point = dict[str, Any]
ReadOne = Callable[[str, Sequence[str], TrialConfig, Profile], Point | None]

_LEADS = re.compile(
    r"^\s*(?:\(?\d+[.)]\s*|step\s+\d+\s*[:.)–—-]\s*)?"
    r"(?:(?:\+|plus|on top of (?:that|this|it|all that),?|on top,?|first(?:ly)?|second(?:ly)?|"
    r"third(?:ly)?|next|finally|lastly|then|and|also|additionally|in addition|furthermore|moreover|adds?|adding|"
    r"switch(?:es)? to|swaps? in|uses?)\b[\s,:]*|\+\s*)+",
    re.I,
)
"""What only leads to a step, or says that it comes on top."""

_START = re.compile(
    r"(?:(?:we|i)\s+)?(?:(?:go|start|begin|move|climb)\w*\s+)?(?:from\s+|with\s+)?(?:the\s+|a\s+)?"
    r"(?:plain|vanilla|unmodified|original|published|standard|full)?\s*(?:baseline|DiT(?:-\w+(?:/\d+)?)?|model|reference)(?:\s+(?:model|baseline))?\W*",
    re.I,
)
"""The baseline as the first of the steps."""

_ARROW = re.compile(r"\s*(?:→|->|⟶|=>|⇒)\s*")
_INSTEAD = re.compile(
    r"^(?P<new>.+?)\s*[(,]?\s*\b(?:instead of|rather than|in place of|replacing)\s+(?:the\s+|a\s+)?"
    r"(?P<old>[^()]+?)\)?$",
    re.I,
)


def steps_of(
    texts: Sequence[str], baseline: TrialConfig, profile: Profile, one_of: ReadOne
) -> tuple[list[LadderStep], dict[int, str]] | None:
    """The steps that texts are, and what each was taken to mean; None where one is not understood.

    Args:
        texts: the steps in order; one may write the steps before it out once more (``RMSNorm + SwiGLU``).
        baseline: what the first step changes.
        profile: the baseline's profile.
        one_of: reads a text as values of the one axis that it can be about.
    """
    steps, items, so_far = list[LadderStep](), dict[int, str](), Point()
    for index, text in enumerate(texts):
        if not index and len(texts) > 2 and _START.fullmatch(text):
            items[index] = "where the steps start; it changes nothing"
            continue
        again = texts[index - 1] if index else ""
        said = (
            text[len(again) :]
            if again and re.match(r"\s*(?:\+|,|and\b)", text[len(again) :]) and text.startswith(again)
            else text
        )
        bare = clean(_LEADS.sub("", said))
        found = _step(bare, so_far, baseline, profile, one_of)
        if found is None:
            return None
        name, value = found
        so_far[name] = value
        steps.append(LadderStep(name=text, set={name: value}))
        items[index] = f"step {len(steps)}: {name}={AXES.get(name).label(value)}, on top of the steps before it"
    return steps, items


def stuck(texts: Sequence[str], baseline: TrialConfig, profile: Profile) -> bool:
    """Whether steps that add up are no ladder, nor all of them values of one axis."""
    bare = [clean(_LEADS.sub("", text)) for text in texts if not _START.fullmatch(text)]
    return not any(all(reads(text, axis, baseline, profile) for text in bare) for axis in all_axes())


def _step(text: str, so_far: Point, baseline: TrialConfig, profile: Profile, one_of: ReadOne) -> tuple[str, Any] | None:
    """The axis that a step sets, and to which value."""
    sides = [side for side in _ARROW.split(text) if side]
    instead = _INSTEAD.match(text)
    old, new = "", text
    if len(sides) == 2:
        old, new = sides
    elif instead is not None:
        old, new = instead["old"], instead["new"]
    elif (told := entries_of(text)) and len(told) == 1 and len(told[0].replacements) == 1 and told[0].parts:
        old, new = told[0].parts[0], told[0].replacements[0]
    elif len(sides) > 2:
        return None
    point = one_of(clean(new), (), baseline, profile) or _done(new, baseline, profile)
    if point is None or (old and not _was_so(old, point, so_far, baseline, profile)):
        point = _done(text, baseline, profile) if len(sides) == 1 else None
    if point is None or len(point) != 1:
        return None
    ((name, values),) = point.items()
    return (name, values[0]) if len(values) == 1 else None


def _was_so(old: str, point: Point, so_far: Point, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether what a step says to go is the value of its axis before the step, or only names the axis."""
    (name,) = point
    axis = AXES.get(name)
    now = so_far.get(name, axis.current(baseline, profile))
    try:
        values = read_values(old, axis, baseline, profile)[0]
    except UserError:
        chosen = choose(Entry(parts=[old]), baseline, profile).axis
        return chosen is not None and {*chosen.fields} == {*axis.fields}
    return all(value == now or (name not in so_far and is_published(value, axis)) for value in values)


def _done(text: str, baseline: TrialConfig, profile: Profile) -> Point | None:
    """What a step does in words, on the one axis that it is about: ``take away the positional table``."""
    axis = choose(Entry(parts=[text]), baseline, profile).axis
    if axis is None:
        return None
    doing = read_doing(text, axis, baseline, profile)
    if doing.unread or doing.ranged:
        return None
    if not doing.values and doing.asked.actions == {"REMOVE"} and axis.remove_value is not None:
        return {axis.name: (axis.remove_value,)}
    return {axis.name: tuple(doing.values)} if len(doing.values) == 1 else None


def as_arms(steps: Sequence[LadderStep], name: str, baseline: TrialConfig, profile: Profile) -> Ablation:
    """A ladder as axes that change together: each arm has what its step and those before it set.

    Args:
        steps: the ladder's steps.
        name: what the ablation is called.
        baseline: whose values the axes have that no step has set yet.
        profile: the baseline's profile.
    """
    names = tuple(dict.fromkeys(axis for step in steps for axis in step.set))
    now = {axis: AXES.get(axis).current(baseline, profile) for axis in names}
    columns: dict[str, list[Any]] = {axis: [] for axis in names}
    for step in steps:
        now |= step.set
        for axis in names:
            value = now[axis]
            columns[axis].append(AXES.get(axis).label(value) if isinstance(value, tuple) else value)
    return Ablation(name=name, axis=", ".join(names), zip={axis: tuple(row) for axis, row in columns.items()})
