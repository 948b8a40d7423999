"""What stands under labels that nobody knows is read for what it holds."""

from __future__ import annotations

import re

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis, axis_called
from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.evidence import evidence, knows
from search_spaces.plan_import.measures import read_metric
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.stems import stems
from search_spaces.plan_import.values import reads
from search_spaces.plan_import.written import Entry, split_items
from search_spaces.profiles import Profile

_IDENTIFIER = re.compile(r"(?P<prefix>(?!DiT)[A-Z][A-Za-z]*)[-_#]\d{1,3}[a-z]?")
"""What only counts entries, as ``TRAIN-01`` does."""


def place_unknown(entry: Entry, axis: Axis, baseline: TrialConfig, profile: Profile) -> None:
    """Moves text under unknown labels to the field that it can only belong to; what may belong elsewhere stays.

    Values of the axis become replacements where none are written, metrics likewise, and text that holds no number, no
    action and no word of another axis is a remark.
    """
    for label, text in list(entry.unknown):
        items = split_items(text)
        if axis_called(label) is not None:
            continue
        found = _IDENTIFIER.fullmatch(text.strip())
        if found is not None and not any(map(knows, stems(found["prefix"]))):
            entry.remarks.append((label, text))
        elif not entry.replacements and items and all(reads(item, axis, baseline, profile) for item in items):
            entry.replacements.extend(items)
        elif not entry.metrics and items and all(_is_metric(item, profile) for item in items):
            entry.metrics.extend(items)
        elif says_nothing(text, axis):
            entry.remarks.append((label, text))
        else:
            continue
        entry.unknown.remove((label, text))


def _is_metric(text: str, profile: Profile) -> bool:
    try:
        read_metric(text, profile)
    except UserError:
        return False
    return True


def says_nothing(text: str, axis: Axis) -> bool:
    """Whether a text holds no number, no action and no word of another axis."""
    if numbers_in(text) or read_action(text).actions:
        return False
    strong = [score for score in evidence([("", text, 1.0)]) if score.text >= 2.0]
    return all(score.candidate.axis is not None and score.candidate.axis.fields == axis.fields for score in strong)
