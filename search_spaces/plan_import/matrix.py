"""Tables of runs and settings: a row is a run and a column what it may change, as a value or as a check mark.

A run is what its cells say beside the row of the baseline; what they have in common with that row stays, and is checked
against the baseline. The same table may be turned, with a run in every column. Where columns count the values that one
part may have (``Var. A``, ``Var. B``), the row is an ablation and the table none of these.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from dit_core.errors import UserError
from search_spaces.axes import all_axes, axis_called
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.evidence import evidence
from search_spaces.plan_import.labels import ACTION, METRICS, PART, REMARK, REPLACEMENT, TITLE, is_sure, kind_of
from search_spaces.plan_import.measures import is_metric
from search_spaces.plan_import.written import Entry, split_items
from search_spaces.profiles import PROFILES

_COUNTED = re.compile(
    r"^(?P<head>[A-Za-z][A-Za-z .-]*?)[\s.#_-]*(?P<count>\d{1,2}|(?<![A-Za-z])[A-H])(?:\s*\([^()]*\))?$"
)
_RUN = re.compile(
    r"(?:run|config|configuration|exp|experiment|model|system|set-?up|trial run|row|id|r|m|e|c|s)\.?", re.I
)
"""What is counted where a column or row is one configuration."""

_NAMES = re.compile(
    rf"(?:{_RUN.pattern}|variants?|arms?|cases?|trials?|options?|settings?|candidates?|configs?|runs?|models?|name|label|#|\W*)",
    re.I,
)
"""How a column is called that names runs."""

_STEP = re.compile(r"(?:rung|step|stage|level|phase|tier)", re.I)
_BASE = re.compile(
    r"^\W*(?:(?:the\s+)?(?:full|unmodified|plain|vanilla|original|published|stock|standard)\b.*|baseline\b.*|base|defaults?"
    r"|reference\b.*"
    r"|ref|control|ours|as (?:published|in the paper)|(?:the\s+)?paper|DiT(?:-\w+/\d)?"
    r"|\w{1,12}\s*[(\[](?:the\s+)?(?:baseline|reference|default|paper|control|full(?: model)?)\b[^()]*[)\]]"
    r"|[A-Za-z]{0,8}[\s-]?0)\W*$",
    re.I,
)
"""How the row or column of the baseline is called."""

_YES = re.compile(r"^(?:[✓✔☑✅●■◉]|yes|on|y|true|with|in)$", re.I)
_NO = re.compile(r"^(?:[✗✘✕✖☒❌○□◯]|no|off|n|false|without|out)$", re.I)
_SAME = re.compile(
    r"^(?:[-–—.·…\"″/=]+|''|default|same|as (?:in )?(?:the )?baseline|baseline|unchanged|n\.?/?a\.?"
    r"|\(default\)|ditto)?$",
    re.I,
)
NO_RUN = re.compile(r"^(?:[-–—/.·…]+|n\.?/?a\.?|not (?:planned|run|tried))$", re.I)
"""A cell in which no value stands."""

_SPEAKS = 1.4
_MOST_WORDS = 9


def series(labels: Sequence[str]) -> tuple[list[int], str]:
    """The columns that count what is tried (``Var. A``, ``Var. B``), and what is counted; none where only one does."""
    found = [(at, match["head"].strip(" .").lower()) for at, label in enumerate(labels)
             if at and (match := _COUNTED.match(label)) is not None and not is_base(label)]  # fmt: skip
    heads = Counter(head for _, head in found)
    head = max(heads, key=lambda one: heads[one], default="")
    plain = not re.fullmatch(r"metric|measure|note|remark|reference|seed|reviewer|priority|day|week", head)
    return ([at for at, one in found if one == head], head) if heads[head] > 1 and plain else ([], "")


def is_base(label: str) -> bool:
    """Whether a column or row is called as the baseline is."""
    return _BASE.match(label) is not None


def names_runs(head: str) -> bool:
    """Whether a column is called as one that names runs is: ``Config``, ``Model``."""
    return _NAMES.fullmatch(head) is not None


def counts_steps(head: str) -> bool:
    """Whether what is counted are steps, which may add up."""
    return _STEP.fullmatch(head) is not None


def runs_in(labels: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Entry] | None:
    """The entries of a table of runs, one per run that is not the baseline; None for any other table.

    Args:
        labels: the head of every column.
        rows: the cells below.
    """
    if len(labels) < 2 or not rows or any(len(row) != len(labels) for row in rows):
        return None
    at, head = series(labels)
    if at and _RUN.fullmatch(head) and not is_sure(labels[0]) and all(map(_speaks, (row[0] for row in rows))):
        kept = [one for one in range(1, len(labels)) if one in at or is_base(labels[one])]
        turned: list[Sequence[str]] = [[labels[one], *(row[one] for row in rows)] for one in kept]
        rest = any(one not in kept and kind_of(labels[one]) not in (METRICS, REMARK) for one in range(1, len(labels)))
        return None if rest else _entries(["Run", *(row[0] for row in rows)], turned)
    return None if at else _entries(labels, rows)


def _entries(labels: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Entry] | None:
    kinds = [None if _speaks(label) and not is_sure(label) else kind_of(label) for label in labels]
    settings = [at for at in range(1, len(labels)) if kinds[at] is None and _speaks(labels[at])]
    rest = [
        at for at in range(1, len(labels)) if at not in settings and (is_metric(labels[at]) or not _all_same(rows, at))
    ]
    beside = [at for at in rest if kinds[at] not in (METRICS, REMARK) and not is_metric(labels[at])]
    told = {kind_of(label) for label in labels[1:] if is_sure(label)} & {PART, ACTION, REPLACEMENT}
    if not settings or beside or told or not (kinds[0] in (None, TITLE) or names_runs(labels[0])):
        return None
    if _speaks(labels[0]) and not names_runs(labels[0]):
        return None
    if any(len(row[at].split()) > _MOST_WORDS for row in rows for at in settings) or not _are_names(rows):
        return None
    base = next((row for row in rows if is_base(row[0])), None)
    crossed = any(_YES.match(row[at]) and row[at].lower() != "x" for row in rows for at in settings)
    entries = []
    for row in rows:
        if row is not base:
            entry = _run(labels, row, base, settings, crossed)
            for at in rest:
                if kinds[at] == METRICS and row[at].strip(" ?-–—"):
                    entry.put(METRICS, row[at])
                elif is_metric(labels[at]):
                    entry.put(METRICS, labels[at])
                elif kinds[at] == REMARK and row[at]:
                    entry.remarks.append((labels[at], row[at]))
            entries.append(entry)
    return entries


def _run(
    labels: Sequence[str], row: Sequence[str], base: Sequence[str] | None, settings: list[int], crossed: bool
) -> Entry:
    entry = Entry(title=row[0])
    changed: list[tuple[str, str]] = []
    for at in settings:
        cell, was = row[at].strip(), base[at].strip() if base is not None else ""
        state, before = _state(cell, crossed), _state(was, crossed)
        marks = state is not None and (before is not None or not was or _SAME.match(was) is not None)
        if (
            cell == was
            or (marks and state == bool(before) and base is not None)
            or (_SAME.match(cell) and not (marks and before))
        ):
            if cell and was and not _SAME.match(cell) and before is None:
                entry.remarks.append(("kept fixed", f"{labels[at]} {cell}"))
            elif was and marks and not _is_value(labels[at]):
                entry.remarks.append(("kept fixed", f"{labels[at]} {'on' if state else 'off'}"))
            continue
        changed.append((labels[at], ("on" if state else "off") if marks else cell))
    if len(changed) == 1 and changed[0][1] == "on" and _is_value(changed[0][0]):
        changed = [(changed[0][0], changed[0][0])]  # a check mark below a value
    if len(changed) == 1 and changed[0][1] in ("on", "off"):
        entry.parts, entry.actions = [changed[0][0]], ["ADD" if changed[0][1] == "on" else "REMOVE"]
        return entry
    if len(changed) == 1:
        entry.parts, entry.actions, entry.replacements = [changed[0][0]], ["REPLACE"], [changed[0][1]]
        return entry
    told = [_told(label, cell) for label, cell in changed]
    entry.pointed = True
    entry.actions, entry.replacements = ["REPLACE"], ([" + ".join(told)] if told else [])
    return entry


def _told(label: str, cell: str) -> str:
    """A setting of a run that changes several, in words."""
    return label if cell == "on" else f"without {label}" if cell == "off" else f"{label} {cell}"


def _state(cell: str, crossed: bool) -> bool | None:
    """What a mark says: that something is there, or not; None for a cell that is no mark."""
    if _YES.match(cell) or (cell.lower() == "x" and not crossed):
        return True
    return False if _NO.match(cell) or (cell.lower() == "x" and crossed) or not cell else None


def _is_value(label: str) -> bool:
    """Whether a label is a value of some axis (``RMSNorm``), and no name of one."""
    if axis_called(label) is not None:
        return False
    return any(_parses(label, axis) for axis in all_axes() if isinstance(axis, ChoiceAxis))


def _parses(text: str, axis: ChoiceAxis) -> bool:
    try:
        return not isinstance(axis.parse(text, PROFILES.get("paper")), bool)
    except UserError:
        return False


def _all_same(rows: Sequence[Sequence[str]], at: int) -> bool:
    return all(_SAME.match(row[at].strip(" ?")) for row in rows)


def _are_names(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first cells name runs, each another one."""
    names = [row[0] for row in rows]
    return len(set(names)) == len(names) and all(0 < len(name.split()) <= _MOST_WORDS for name in names)


def _speaks(label: str) -> bool:
    """Whether a head names something that can be varied, or is outside of all axes, and no metric."""
    if is_metric(label) or len(split_items(label)) != 1:
        return False
    return max((score.text for score in evidence([("", label, 1.0)])), default=0.0) >= _SPEAKS
