"""Sentences on the study as a whole: how many seeds, what budget, another baseline, and which entries not to run."""

from __future__ import annotations

import re

from search_spaces.plan_import.sentences import unled
from search_spaces.words import words

_RUNS = re.compile(
    r"(?:re-?)?(?:run|train|repeat|launch|execute|evaluate|average|report|use|take|do|start|perform)\b(?!\w*ing\b)"
    r"|(?=.*\b(?:everything|all|each|every)\b).*\b(?:should|must|shall|(?:is|are|has|have|needs?) to)\s+be\s",
    re.I,
)
"""How an order opens that is of runs: ``Run everything``, ``Every arm is to be repeated``."""

_NUMBER = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten)"
_SETS = re.compile(
    rf"\b{_NUMBER}\s+(?:(?!of\b)[\w-]+\s+){{0,2}}seeds\b|\bseeds?\s*(?:=|:|nos?\.?|numbers?)?\s*[(\[{{]?\s*\d"
    r"|\bbudgets?\s*(?:=|:|of)?\s*(?:up to\s+)?\d[\d.,]*\s*[kM]?(?:illion)?\s+(?:training\s+)?(?:images|samples)\b"
    r"|\bDiT-(?!XL/2)(?:XL|[SBL])(?:/\d+)?\s+(?:as\s+(?:the|our|a)\s+)?baseline\b",
    re.I,
)
_HEDGED = re.compile(r"\b(?:if|where|when|wherever|ideally|optionally|might|could|affordable|unless)\b", re.I)

_NOT_TO_RUN = re.compile(
    r"(?:please\s+)?(?:(?:do not|don['’]t|never)\s+(?:run|train|include|start)\b"
    r"|(?:skip|omit|exclude|leave out|drop|cancel)\s+(?:the\s+)?(?:[\w-]+\s+){0,3}?"
    r"(?:entr(?:y|ies)|ablations?|experiments?|runs?|rows?|items?|stud(?:y|ies)|#\s*\d+)\b)",
    re.I,
)


def sets_study(sentence: str) -> bool:
    """Whether a sentence orders something that is of all runs, or that some are not to be made.

    What only may be done (``three seeds where the budget permits``) is none.
    """
    said = unled(sentence)
    if _NOT_TO_RUN.match(said):
        return True
    return _RUNS.match(said) is not None and bool(_SETS.search(said)) and not _HEDGED.search(said)


_LEAVING_OUT = frozenset(
    words(
        "except exception exceptions exclude excluded excluding exclusion exclusions skip skipped omit omitted ignore "
        "ignored disable disabled"
    )
)
_RUNNING = frozenset(words("run enabled enable active include included execute selected only"))
_OF_ENTRIES = frozenset(words("run runs these entries entry ablations ablation arms arm this from all the be to"))
_NO = frozenset(("no", "false", "off", "never", "none", "0", "n", ""))


def told_off(label: str, text: str) -> bool:
    """Whether a label outside of every entry, and its text, say which entries are not to be run.

    Args:
        label: ``Except``, ``Only run``; what is no label of an action or of values.
        text: what stands below it.
    """
    said, told = {*words(label)}, " ".join(words(text))
    if said & _LEAVING_OUT and said <= _LEAVING_OUT | _OF_ENTRIES:
        return told not in _NO
    return bool(said & _RUNNING) and said <= _RUNNING | _OF_ENTRIES and (told in _NO - {""} or "only" in said)
