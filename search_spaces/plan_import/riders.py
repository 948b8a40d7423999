"""What is written beside a value and changes the experiment itself: ``4 (with half the learning rate)``.

A remark beside a value says why it is tried, what follows from it, what it costs or where it comes from. A *rider* sets
something else as well, or holds only in a part of the model or of the training. It is carried out by nobody, so that an
entry with one is asked about. A clause is a rider where it

- restricts the value: ``for the first 10 layers only``, ``only receiving the timestep``, ``after warm-up``;
- trains the arm in another way: ``with the embedding frozen``, ``trained for twice as long``, ``seed 3``;
- names another axis or topic together with a change: ``learning rate scaled to match``, ``with dropout``;
- gives a number to something that does not have it with this value: ``(N = 14)``, ``(base 100)``.

A number that follows from the value is none: 64 tokens of patch size 4, 12 layers of DiT-B.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES, Axis, all_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.axes.switch import BoolAxis
from search_spaces.plan_import.absence import is_absent
from search_spaces.plan_import.another_run import ANOTHER
from search_spaces.plan_import.evidence import NAME, candidates, others_named, spelled
from search_spaces.plan_import.loose import mentioned, own_words, terms_in
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.rider_numbers import Values, facts, gives_number, is_fact, wrong_tokens
from search_spaces.plan_import.rider_words import (
    ADDS,
    ANOTHER_FORM,
    CHANGED,
    COSTS,
    LACKS,
    LIKE,
    OLD,
    ONLY_IN,
    PLACED,
    REFERS,
    RESTRICTS,
    SAME,
    SPLIT,
    TRAINED_ON,
    TRAINS,
    USUAL_DATA,
    WHY,
)
from search_spaces.plan_import.stems import STOP_STEMS, stems
from search_spaces.plan_import.value_words import own_values
from search_spaces.plan_import.wrapping import is_cost, unwrapped
from search_spaces.profiles import PROFILES, Profile

_PARTIAL = frozenset(("guidance_interval", "guidance_channels", "warmup_images", "learning_rate_schedule",
                      "weight_tying", "long_skips", "alignment", "class_conditioning", "evaluation_seed"))  # fmt: skip
"""Axes whose values are parts of the network, of its inputs or of the time."""


_PLACES = _PARTIAL | {"block", "conditioning", "registers"}
"""Axes that tell where something stands: cross-attention comes after self-attention."""


def rider(text: str, values: Values, baseline: TrialConfig, profile: Profile, there: bool = False) -> str:
    """Returns the first clause of a text that changes more than the values that were read of it; empty where none does.

    Args:
        text: an item of what is tried, or what is done.
        values: axis -> the values that were read, whose consequences change nothing.
        baseline: what it has already is no change.
        profile: the baseline's profile.
        there: whether it names what is there, so that what it says of it is no change.
    """
    axes = [AXES.get(name) for name in values]
    made = list(facts(values, baseline, profile))
    if "patch_size" in values and wrong_tokens(text, made):
        return text
    for arm in ANOTHER.split(text)[1:]:
        if not any(_is_tried(arm, axis, values, profile) for axis in axes):
            return arm.strip()
    for axis in axes:
        text = unwrapped(text, axis)
    text = REFERS.sub(" ", OLD.sub(" ", text))
    for at, whole in enumerate(SPLIT.split(USUAL_DATA.sub(" ", text))):
        clause = _without_what_stays(whole)
        if not clause.strip(" .") or is_cost(clause) or LIKE.match(clause):
            continue
        restricts = RESTRICTS.search(clause)
        if restricts is not None and not (_is_alias(restricts, axes) or _PARTIAL & set(values)):
            return clause.strip()
        if (when := ONLY_IN.search(clause)) is not None and not all(_is_of(axis, when) for axis in axes):
            return clause.strip()
        if at and not there and any(_is_another_value(axis, clause, values) for axis in axes):
            return clause.strip()
        placed = None if there else PLACED.search(clause)
        if placed is not None and not (_is_alias(placed, axes) or _is_own(placed, axes) or _PLACES & set(values)):
            return clause.strip()
        if WHY.search(clause):
            continue
        form = None if there else ANOTHER_FORM.search(clause)
        if form is not None and not _is_of_values(form, values):
            return clause.strip()
        trains = TRAINS.search(clause)
        if trains is not None and not (_is_alias(trains, axes) or _is_own(trains, axes) or "evaluation_seed" in values):
            return clause.strip()
        if _sets(clause, at, axes, made, values, baseline, profile, there) or gives_number(
            clause, values, made, profile, there
        ):
            return clause.strip()
    return ""


def _is_tried(arm: str, axis: Axis, values: Values, profile: Profile) -> bool:
    """Whether what a further run has is among the values that were read."""
    named = mentioned(arm, axis, profile) if isinstance(axis, ChoiceAxis) else numbers_in(arm)
    return bool(named) and {*named} <= {*values.get(axis.name, ())}


_FURTHER = re.compile(
    r"^\W*(?:and|also|plus|as well as)\s+(?:also\s+)?(?P<said>[-+.\d][\d.,eE+-]*\s*%?)"
    r"(?=\W*$|\s+(?:for|in|at|during|on|when|as)\b)",
    re.I,
)
"""A further value behind one: ``50 (and 25 for the preview)``."""

_ALSO = re.compile(r"^\W*(?:and|also|plus|both|as well as)\b", re.I)
_AGAINST = re.compile(r"\b(?:vs|versus|than|unlike|like|from|to|close|near|almost)\b", re.I)
"""What only compares."""


def _is_another_value(axis: Axis, clause: str, values: Values) -> bool:
    """Whether a clause beside a number names another one, or none: ``0.99 (and the raw weights)``."""
    if not isinstance(axis, NumberAxis) or _AGAINST.search(clause):
        return False
    row = values.get(axis.name, ())
    if not row:
        return False
    further = _FURTHER.match(clause)
    if further is not None and not set(numbers_in(further["said"])) <= {*row}:
        return True
    if (
        _ALSO.match(clause)
        and axis.remove_value not in row
        and any({*stems(phrase)} <= {*stems(clause)} for phrase in axis.absent if phrase)
    ):
        return True
    return axis.remove_value not in row and is_absent(
        re.sub(r"^\W*(?:and|or|plus|with)\b", "", clause), axis, own_words(axis)
    )


def _without_what_stays(clause: str) -> str:
    found = SAME.search(clause)
    return clause if found is None or COSTS.search(found["what"]) else clause[: found.start()]


def changes_more(clause: str, name: str) -> str:
    """The reason why an entry with a rider is not run."""
    return f"{clause!r} may change more than {name}, and is not carried out; leave it out, or make an entry of it"


def _is_of(axis: Axis, when: re.Match[str]) -> bool:
    """Whether what an axis sets is used at that time only: dropout in training, guidance in sampling."""
    sampled = any(field.startswith("evaluation.") for field in axis.fields)
    return not sampled if when["training"] else sampled


def _is_alias(found: re.Match[str], axes: Sequence[Axis]) -> bool:
    """Whether one way to write a value has all the words that were found."""
    said = set(stems(found[0]))
    names = (
        name for axis in axes if isinstance(axis, ChoiceAxis) for row in axis.value_aliases.values() for name in row
    )
    return any(said <= set(stems(name)) for name in names)


def _is_of_values(found: re.Match[str], values: Values) -> bool:
    """Whether one way to write a value that is tried, or a switch, has all the words that were found."""
    said = set(stems(found[0])) - STOP_STEMS
    for name, row in values.items():
        axis = AXES.get(name)
        if isinstance(axis, BoolAxis) and said and said <= own_words(axis):
            return True
        ways = axis.value_aliases if isinstance(axis, ChoiceAxis) else {}
        if said and any(said <= set(stems(way)) for value in row for way in (value, *ways.get(value, ()))):
            return True
    return False


def _is_own(found: re.Match[str], axes: Sequence[Axis]) -> bool:
    """Whether an axis has all the words that were found: ``decayed`` of a schedule."""
    return any(set(stems(found[0])) - STOP_STEMS <= own_words(axis) for axis in axes)


def _sets(
    clause: str,
    at: int,
    axes: Sequence[Axis],
    made: Sequence[TrialConfig],
    values: Values,
    baseline: TrialConfig,
    profile: Profile,
    there: bool,
) -> bool:
    """Whether a clause changes an axis that its entry is not about, or something outside of all axes."""
    fields = {field for axis in axes for field in axis.fields}
    own = frozenset().union(*map(own_words, axes))
    adds, lacks = ADDS.search(clause), LACKS.search(clause)
    changed = None if there else CHANGED.search(clause)
    tried = {value for row in values.values() for value in row}
    tried |= {axis.current(one, PROFILES.get("paper")) for axis in axes for one in made[:1]}
    numbers = [number for number in numbers_in(clause) if number not in tried]
    if adds and _is_value(ADDS.sub("", clause), fields, baseline, profile):
        return True
    for candidate in others_named(clause, axes[0], own_values(baseline, profile)):
        axis = candidate.axis
        if axis is not None and set(axis.fields) & fields:
            continue
        said = [term for term in terms_in(clause, candidate) if term.counts < NAME or not set(term.stems) <= own]
        if not said:
            continue
        if axis is None:
            if (changed and not _BESIDE.fullmatch(changed[0])) or TRAINED_ON.search(clause):
                return True
            continue
        if not any(term.counts == NAME for term in said):
            mine = {word for one in axes if isinstance(one, ChoiceAxis) for value in mentioned(clause, one, profile)
                    for word in stems(spelled(str(value)))}  # fmt: skip
            said = [term for term in said if not set(term.stems) <= mine]
            beside = set(stems(clause)) & candidate.name_words
            alone = any(len(term.stems) > 1 or _sharing(term.stems[0]) < 3 or beside - {*term.stems} for term in said)
            others = set(mentioned(clause, axis, profile)) if isinstance(axis, ChoiceAxis) else set()
            whole = at and any(set(stems(clause)) <= {*term.stems} | beside | STOP_STEMS for term in said)
            if alone and others - {axis.current(baseline, profile)} and (adds or whole or _AND.match(clause)):
                return True
            continue
        if changed or any(not is_fact(number, axis, made) for number in numbers):
            return True
        if isinstance(axis, ChoiceAxis):
            if set(mentioned(clause, axis, profile)) - {axis.current(baseline, profile)} and (
                adds or _AND.match(clause)
            ):
                return True
        elif axis.remove_value is not None:
            has = axis.current(baseline, profile) != axis.remove_value
            if (adds and not lacks and not has) or (lacks and has):
                return True
    return False


def _is_value(text: str, fields: set[str], baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a text is a value of another choice, and what no choice has already: ``DDIM``."""
    found = False
    for axis in all_axes():
        if isinstance(axis, ChoiceAxis) and text.strip() and not set(axis.fields) & fields:
            try:
                value = axis.parse(text, profile)
            except UserError:
                continue
            if value == axis.current(baseline, profile):
                return False
            found = True
    return found


_BESIDE = re.compile(r"additional|extra|separate|another|different|off", re.I)
"""What may describe a part that is there, and changes none."""

_AND = re.compile(r"^\W*(?:and|but)\b", re.I)


def _sharing(word: str) -> int:
    """How many axes and topics have a word."""
    return sum(word in candidate.known for candidate in candidates())
