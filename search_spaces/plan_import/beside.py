"""What stands beside an action and its values, and may hold values all the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.labels import REPLACEMENT, kind_of
from search_spaces.plan_import.loose import mentioned
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.values import Range, read_values, reads
from search_spaces.plan_import.written import Entry, split_items
from search_spaces.profiles import Profile

_THERE = re.compile(
    r"baseline|default|current|original|existing|published|paper|from|keep|kept|control|held|fixed|constant|unchanged",
    re.I,
)
"""Labels of what is there already."""


def _is_there(label: str) -> bool:
    """Whether a label names what is there already, and nothing else: ``Default``, and not ``Default and variants``."""
    return _THERE.search(label) is not None and kind_of(_THERE.sub(" ", label)) != REPLACEMENT


_LISTS = re.compile(r"[{\[][^{}\[\]]*,[^{}\[\]]*[}\]]|∈")
"""What makes a list of values of a part: ``activation in {ReLU, SiLU}``."""

BY_IT = re.compile(r"\b(?:by|with|to|for|into|use|try)\s+(?:it|them|that|those|this one|the latter)\b(?!\s+of)", re.I)
"""A value that a sentence before names."""


def meant_by_it(entry: Entry, axis: Axis, baseline: TrialConfig, profile: Profile) -> tuple[Any, ...]:
    """What ``it`` stands for in ``replace them by it``: the one other value that a sentence before it names."""
    if not isinstance(axis, ChoiceAxis):
        return ()
    own = axis.current(baseline, profile)
    named = [mentioned(text, axis, profile) for text in (*entry.context, entry.title)]
    others = {value for row in named for value in row if value != own}
    return tuple(others) if len(others) == 1 else ()


def nothing_else(entry: Entry, axis: Axis, baseline: TrialConfig, profile: Profile) -> None:
    """Refuses to take away where another value is named as well: ``drop the table in favour of RoPE``."""
    if not isinstance(axis, ChoiceAxis):
        return
    ours = (axis.remove_value, axis.current(baseline, profile))
    for text in entry.actions:
        others = [value for value in mentioned(text, axis, profile) if value not in ours]
        if others:
            raise UserError(f"it takes {axis.name} away and names {', '.join(map(axis.label, others))} as well")


def values_aside(entry: Entry, axis: Axis, baseline: TrialConfig, profile: Profile) -> str:
    """A remark that could be the values that an entry does not name elsewhere; empty where there is none."""
    for label, text in entry.remarks:
        items = split_items(text)
        if items and not _is_there(label) and all(reads(item, axis, baseline, profile) for item in items):
            return text
    own = axis.current(baseline, profile)
    for text in entry.context:
        if isinstance(axis, NumberAxis) and any(number != own for number in numbers_in(text)):
            return text
        if isinstance(axis, ChoiceAxis) and any(value != own for value in mentioned(text, axis, profile)):
            return text
    return ""


def reads_other(text: str, axis: Axis, baseline: TrialConfig, profile: Profile, named: Sequence[Any] = ()) -> bool:
    """Whether a text names a value that is neither the baseline's nor one of those that are named."""
    try:
        values = read_values(text, axis, baseline, profile)[0]
    except Range:
        return True
    except UserError:
        return False
    return bool({*values} - {*named, axis.current(baseline, profile)})


def named_aside(entry: Entry, axis: Axis, baseline: TrialConfig, profile: Profile) -> tuple[Any, ...]:
    """The values other than the baseline's that a title or a remark names, where no value is written elsewhere."""
    if not isinstance(axis, ChoiceAxis):
        return ()
    own = axis.current(baseline, profile)
    texts = [
        entry.title,
        *(text for text in entry.parts if _LISTS.search(text)),
        *(text for label, text in entry.remarks if not _is_there(label)),
        *entry.context,
    ]
    found = dict.fromkeys(value for text in texts for value in mentioned(text, axis, profile))
    return tuple(value for value in found if value != own)
