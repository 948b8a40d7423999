"""Tables of runs with one column that says in words what a run changes: ``Run | Change against R0 | Purpose``.

Every row is an entry under the name of its run. The row of the reference changes nothing, and is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from search_spaces.plan_import.actions import leads_with_action
from search_spaces.plan_import.labels import METRICS, REMARK, kind_of
from search_spaces.plan_import.matrix import is_base, names_runs
from search_spaces.plan_import.measures import is_metric
from search_spaces.plan_import.prose import titled
from search_spaces.plan_import.written import Entry, clean

_CHANGE = re.compile(
    r"\b(?:chang(?:e|es|ed)|modif\w+|differ\w*|diff|delta|deviat\w+|departure|edit|what is (?:new|done)|swap)\b|^[Δ∆]",
    re.I,
)
"""How a column is called that says what a run changes."""

_NOTHING = re.compile(r"^\W*(?:(?:none|nothing|no change|n/?a|baseline|reference|unchanged)\W*.*)?$", re.I)
_INSTEAD = re.compile(
    r"^(?P<new>.+?)\s*,?\s+(?:instead of|rather than|in place of|in lieu of|for)\s+(?:the\s+|an?\s+)?(?P<old>.+)$", re.I
)
_EXPLAINED = re.compile(r"^(?P<what>[^()]+?)\s*\((?P<why>[^()\d]{12,})\)$")
"""A change with an explanation in brackets behind it."""


def changed_runs(labels: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Entry]:
    """The entries of a table of runs and their changes; none for any other table.

    Args:
        labels: the head of every column.
        rows: the cells below.
    """
    told = [at for at, label in enumerate(labels) if at and _CHANGE.search(label) and not is_metric(label)]
    names = [row[0] for row in rows]
    if len(told) != 1 or not names_runs(labels[0]) or len(set(names)) < len(names) or not all(names):
        return []
    kinds = [METRICS if is_metric(label) else kind_of(label) for label in labels]
    beside = [at for at in range(1, len(labels)) if at not in told]
    if any(kinds[at] not in (METRICS, REMARK) for at in beside) or any(len(row) != len(labels) for row in rows):
        return []
    entries = []
    for row in rows:
        change = row[told[0]]
        if _NOTHING.match(change) and (is_base(row[0]) or row is rows[0]):
            continue
        if is_base(row[0]):
            continue
        entry = _entry(row[0], change, labels[told[0]])
        for way in filter(None, (entry, entry.other)):
            for at in beside:
                if kinds[at] == REMARK and row[at]:
                    way.remarks.append((labels[at], row[at]))
                elif kinds[at] == METRICS:
                    way.put(METRICS, labels[at] if is_metric(labels[at]) else row[at])
        entries.append(entry)
    return entries


def _entry(name: str, change: str, label: str) -> Entry:
    """What one run changes; where it says what goes, that is another way to read it."""
    if leads_with_action(change):
        return titled(name, f"{change.rstrip('.')}.")
    entry = Entry(title=name, replacements=[change], pointed=True)
    if (explained := _EXPLAINED.match(change)) is not None:
        entry.other = Entry(title=name, replacements=[clean(explained["what"])], pointed=True)
        entry.other.remarks.append((label, clean(explained["why"])))
    elif (instead := _INSTEAD.match(change)) is not None:
        old, new = clean(instead["old"]), clean(instead["new"])
        entry.other = Entry(title=name, parts=[old], actions=["REPLACE"], replacements=[new])
    return entry
