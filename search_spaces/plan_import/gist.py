"""Reads an entry from all that it says, where its labels or its sentences were not taken apart.

What carries a quantity, a value, a negation or the name of something else has to be understood; other words are
remarks. So a sentence may be worded in any way, and one with a number too many is not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from dit_core.config import TrialConfig
from search_spaces.axes import Axis, axis_called
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.absence import is_nothing
from search_spaces.plan_import.actions import is_action, read_action
from search_spaces.plan_import.beside import reads_other
from search_spaces.plan_import.choose import CLEAR, ENOUGH, add_values, bare_title, shared_noun, topic_named
from search_spaces.plan_import.described import untrue_in
from search_spaces.plan_import.doing import without_constants
from search_spaces.plan_import.evidence import Score, evidence, owner_of
from search_spaces.plan_import.gist_orders import SAMPLES, Unread, named_in, order_in, value_in
from search_spaces.plan_import.joined import axes_joined
from search_spaces.plan_import.left_open import lists_some
from search_spaces.plan_import.loose import mentioned
from search_spaces.plan_import.measured import without_metrics
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.phases import in_phases
from search_spaces.plan_import.sentences import asks, unled
from search_spaces.plan_import.telling import describes, is_order, is_why
from search_spaces.plan_import.there import is_published, published_numbers
from search_spaces.plan_import.values import is_generic, only_others
from search_spaces.plan_import.written import LONGEST, Entry, clean
from search_spaces.profiles import Profile

_THERE = re.compile(
    r"\b(?:baseline|default|current|currently|original|existing|published|paper|from|control|before|old|problem"
    r"|status quo|today|now)\b",
    re.I,
)
"""Labels of what is there already."""

_TELLS_HOW = re.compile(r"\b(?:descri\w*|details?|how|method|procedure|implement\w*|summary|what)\b", re.I)
"""Labels of remarks that may say what is done."""

_SENTENCE = re.compile(r"(?<=[.!?;])(?<!\bvs\.)(?<!\bcf\.)(?<!\bal\.)(?<!e\.g\.)(?<!i\.e\.)\s+(?=[\w\"“(*])")
_WEIGHTS = {"title": 0.8, "part": 1.0, "order": 0.6, "value": 0.5, "there": 0.6, "aside": 0.15}
_HAPPENS = re.compile(
    r"\b(?:what (?:happens|changes|it costs|is lost|we lose|is gained)|how (?:much|well|far|badly|it|they|the \w+"
    r"|quality|fid|dit)\b[^,.]*?|"
    r"the (?:effect|impact|consequence|result)s?)\s+(?:when|if|once|of|with(?=out\b))\s+(?P<what>.+)$",
    re.I,
)
"""An order in other words: ``report what happens when the variance is fixed``."""

_SHORT = re.compile(r"→|->|=>|\bbecomes?\b|\binstead\b|\bin place of\b|\bwithout\b|\bw/o\b", re.I)
"""What says in a fragment that something is to be changed."""

_TOPIC = 0.65
"""The share of the best's evidence from which a topic outside of all axes, that is named, contends with it."""

_SHORT_VALUE = 4
"""Up to how many words a text in the place of values is one by itself."""


@dataclass
class _Told:
    """What an entry says, by what it is for."""

    titles: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    maybe: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    asides: list[str] = field(default_factory=list)
    asides_listed: list[str] = field(default_factory=list)  # those that stand beside labels, under none

    def texts(self) -> list[tuple[str, str, float]]:
        """Every text with the place it stands in, and what the place counts."""
        title = "part" if not self.parts else "title"
        rows = [("Title", text, _WEIGHTS[title]) for text in self.titles]
        rows += [("Ablated Part", text, _WEIGHTS["part"]) for text in self.parts]
        rows += [("Action", without_constants(text), _WEIGHTS["order"]) for text in (*self.orders, *self.maybe)]
        rows += [("Replacement", without_constants(text), _WEIGHTS["value"]) for text in self.values]
        rows += [("Remark", text, _WEIGHTS["there"]) for text in self.there]
        return rows + [("Remark", text, _WEIGHTS["aside"]) for text in self.asides]


