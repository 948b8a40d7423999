"""Entries that tell both arms: ``With: the embeddings are added``, ``Without: no positional information``."""

from __future__ import annotations

import copy
import re

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.loose import foreign, mentioned
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.rider_numbers import Values, facts, is_fact
from search_spaces.plan_import.riders import rider
from search_spaces.plan_import.there import is_published
from search_spaces.plan_import.values import read_values
from search_spaces.plan_import.written import Entry
from search_spaces.profiles import Profile

WITH, WITHOUT = "with", "without"

_ARM = r"(?:(?:model|arm|variant|run|version)\s+)?"
_WITHOUT = re.compile(
    rf"^\W*(?:the\s+)?{_ARM}(?:without|w/o|off|disabled|absent|switched off)(?:\s+(?:it|this|the part))?\W*$", re.I
)
_WITH = re.compile(
    rf"^\W*(?:the\s+)?{_ARM}(?:with|w/|on|enabled|present|switched on)(?:\s+(?:it|this|the part))?\W*$", re.I
)
_OWN = re.compile(
    r"(?:\s*[(\[]\s*|^)(?:(?:as\s+)?(?:in|of|from)\s+|(?:this|that)\s+is\s+|=\s*|our\s+|the\s+)*"
    r"(?:paper|baseline|default|published|original|reference|control|current|status quo|standard)"
    r"(?:[’']?s)?(?:\s+(?:model|recipe|setting|configuration|setup|dit|value|choice|one|paper))?\s*(?:[)\]]|$)"
    r"|,\s*(?:(?:as in|which is)\s+)?the\s+(?:paper|baseline)(?:[’']s)?(?:\s+own)?\s*$",
    re.I,
)
"""What says that an arm is the baseline's own."""


def side_of(label: str) -> str:
    """Returns which of the two arms a label is of: ``with``, ``without``, or neither (empty)."""
    return WITHOUT if _WITHOUT.match(label) else WITH if _WITH.match(label) else ""


def is_pair(entry: Entry) -> bool:
    """Whether an entry tells both arms below a title."""
    return bool(entry.title) and {WITH, WITHOUT} <= {side_of(label) for label, _ in entry.unknown}


def place_pair(entry: Entry) -> None:
    """Takes one arm of two as what is tried, and the other one as what is there.

    The action says which is tried, or what is said of an arm does: the paper's own one is there. Where nothing does,
    both are tried, or the part is with and without.
    """
    told = {side: (label, text) for label, text in entry.unknown if (side := side_of(label))}
    actions = frozenset[str]().union(*(read_action(text).actions for text in entry.actions))
    if len(told) < 2 or entry.replacements or len(actions) > 1 or actions == {"REPLACE"}:
        return
    entry.unknown = [pair for pair in entry.unknown if not side_of(pair[0])]
    own = [side for side, (_, text) in told.items() if _OWN.search(text)]
    if not entry.actions and own == [WITHOUT]:
        entry.actions.append("ADD")
        actions = frozenset({"ADD"})
    if actions == {"ADD"}:
        entry.put("Replacement", told[WITH][1])
        entry.remarks.append(told[WITHOUT])
        return
    if actions == {"REMOVE"}:
        entry.replacements.append(f"none: {told[WITHOUT][1]}")
    elif not entry.actions and own == [WITH] and side_of(told[WITHOUT][1]):  # "without it"
        entry.actions.append("REMOVE")
    elif not entry.actions and own == [WITH]:
        entry.replacements.append(told[WITHOUT][1])
        entry.remarks.append(told[WITH])
        return
    elif not entry.actions:
        entry.other = copy.deepcopy(entry)
        entry.other.actions.append("with and without")
        entry.other.remarks += [told[WITH], told[WITHOUT]]
        entry.replacements += [told[WITH][1], told[WITHOUT][1]]
        return
    else:
        entry.actions.append("with and without")
    entry.remarks += [told[WITH], told[WITHOUT]]


def more_than_its_side(label: str, text: str, values: Values, baseline: TrialConfig, profile: Profile) -> str:
    """Returns what an arm is told to be where that is more than its entry makes of it; empty where it is not.

    Args:
        label: one of ``With`` and ``Without``.
        text: how the arm is described.
        values: axis -> the values that the entry tries.
        baseline: the configuration that one of the two arms is.
        profile: the baseline's profile.
    """
    made = [*facts(values, baseline, profile)]
    if foreign(text, places=True):
        return text
    for name, row in values.items():
        axis = AXES.get(name)
        left = {axis.remove_value} if side_of(label) == WITHOUT or not row else set()
        tried = {*row, axis.current(baseline, profile), *left}
        for clause in _CLAUSES.split(text):
            others = [AXES.get(one) for one in axes_named(clause) if not {*AXES.get(one).fields} & {*axis.fields}]
            for number in numbers_in(clause):
                if others and not any(is_fact(number, other, made) for other in others):
                    return clause
                if not (others or number in tried or is_fact(number, axis, made)):
                    return clause
        try:
            said = {*read_values(text, axis, baseline, profile)[0]}
        except UserError:
            said = {*mentioned(text, axis, profile)} if isinstance(axis, ChoiceAxis) else set()
        if any(value not in tried and not is_published(value, axis) for value in said):
            return text
    return rider(text, values, baseline, profile, there=True)


_CLAUSES = re.compile(r"\s*[,;]\s*|\s+(?:and|but|with)\s+", re.I)
