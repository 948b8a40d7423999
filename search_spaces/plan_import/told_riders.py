"""Remarks of an entry, and notes on a plan, that say what is done to an arm, or to something else."""

from __future__ import annotations

import re

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES, Axis, axis_called
from search_spaces.plan_import.decisions import order_in
from search_spaces.plan_import.described import untrue_in
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.kept import not_there
from search_spaces.plan_import.labels import is_decision, is_kept
from search_spaces.plan_import.pairs import more_than_its_side, side_of
from search_spaces.plan_import.rider_numbers import Values
from search_spaces.plan_import.riders import rider
from search_spaces.plan_import.sentences import SENTENCE_END, entries_of, unled
from search_spaces.plan_import.telling import STRONG, describes, is_why
from search_spaces.plan_import.values import read_values
from search_spaces.profiles import PROFILES, Profile

_TELLS = re.compile(
    r"\b(?:notes?|details?|remarks?|implement\w*|set-?\s?up|train\w*|config\w*|protocol|procedure|sentence|text|how)\b",
    re.I,
)
"""Labels below which may stand how an arm is trained."""


def told_rider(label: str, text: str, values: Values, baseline: TrialConfig, profile: Profile) -> str:
    """Returns the first sentence of a remark that changes more than its entry's values; empty where none does.

    Args:
        label: what the text stands below; a rationale or an expectation changes nothing.
        text: the remark.
        values: as of ``rider``.
        baseline: as of ``rider``.
        profile: as of ``rider``.
    """
    if side_of(label):
        return more_than_its_side(label, text, values, baseline, profile)
    if is_kept(label):
        return not_there(text, values, baseline, profile)
    if is_decision(label) and (order := order_in(text) or _untrue(text, values, baseline, profile)):
        return order
    own = {field for name in values for field in AXES.get(name).fields}
    if (other := ordered_in(text)) and not any(set(AXES.get(name).fields) & own for name in other):
        return text
    if said := next((one for one in SENTENCE_END.split(text) if _also(one, own)), ""):
        return said
    named = axis_called(label)
    if named is not None and not set(named.fields) & own:
        return text if _is_new(text, named) else ""
    if not _TELLS.search(label):
        return ""
    for sentence in SENTENCE_END.split(text):
        if (
            describes(sentence)
            or is_why(sentence)
            or sentence.rstrip().endswith("?")
            or not _OF_THE_ARM.search(sentence)
        ):
            continue
        if rider(sentence, values, baseline, profile):
            return sentence
    return ""


_ALSO = re.compile(
    rf"^\W*(?:(?:please|but|and)\s+)*(?:also|additionally|in addition|furthermore|moreover),?\s+(?:please\s+)?"
    rf"(?:{STRONG}|use|set|train|try)(?!\w*(?:ing|s)\b)",
    re.I,
)
"""How a second order opens, whatever it stands below: ``also halve the learning rate``."""


def _also(sentence: str, own: set[str]) -> bool:
    """Whether a sentence orders a change of another axis beside the entry's own."""
    others = [name for name in axes_named(sentence) if not {*AXES.get(name).fields} & own]
    return bool(others) and _ALSO.match(sentence) is not None


def _untrue(text: str, values: Values, baseline: TrialConfig, profile: Profile) -> str:
    """What a text says to stay at a number that is not there."""
    return next(filter(None, (untrue_in(text, AXES.get(name), baseline, profile) for name in values)), "")


def ordered_in(text: str) -> tuple[str, ...]:
    """Returns the axes of an order in a text that is an ablation of its own: an action, a part and other values."""
    for sentence in SENTENCE_END.split(text):
        said = unled(sentence)
        if describes(sentence) or is_why(sentence) or not _ORDERS.match(said):
            continue
        for entry in entries_of(sentence):
            named = axes_named(" ".join(entry.parts))
            if named and entry.replacements and any(_is_new(item, AXES.get(named[0])) for item in entry.replacements):
                return named
    return ()


_ORDERS = re.compile(rf"^(?:please\s+)?(?:{STRONG})(?!\w*ing\b)", re.I)


def _is_new(text: str, axis: Axis) -> bool:
    """Whether a text names a value that the paper's configuration does not have."""
    paper = PROFILES.get("paper")
    try:
        return any(
            value != axis.current(paper.config, paper) for value in read_values(text, axis, paper.config, paper)[0]
        )
    except UserError:
        return False


_OF_THE_ARM = re.compile(
    r"^\W*(?:re)?(?:train|use|set|run|keep|freeze|fine-?tune|scale|halve|double|lower|raise|increase|decrease|reduce)"
    r"(?:d|ed)?\b"
    r"|^\W*(?:with|using|at)\s+(?:half|twice|double|a third|a quarter"
    r"|an?\s+(?:lower|higher|smaller|larger|longer|shorter))\b"
    r"|\b(?:this|that|the (?:new|ablated|modified|shallow\w*|small\w*|deep\w*|large\w*)) "
    r"(?:arm|run|variant|model|version|ablation|one)\b"
    r"|\b(?:is|are)\s+(?:\w+\s+)?(?:frozen|trained|halved|doubled|scaled|reduced|increased|lowered|raised|disabled"
    r"|enabled|removed|set)\b",
    re.I,
)
"""What says in a remark how an arm is made."""