def gist(entry: Entry, baseline: TrialConfig, profile: Profile) -> Entry | None:
    """Returns an entry that says the same as ``entry`` in an axis, an action and values; None where it is not clear.

    Args:
        entry: as written.
        baseline: the configuration that values must be possible with.
        profile: the baseline's profile.
    """
    if (
        entry.axes
        or entry.twice
        or entry.stepped
        or is_whole(entry)
        or any(len(text) > LONGEST for text in entry.texts)
    ):
        return None
    if any(map(lists_some, entry.said)):
        return None  # what is not said is not passed over
    if in_phases(entry, baseline, profile) is not None:
        return None  # one half of it alone would be another experiment
    told = _told(entry)
    if any(len(axes_joined(text)) > 1 for text in (*told.titles, *told.parts)):
        return None
    score = _axis(told, entry, baseline, profile)
    if score is None or score.candidate.axis is None:
        return None
    axis = score.candidate.axis
    asked = (*told.orders, *told.maybe, *told.values)
    if isinstance(axis, ChoiceAxis) and axis.never and any(re.search(axis.never, text, re.I) for text in asked):
        return None  # it reads like a value, and is none: it has to be named
    if shared_noun(entry, entry.parts[0] if entry.parts else "", axis, profile):
        return None
    try:
        values, actions = _done(told, axis, baseline, profile)
    except Unread:
        return None
    if not values and (actions not in ({"REMOVE"}, {"ADD"}) or _counts_something(told, axis, baseline, profile)):
        return None
    if values and actions == {"REMOVE"}:
        if axis.current(baseline, profile) != axis.remove_value or not isinstance(axis, NumberAxis):
            return None
        actions = {"REPLACE"}  # "drop weights with a probability of 0.1" where nothing is dropped yet
    found = Entry(title=entry.title, axes=[axis.name], metrics=list(entry.metrics), remarks=list(entry.remarks))
    found.actions = [next(iter(actions)) if actions in ({"REMOVE"}, {"ADD"}) else "REPLACE"]
    if found.actions == ["ADD"] and values and not (axis.add_values or axis.remove_value is not None):
        found.actions = ["REPLACE"]
    found.replacements = [axis.label(value) for value in values]
    found.gist = f"the axis {axis.name}, from {score.said()}"
    return found


