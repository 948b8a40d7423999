"""Steps that are counted (``Rung 1: RMSNorm``), and whether each keeps what the ones before it have set.

A ladder's statement may stand in the entry, in one of its steps (``+ SwiGLU``), or once above all entries. Where an
entry says that its steps are alternatives, they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from search_spaces.plan_import.actions import is_action, read_action
from search_spaces.plan_import.sentences import SENTENCE_END
from search_spaces.plan_import.written import Entry, WrittenPlan, clean

_STEP_WORD = r"(?:rung|step|stage|level|phase|tier)"
_DOES = (
    r"adds|replaces|swaps|switches|removes|drops|changes|uses|introduces|turns|sets|raises|lowers|increases|reduces"
    r"|halves|doubles|moves|brings|takes|trains|puts|disables|enables|cuts"
)
"""What a step does: ``Stage 2 adds QK-Norm``."""

_COUNTED = re.compile(
    rf"^[*_`]{{0,3}}{_STEP_WORD}\s*#?(?P<number>\d{{1,2}}|[A-H])[*_`]{{0,3}}\s*(?:(?:[:.)]|\s[–—-]\s|→)[*_`]{{0,3}}\s*"
    rf"|\s+(?:then\s+)?(?=(?:{_DOES})\s))(?P<said>\S.*)$",
    re.I | re.S,
)

_ON_TOP = re.compile(
    r"^\W*\+\s*\S|^(?:and\s+|then\s+)?(?:also|additionally|in addition|plus|on top|furthermore|moreover|further)\b",
    re.I,
)
"""How a step opens that is taken beside the ones before it."""

_KEEPS_BEFORE = re.compile(
    rf"\b(?:keep|retain|inherit|build|include|carr|contain|preserv|stack)\w*\b[^.;]*\b(?:before|previous|earlier|preceding"
    rf"|prior|above|below|so far|already|{_STEP_WORD}s?)\b"
    r"|\badd(?:s|ed)?\s+up\b|\bon top of (?:the|what|all|each|one|that|it)\b"
    r"|\badd\w*\b[^.;]*\bto the (?:previous|ones? before)\b",
    re.I,
)
_STEPS = re.compile(rf"\b(?:{_STEP_WORD}|row|run|line|entry|change|path|ladder|variant|one)s?\b", re.I)
_LADDER = re.compile(r"\bladders?\b", re.I)
"""A name that says nothing of whether steps add up where several entries have it."""

_APART = re.compile(
    rf"\b(?:alternatives|independent\w*|separate(?:ly)?|mutually exclusive|on (?:its|their) own|one at a time"
    r"|in isolation|alone|by itself"
    rf"|individually)\b|\bone (?:model|run|arm|value|training)\b[^.;]*\bper {_STEP_WORD}\b"
    rf"|\bnot cumulative|\bnothing is cumulative"
    rf"|\bnot (?:add|stack|accumulat)",
    re.I,
)


def step_in(text: str) -> str:
    """What a counted step says (``Rung 2: + SwiGLU``); empty for any other text."""
    found = _COUNTED.match(text.strip())
    return clean(found["said"]) if found is not None else ""


def adds_up(text: str) -> bool:
    """Whether a sentence says that steps keep what the ones before them have set."""
    if apart(text):
        return False
    return read_action(_LADDER.sub(" ", text)).cumulative or (
        _KEEPS_BEFORE.search(text) is not None and _STEPS.search(text) is not None
    )


def comes_on_top(text: str) -> bool:
    """Whether a text opens as a step that is taken beside the ones before it: ``+ SwiGLU``, ``on top of that``."""
    return _ON_TOP.match(text) is not None


def apart(text: str) -> bool:
    """Whether a sentence says that steps are tried each alone."""
    return _APART.search(text) is not None


def stack(plan: WrittenPlan, said: Iterable[str]) -> None:
    """Says of every entry with counted steps whether they add up, where anything in the plan says so.

    Args:
        plan: the entries.
        said: the sentences of the plan.
    """
    for entry in plan.entries:
        _part_actions(entry)
    mine = [text for entry in plan.entries for text in (*entry.texts, *entry.said)]
    everywhere = any(adds_up(text) for text in said if not any(text in other for other in mine))
    for entry in plan.entries:
        for label, text in list(entry.unknown):  # "Move: every step keeps what the steps before it brought"
            if adds_up(text) and not re.search(r"\d", text) and len(entry.replacements) > 1:
                entry.unknown.remove((label, text))
                entry.remarks.append((label, text))
                entry.stepped = True
        if not entry.stepped or len(entry.replacements) < 2:
            continue
        told = [
            entry.title,
            *entry.actions,
            *entry.context,
            *(text for _, text in (*entry.remarks, *entry.unknown)),
            *entry.said,
        ]
        sentences = [one for text in told for one in SENTENCE_END.split(text)]
        up = [text for text in sentences if adds_up(text)]
        if any(map(apart, sentences)) and not up:
            continue
        if (up or everywhere or any(map(_ON_TOP.match, entry.replacements[1:]))) and not any(
            read_action(text).cumulative for text in entry.actions
        ):
            entry.actions.append("cumulatively")


def _part_actions(entry: Entry) -> None:
    """Parts an action from what is said behind it: ``REPLACE. The rungs are alternatives``."""
    for at, text in enumerate(entry.actions):
        first, *rest = SENTENCE_END.split(text)
        if rest and is_action(clean(first)) and entry.stepped:
            entry.actions[at] = clean(first)
            entry.context += [clean(one) for one in rest if clean(one)]
