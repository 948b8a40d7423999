"""Reads an entry from all that it says, where its labels or its sentences were not taken apart.

What carries a quantity, a value, a negation or the name of something else has to be understood; other words are
remarks. So a sentence may be worded in any way, and one with a number too many is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis, axis_called
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.absence import is_nothing
from search_spaces.plan_import.actions import is_action, is_verb, leads_with_action, read_action
from search_spaces.plan_import.amounts import SWEEPS, range_in
from search_spaces.plan_import.beside import reads_other
from search_spaces.plan_import.choose import CLEAR, ENOUGH, add_values, bare_title, shared_noun, topic_named
from search_spaces.plan_import.commas import guarded, unguarded
from search_spaces.plan_import.described import untrue_in
from search_spaces.plan_import.doing import FOLLOWS, moved_in, without_asides, without_constants
from search_spaces.plan_import.evidence import GENERAL, Score, evidence, knows, names_other, owner_of, picks_some
from search_spaces.plan_import.joined import axes_joined, axes_named
from search_spaces.plan_import.left_open import lists_some
from search_spaces.plan_import.loose import foreign, mentioned, names_one_side, setting_in, two_of_another
from search_spaces.plan_import.measured import without_metrics
from search_spaces.plan_import.numerals import NUMBER, TIMES, numbers_in, plain_numbers
from search_spaces.plan_import.phases import in_phases
from search_spaces.plan_import.sentences import UNWANTED, asks, unled
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.plan_import.telling import describes, is_order, is_why
from search_spaces.plan_import.there import is_published, published_numbers
from search_spaces.plan_import.value_words import own_values
from search_spaces.plan_import.values import Range, is_generic, only_others, read_values
from search_spaces.plan_import.written import LONGEST, Entry, clean, split_items
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
_OLD = re.compile(
    r"\b(?:do|does|would|should)(?:n['’]t| not)\s+[^,;.]*[,;]\s*(?:but\s+)?"
    r"|\s*[,(]?\s*\b(?:instead of|rather than|in place of|in lieu of|as opposed to|compared (?:to|with)|unlike"
    r"|down from|up from|"
    r"default(?:s)?(?: is| of|:)?|(?:the )?baseline(?: is| has|:|'s)|currently|was)\s+[^,;()]*\)?"
    r"|\bfrom\s+(?:the\s+|an?\s+)?[^,;()]+?(?=\s+(?:to|into|up to|down to)\b)"
    r"|[^\s,;()]+\s*(?:→|->|=>|⟶|\bbecomes?\b|\bturns? into\b|\bgoes to\b)\s*",
    re.I,
)
"""What a text says to be there before."""

_WHICH = re.compile(r",\s*(?:which|as|since|because|where|so that)\b[^;.]*$", re.I)

_SLOT = re.compile(
    r"(?:→|->|=>|⟶|\b(?:with|by|to|into|for|becomes?|as|use|using|try|trying|through|via|in favou?r of)\b"
    r"|[:=])\s*(?:an?\s+|the\s+)?",
    re.I,
)
"""What opens the place of a value."""

_HAPPENS = re.compile(
    r"\b(?:what (?:happens|changes|it costs|is lost|we lose|is gained)|how (?:much|well|far|badly|it|they|the \w+"
    r"|quality|fid|dit)\b[^,.]*?|"
    r"the (?:effect|impact|consequence|result)s?)\s+(?:when|if|once|of|with(?=out\b))\s+(?P<what>.+)$",
    re.I,
)
"""An order in other words: ``report what happens when the variance is fixed``."""

_SHORT = re.compile(r"→|->|=>|\bbecomes?\b|\binstead\b|\bin place of\b|\bwithout\b|\bw/o\b", re.I)
"""What says in a fragment that something is to be changed."""

_ENDS = re.compile(r"\bbetween\b[^,;]*\d[^,;]*\band\b[^,;]*\d", re.I)
"""The two ends of a range: a sentence that names no value between them names none."""

_KEPT = re.compile(r"\b(?:keep|kept|leav|left|retain|hold|held)\w*\s+(?:it|them|this|these|those|that)\b", re.I)
"""What has to stay of what is to be changed, so that nothing is clear."""

_SAMPLES = re.compile(
    r"\b\d[\d,.]*\s*[kK]?\s+(?:generated\s+)?(?:samples|images are generated|raters|seeds?)\b|\bs?FID[-\s]?\d+[kK]?\b"
    r"|\b(?:table|figure|fig\.?|section|sec\.?|eq\.?|appendix)\s*\(?[A-Z]?\d+(?:\.\d+)*\)?",
    re.I,
)
_PARAMETERS = re.compile(r"\b\d+(?:\.\d+)?\s*(?:M|B|million|billion|%)?\s*(?:param\w*|gflops?|weights)\b", re.I)

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
    except _Unread:
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


class _Unread(Exception):
    """Something that may change what is meant is not understood."""


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
        _Unread: something in them is not understood.
    """
    values: list[Any] = []
    actions: set[str] = set()
    if any(untrue_in(text, axis, baseline, profile) for text in (*told.values, *told.orders)):
        raise _Unread
    if any(map(lists_some, (*told.values, *told.orders, *told.maybe))):
        raise _Unread
    for at, text in enumerate(told.values):
        if is_nothing(text):
            actions.add("REMOVE")
        elif at and {*values} - {axis.current(baseline, profile)} and only_others(text, axis, baseline, profile):
            raise _Unread  # "ReLU, SiLU, other activations" may ask for further ones
        elif not is_generic(text):
            values += _value(text, axis, baseline, profile)
    for text in told.orders:
        if is_action(text):
            actions |= read_action(text).actions
            continue
        found, asked = _order(text, axis, baseline, profile)
        values += found
        actions |= asked
    for text in told.maybe:
        try:
            found, asked = _order(text, axis, baseline, profile)
        except _Unread:
            if (
                not (told.orders or told.values)
                or numbers_in(_SAMPLES.sub(" ", text))
                or _named_in(text, axis, profile)
            ):
                raise
            continue  # it is about something else, and others say what to do
        values += found
        actions |= asked if found or not told.orders else set()
    own = axis.current(baseline, profile)
    named = tuple(dict.fromkeys(value for value in values if value != own))
    counted = {number for text in told.parts if isinstance(axis, NumberAxis) for number in numbers_in(text)}
    if counted - {*values, own, *published_numbers()}:
        raise _Unread  # "replace 0.99 (and the raw weights)" names two values
    if told.values and not named and not actions & {"REMOVE", "ADD"}:
        raise _Unread
    if named and any(reads_other(text, axis, baseline, profile, named) for text in told.asides_listed):
        raise _Unread  # "no EMA (raw weights)" beside "decay 0.999"
    if named:
        actions -= {"REPLACE"}
        if actions == {"ADD", "REMOVE"}:
            raise _Unread
    elif len(actions) > 1:
        actions -= {"REPLACE"}
        if len(actions) > 1:
            raise _Unread
    if not named and isinstance(axis, ChoiceAxis):
        others = {v for text in (*told.titles, *told.asides) for v in mentioned(text, axis, profile)} - {own}
        if others - {axis.remove_value}:
            raise _Unread  # a value that nobody says what to do with
    return named, actions


