"""What a label of a plan stands for, by what stands under it in all of the plan's entries.

A label that nobody knows is judged by its texts: metrics are metrics, verbs are actions, and of the labels that are
left the one whose texts can be values is the replacement, the one whose texts speak most of axes or topics the part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from dit_core.errors import UserError
from search_spaces.axes import all_axes
from search_spaces.plan_import.actions import leads_with_action
from search_spaces.plan_import.choose import bare_title
from search_spaces.plan_import.evidence import evidence
from search_spaces.plan_import.labels import ACTION, METRICS, PART, REPLACEMENT, SENTENCE, TITLE
from search_spaces.plan_import.measures import is_metric
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.pairs import place_pair
from search_spaces.plan_import.purposes import is_purpose
from search_spaces.plan_import.sentences import SENTENCE_END
from search_spaces.plan_import.study_orders import sets_study
from search_spaces.plan_import.telling import STRONG
from search_spaces.plan_import.written import Entry, WrittenPlan, split_items
from search_spaces.profiles import PROFILES
from search_spaces.words import words

_MOST = 0.6
"""The share of a label's texts that must fit a role."""

_SPEAKS = 1.5
"""Evidence in words that a text must hold to be about something."""


def place_labels(plan: WrittenPlan) -> None:
    """Moves text under unknown labels to the role that it plays; a label without a role stays unknown."""
    for entry in plan.entries:
        place_pair(entry)
        _place_purposes(entry)
    for role, fits in ((METRICS, _are_metrics), (ACTION, leads_with_action)):
        for label in _labels(plan):
            texts = _under(plan, label)
            if _missing(plan, label, role) and _share(texts, fits) >= _MOST:
                _move(plan, label, role)
    for role, weigh in ((REPLACEMENT, share_of_values), (PART, _speaks)):
        weighed = [(_mean(_under(plan, label), weigh), label) for label in _labels(plan)
                   if _missing(plan, label, role)]  # fmt: skip
        if weighed and max(weighed)[0] >= (_SPEAKS if role == PART else _MOST):
            _move(plan, max(weighed)[1], role)
    _place_titles(plan)


def _place_purposes(entry: Entry) -> None:
    """Takes what an entry is good for as a remark, where something else names what it is about."""
    if not (entry.parts or entry.axes or _speaks(bare_title(entry.title)) >= _SPEAKS):
        return
    for label, text in list(entry.unknown):
        if (not entry.empty or len(entry.unknown) > 1) and is_purpose(label, text):
            entry.unknown.remove((label, text))
            entry.remarks.append((label, text))


def _place_titles(plan: WrittenPlan) -> None:
    """Takes the first unknown label of entries that are whole without it for their title, when it only names them."""
    for label in _labels(plan)[:1]:
        mine = [entry for entry in plan.entries if any(words(other) == label for other, _ in entry.unknown)]
        texts = _under(plan, label)
        whole = all(entry.parts and (entry.actions or entry.replacements) and not entry.title for entry in mine)
        if whole and len(set(texts)) == len(texts) > 1 and not any(numbers_in(t) or len(t.split()) > 6 for t in texts):
            _move(plan, label, TITLE)


def _labels(plan: WrittenPlan) -> list[tuple[str, ...]]:
    return list(
        dict.fromkeys(words(label) for entry in plan.entries for label, _ in entry.unknown if label != SENTENCE)
    )


def _under(plan: WrittenPlan, label: tuple[str, ...]) -> list[str]:
    return [text for entry in plan.entries for other, text in entry.unknown if words(other) == label]


def _held(entry: Entry, role: str) -> Sequence[str]:
    return {PART: entry.parts, ACTION: entry.actions, REPLACEMENT: entry.replacements, METRICS: entry.metrics}[role]


def _missing(plan: WrittenPlan, label: tuple[str, ...], role: str) -> bool:
    """Whether no entry with the label has the role filled by another label."""
    mine = [entry for entry in plan.entries if any(words(other) == label for other, _ in entry.unknown)]
    return not any(_held(entry, role) or (role == PART and entry.axes) for entry in mine)


def _move(plan: WrittenPlan, label: tuple[str, ...], role: str) -> None:
    for entry in plan.entries:
        for other, text in list(entry.unknown):
            if words(other) == label:
                entry.unknown.remove((other, text))
                entry.put(role, text)


def _share(texts: list[str], fits: Callable[[str], bool]) -> float:
    return sum(map(fits, texts)) / len(texts)


def _mean(texts: list[str], weigh: Callable[[str], float]) -> float:
    return sum(map(weigh, texts)) / len(texts)


def _are_metrics(text: str) -> bool:
    items = split_items(text)
    return bool(items) and is_metric(items[0])


def _speaks(text: str) -> float:
    scores = evidence([("", text, 1.0)])
    return max((score.text for score in scores), default=0.0)


@lru_cache(maxsize=2048)
def share_of_values(text: str) -> float:
    """Whether the items of a text can be values: numbers, or a value's name."""
    items = split_items(text)
    return sum(bool(numbers_in(item)) or any(_parses(item, axis) for axis in all_axes()) for item in items) / max(
        1, len(items)
    )


def _parses(text: str, axis: object) -> bool:
    try:
        axis.parse(text, PROFILES.get("paper"))  # type: ignore[attr-defined]
    except UserError:
        return False
    return True


def orders(text: str) -> bool:
    """Whether a text without a label tells what to do, so that an entry may not be run while it is unread."""
    first = SENTENCE_END.split(text.strip())[0]
    explains = _EXPLAINS.match(first) is not None and not numbers_in(first)
    return (leads_with_action(text) and not explains and _speaks(text) >= _SPEAKS) or commands(text)


_EXPLAINS = re.compile(
    rf"^(?:\w+(?:ing|ion|al)|extra)\b[^,;:]*?\s(?:can|may|might|could)\s+"
    rf"(?!(?:(?:also|then|instead|simply|only)\s+)*(?:be\b|{STRONG}))",
    re.I,
)
"""What something may do, which is no order: ``Additional tokens can act as a scratch pad``."""


def commands(text: str) -> bool:
    """Whether one of a text's sentences is a command: ``Also halve the rate``, ``It must be halved in every run``.

    What is only told of (``Halving the rate brings ...``, ``I wanted to halve ...``) is none.
    """
    sentences = SENTENCE_END.split(text.strip())
    return any((_COMMAND.search(said) and _speaks(said) >= _SPEAKS) or sets_study(said) for said in sentences)


_BESIDES = r"(?:also|additionally|in addition|furthermore|further|moreover|besides|likewise|then|next|finally)"
_COMMAND = re.compile(
    rf"^(?:(?:please|and|but|always|{_BESIDES}|(?:in|for) (?:all|every|each|the same) [\w ]{{2,24}}),?\s+)*"
    rf"(?:(?:i|we|you)\s+(?:(?:will|would|should|must)\s+)?{_BESIDES}\s+)?(?:{STRONG}|(?:set|try|use|test|sample)\b)(?!\w*(?:ing|tion)\b)"
    rf"|(?=.*\b(?:every|each|all|both|everywhere)\b).*\b(?:(?:should|must|shall|(?:is|are|has|have|needs?) to)\s+"
    rf"(?:also\s+)?be|(?:is|are)\s+(?:also|additionally|further))\s+(?:{STRONG}|set\b)",
    re.I,
)