def _counts_something(told: _Told, axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a part holds a number that is no value of what is there: ``add a decay of 0.05`` tries no other."""
    numbers = [one for text in told.parts for one in numbers_in(text) if isinstance(axis, NumberAxis)]
    return any(one != axis.current(baseline, profile) and not is_published(one, axis) for one in numbers)


def is_whole(entry: Entry) -> bool:
    """Whether every field of an entry stands under its label, so that there is one way to read it."""
    return bool(entry.parts and entry.actions and entry.metrics) and not (entry.unknown or entry.context)


def _told(entry: Entry) -> _Told:
    told = _Told(titles=[bare_title(entry.title)] if bare_title(entry.title) else [])
    for text in entry.parts:
        (told.orders if is_order(text, unled(text)) else told.parts).append(text)
    told.orders += [text for text in entry.actions]
    told.values += entry.replacements
    for label, text in (*entry.unknown, *entry.remarks):
        if label != "Sentence" and _THERE.search(label):
            told.there.append(text)
        elif label != "Sentence" and (label, text) in entry.remarks and not _TELLS_HOW.search(label):
            told.asides.append(text)
        elif label != "Sentence" and axis_called(label) is not None:
            told.values.append(f"{label} = {text}")
        else:
            _sentences(text, told)
    before = len(told.asides)
    for text in entry.context:
        _sentences(text, told)
    told.asides_listed = told.asides[before:]
    return told


def _sentences(text: str, told: _Told) -> None:
    for piece in _SENTENCE.split(text):
        said = without_metrics(clean(piece))[0].strip(" ,;.:")
        if not said:
            continue
        if (happens := _HAPPENS.search(said)) is not None and not piece.strip().endswith("?"):
            told.orders.append(happens["what"])
        elif is_why(f"{said}?" if piece.strip().endswith("?") else said) or piece.strip().endswith("?"):
            told.asides.append(said)
        elif describes(said):
            told.there.append(said)
        elif is_order(said, unled(said)):
            told.orders.append(unled(said))
        elif asks(said) or numbers_in(said) or _SHORT.search(said):
            told.maybe.append(unled(said))
        else:
            told.asides.append(said)


def _axis(told: _Told, entry: Entry, baseline: TrialConfig, profile: Profile) -> Score | None:
    """The one axis that all of it speaks for, where no other axis or topic comes near."""
    if topic_named(bare_title(entry.title)) is not None:
        return None
    if any(owner_of(text) is not None for text in (*told.titles, *told.parts)):
        return None
    scores = evidence(told.texts())
    values = [text for text in map(without_constants, told.values) if len(text.split()) <= _SHORT_VALUE]
    pooled = Entry(actions=list(map(without_constants, (*told.orders, *told.maybe))), replacements=values)
    add_values(scores, pooled, baseline, profile)
    ranked = sorted(scores, key=lambda score: -score.total)
    if not ranked or ranked[0].candidate.axis is None or ranked[0].text < ENOUGH:
        return None
    best = ranked[0]
    fields = set(best.candidate.axis.fields) if best.candidate.axis else set()
    for other in ranked[1:]:
        if other.candidate.axis is not None and set(other.candidate.axis.fields) == fields:
            continue
        if (
            other.candidate.axis is None
            and other.named
            and (other.total > _TOPIC * best.total or other.placed >= best.placed)
        ):
            return None
        if best.total < CLEAR * other.total:
            return None
    return best


def _done(told: _Told, axis: Axis, baseline: TrialConfig, profile: Profile) -> tuple[tuple[Any, ...], set[str]]:
    """The values and the actions of all orders.

    Raises:
        Unread: something in them is not understood.
    """
    values: list[Any] = []
    actions: set[str] = set()
    if any(untrue_in(text, axis, baseline, profile) for text in (*told.values, *told.orders)):
        raise Unread
    if any(map(lists_some, (*told.values, *told.orders, *told.maybe))):
        raise Unread
    for at, text in enumerate(told.values):
        if is_nothing(text):
            actions.add("REMOVE")
        elif at and {*values} - {axis.current(baseline, profile)} and only_others(text, axis, baseline, profile):
            raise Unread  # "ReLU, SiLU, other activations" may ask for further ones
        elif not is_generic(text):
            values += value_in(text, axis, baseline, profile)
    for text in told.orders:
        if is_action(text):
            actions |= read_action(text).actions
            continue
        found, asked = order_in(text, axis, baseline, profile)
        values += found
        actions |= asked
    for text in told.maybe:
        try:
            found, asked = order_in(text, axis, baseline, profile)
        except Unread:
            if not (told.orders or told.values) or numbers_in(SAMPLES.sub(" ", text)) or named_in(text, axis, profile):
                raise
            continue  # it is about something else, and others say what to do
        values += found
        actions |= asked if found or not told.orders else set()
    own = axis.current(baseline, profile)
    named = tuple(dict.fromkeys(value for value in values if value != own))
    counted = {number for text in told.parts if isinstance(axis, NumberAxis) for number in numbers_in(text)}
    if counted - {*values, own, *published_numbers()}:
        raise Unread  # "replace 0.99 (and the raw weights)" names two values
    if told.values and not named and not actions & {"REMOVE", "ADD"}:
        raise Unread
    if named and any(reads_other(text, axis, baseline, profile, named) for text in told.asides_listed):
        raise Unread  # "no EMA (raw weights)" beside "decay 0.999"
    if named:
        actions -= {"REPLACE"}
        if actions == {"ADD", "REMOVE"}:
            raise Unread
    elif len(actions) > 1:
        actions -= {"REPLACE"}
        if len(actions) > 1:
            raise Unread
    if not named and isinstance(axis, ChoiceAxis):
        others = {v for text in (*told.titles, *told.asides) for v in mentioned(text, axis, profile)} - {own}
        if others - {axis.remove_value}:
            raise Unread  # a value that nobody says what to do with
    return named, actions