def _named_in(text: str, axis: Axis, profile: Profile) -> bool:
    return isinstance(axis, ChoiceAxis) and bool(mentioned(text, axis, profile))


def _value(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> list[Any]:
    """The values that an item in the place of values names; every one of its numbers and names has to be read."""
    try:
        return list(read_values(text, axis, baseline, profile)[0])
    except Range:
        raise _Unread from None
    except UserError:
        pass
    if range_in(text) is not None or (isinstance(axis, ChoiceAxis) and names_one_side(text, axis, profile)):
        raise _Unread
    text = without_asides(FOLLOWS.sub(" ", text), axis)
    found: list[Any] = []
    if leads_with_action(text):
        found, asked = _order(text, axis, baseline, profile)
        if not found or asked & {"REMOVE"}:
            raise _Unread
        return found
    for piece in re.split(r"\s+(?:and|or|vs\.?|versus|against|/|&)\s+|\s*[|¦]\s*", text):
        here, asked = _order(piece, axis, baseline, profile)
        if not here or asked & {"REMOVE"}:
            raise _Unread
        found += here
    return found


def _order(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> tuple[list[Any], set[str]]:
    """The values that a sentence names, and what it says to do; what could change them has to be understood."""
    own = axis.current(baseline, profile)
    if isinstance(axis, NumberAxis) and SWEEPS.search(text) and range_in(text) is not None:
        raise _Unread
    said = without_asides(FOLLOWS.sub(" ", text), axis)
    said = _PARAMETERS.sub(" ", _SAMPLES.sub(" ", said)).strip(" ,;")
    said = _WHICH.sub(" ", said)
    if (moved := moved_in(said)) is not None and not numbers_in(moved["old"]):
        said = f"{said[: moved.start()]} , {moved['new']}"
    for piece in _OLD.findall(said):
        _strictly_old(piece, axis, baseline, profile)
    said = _OLD.sub(" , ", said)
    if _KEPT.search(text) or (isinstance(axis, NumberAxis) and (range_in(said) or _ENDS.search(said))):
        raise _Unread
    if foreign(said, places=True) or picks_some(said) or names_other(said, axis, own_values(baseline, profile)):
        raise _Unread
    if two_of_another(said, axis, profile):
        raise _Unread
    found: list[Any] = []
    if isinstance(axis, NumberAxis):
        found = _numbers(said, axis, baseline, profile)
    elif isinstance(axis, ChoiceAxis):
        found = [value for value in _choices(said, axis, profile) if value != own]
        if numbers_in(_without_values(said, axis, found)):
            raise _Unread
    elif numbers_in(said):
        raise _Unread
    asked = read_action(text)
    if asked.both or UNWANTED.search(said) or any(map(_orders_strange, _CLAUSES.split(said))):
        raise _Unread
    if re.search(r"n['’]t\b|\bcannot\b", said):
        raise _Unread
    negative = NEGATIONS & set(stems(said)) - {"off", "instead", "rather", "without", "no"}
    if negative or (found and NEGATIONS & set(stems(said)) - {"off", "instead", "rather"}):
        raise _Unread
    if found and isinstance(axis, ChoiceAxis):
        _no_strangers(said, axis, baseline, profile)
    return found, set(asked.actions)


_CLAUSES = re.compile(r"[,;]|\b(?:and|then|but)\b", re.I)


def _orders_strange(clause: str) -> bool:
    """Whether a clause orders something with words that nobody knows: ``and use bananas``."""
    bare = clause.strip()
    if numbers_in(bare) or not (leads_with_action(bare) or re.match(r"(?:use|try|apply|employ)\b", bare, re.I)):
        return False
    said = [word for word in stems(bare)[1:] if word not in STOP_STEMS and word not in GENERAL and not is_verb(word)]
    return bool(said) and not any(knows(word) for word in said)


def _strictly_old(piece: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> None:
    """What a text says to be there has to be the baseline's, or the paper's, where it names a value."""
    own = axis.current(baseline, profile)
    if isinstance(axis, ChoiceAxis):
        others = [v for v in mentioned(piece, axis, profile) if v != own and not is_published(v, axis)]
        if others and re.search(r"\bnot\b|n['’]t\b", piece):
            raise _Unread


def _numbers(said: str, axis: NumberAxis, baseline: TrialConfig, profile: Profile) -> list[Any]:
    """The numbers of a sentence as values of an axis; each of them, or the sentence is not read."""
    if setting_in(said, axis) is not None and not _names(said, axis):
        raise _Unread
    found: list[Any] = []
    pieces = [clean(piece) for piece in unguarded(_BETWEEN.split(guarded(said)))]
    for piece in filter(None, pieces):
        if not NUMBER.search(plain_numbers(piece)) and not TIMES.search(piece):
            continue
        value = _one(piece, axis, baseline, profile)
        if value is None:
            raise _Unread
        found += value
    return [value for value in found if value != axis.current(baseline, profile)]


_BETWEEN = re.compile(
    r"\s*(?:[;:()\[\]{}|]|(?<!\d),|,(?!\d{3}(?!\d))|\s[–—-]\s|→|->|=>|\b(?:and|or|then|versus|vs\.?|while|when|so"
    r"|because|which|that)\b)\s*",
    re.I,
)


_LONGEST = 16
"""How many words a piece with a number may have; every part of it is looked at."""


def _one(piece: str, axis: NumberAxis, baseline: TrialConfig, profile: Profile) -> list[Any] | None:
    """The value of the one number of a piece; words that are no other axis's unit may stand around it."""
    words = piece.split()
    if len(words) > _LONGEST:
        return None
    for width in range(len(words), 0, -1):
        for start in range(len(words) - width + 1):
            text = " ".join(words[start : start + width])
            outside = " ".join((*words[:start], *words[start + width :]))
            if numbers_in(outside) or TIMES.search(outside) or not (numbers_in(text) or TIMES.search(text)):
                continue
            try:
                return list(read_values(text, axis, baseline, profile)[0])
            except Range:
                return None
            except UserError:
                continue
    return None


def _names(said: str, axis: Axis) -> bool:
    return any(_same(name, axis) for name in axes_named(said))


def _same(name: str, axis: Axis) -> bool:
    other = axis_called(name)
    return other is not None and other.fields == axis.fields


def _choices(said: str, axis: ChoiceAxis, profile: Profile) -> list[Any]:
    """The values that a sentence names; a plain word such as ``fixed`` names one beside a word of the axis."""
    found = list(mentioned(said, axis, profile))
    plain = re.sub(r"\b1\b", "one", re.sub(r"\b0\b", "zero", said))
    if found or (found := list(mentioned(plain, axis, profile))):
        return found
    for name in axis.names:
        for value in axis.legal_values(profile):
            for spelt in (str(value), *axis.value_aliases.get(value, ())):
                word = re.escape(spelt).replace(r"\ ", r"[\s-]+")
                last = re.escape(name.split()[-1])
                if re.search(
                    rf"\b{last}\s+(?:is|are|stays?|to|be|=|held|kept|as|\s)*{word}\b|\b{word}\s+{last}\b", said, re.I
                ):
                    found.append(value)
    return list(dict.fromkeys(found))


def _without_values(said: str, axis: ChoiceAxis, values: Iterable[Any]) -> str:
    said = re.sub(r"\b1\b", "one", re.sub(r"\b0\b", "zero", said))
    for value in values:
        for name in sorted((str(value), *axis.value_aliases.get(value, ())), key=len, reverse=True):
            said = re.sub(re.escape(name).replace(r"\ ", r"[\s-]+"), " ", said, flags=re.I)
    return said


def _no_strangers(said: str, axis: ChoiceAxis, baseline: TrialConfig, profile: Profile) -> None:
    """In a list of values every item has to name one: ``ReLU or Snake`` is not ReLU alone."""
    said = re.sub(r"[\[{]", " ", re.sub(r"[\]}]", ", ", said))  # what is in a set is a list, too
    slots = list(_SLOT.finditer(said))
    for at, slot in enumerate(slots):
        end = slots[at + 1].start() if at + 1 < len(slots) else len(said)
        items = [
            item
            for piece in split_items(said[slot.end() : end])
            for item in re.split(r"\s+(?:and|or|vs\.?|versus|/)\s+|\s*[|¦]\s*", piece)
        ]
        items = [item for item in items if any(len(word) > 1 for word in re.findall(r"\w+", item))]
        named = [bool(mentioned(item, axis, profile)) for item in items]
        short = [len(item.split()) <= 4 for item in items]
        if any(named) and any(not has and few for has, few in zip(named, short, strict=True)):
            raise _Unread
