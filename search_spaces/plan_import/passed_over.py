"""What of a plan's text stands where ablations stand, speaks of something to vary, and is in no entry.

Running text may tell of anything. A heading with all that stands below it, an item of a list, a row of a table and a
sweep in plain data are how ablations are written; one that names an axis, a value or an action and that no entry
holds is named as not understood, so that nothing is passed over without a word.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from search_spaces.axes import axis_called
from search_spaces.plan_import.account import NotUnderstood
from search_spaces.plan_import.actions import leads_with_action
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.labels import SENTENCE, is_notes, kind_of
from search_spaces.plan_import.leftover import CELL, HEADING, ITEM, TEXT, left_over
from search_spaces.plan_import.matrix import names_runs
from search_spaces.plan_import.measures import is_metric
from search_spaces.plan_import.prose import is_wish
from search_spaces.plan_import.sentences import speaks
from search_spaces.plan_import.telling import describes
from search_spaces.plan_import.values import is_generic

_ITEM = "it is in no entry, and may ask for an ablation; write it as an entry, or leave it out"
_BELOW = "nothing below this heading is understood as an ablation; write it as an entry, or leave it out"
_SWEEP = "it holds several values of an axis, and is in no entry; write it as an entry, or leave it out"


_THOUGHTS = re.compile(r"\b(?:reasoning|thoughts?|thinking|chain of thought|scratch ?pad)\b", re.I)
"""Headings below which somebody thinks about a plan that stands elsewhere."""


def passed_over(
    phrases: Sequence[tuple[str, str]],
    account: Iterable[str],
    remarks: Sequence[tuple[str, str]],
    name: str,
    about: Iterable[str],
) -> tuple[NotUnderstood, ...]:
    """Returns what is passed over, each as not understood.

    Args:
        phrases: (label, text) of what the plan says, in order, by where it stands.
        account: what is said about the plan, without the remarks outside of its entries.
        remarks: (label, text) of those remarks.
        name: under what name a text is listed that has none itself.
        about: what the entries are about; what only speaks of the same axes is talk about them.
    """
    noted = [f"{label} {text}" for label, text in remarks if label not in (SENTENCE, TEXT)]
    left = {text for _, text in left_over(phrases, [*account, *noted])}
    below = _headings(phrases, left)
    found = {text: NotUnderstood(text[:80], TEXT, text, _BELOW) for text in below}
    inside = {text for texts in below.values() for text in texts}
    noting, treated = False, {axis for text in about for axis in axes_named(text)}
    for label, text in phrases:
        noting = not text or _THOUGHTS.search(text) is not None if label == HEADING else noting
        if noting or text not in left or text in inside or label not in (ITEM, CELL):
            continue
        if label == ITEM and _asks(text, treated):
            known = treated & {*axes_named(text)}
            found[text] = NotUnderstood(name if known else text[:80], TEXT, text, _ITEM)
        elif label == CELL and axes_named(text) and not is_metric(text) and not names_runs(text):
            found[text] = NotUnderstood(name, TEXT, text, _ITEM)
    often = Counter(label for label, _ in remarks if axis_called(label) is not None)
    swept = [(label, text) for label, text in remarks if often[label] > 1 or _sweeps(label, text)]
    return (*found.values(), *(NotUnderstood(label, TEXT, text, _SWEEP) for label, text in swept))


def _headings(phrases: Sequence[tuple[str, str]], left: set[str]) -> dict[str, list[str]]:
    """The headings below which something stands, and none of it is in an entry, each with what stands there."""
    found: dict[str, list[str]] = {}
    starts = [at for at, (label, _) in enumerate(phrases) if label == HEADING]
    for start, end in pairwise([*starts, len(phrases)]):
        heading = phrases[start][1]
        below = [text for _, text in phrases[start + 1 : end] if re.search(r"[^\W\d_]{3}|\d", text)]
        told = [text for text in below if re.search(r"[^\W\d_]{3}", text)]
        plain = all(label == TEXT and not _orders(text) for label, text in phrases[start + 1 : end])
        if (
            not below
            or plain
            or _THOUGHTS.search(heading)
            or heading not in left
            or not all(text in left for text in told)
        ):
            continue
        if axes_named(heading) or speaks(heading) or any(map(_names, told)):
            found[heading] = [heading, *below]
    return found


def _orders(text: str) -> bool:
    return leads_with_action(text) and not describes(text)


def _asks(text: str, treated: set[str]) -> bool:
    named = set(axes_named(text))
    if describes(text) or (named and named <= treated and not (_orders(text) or re.search(r"\d", text))):
        return False
    return is_wish(text) or (_orders(text) and _names(text)) or bool(named and re.search(r"\d", text))


def _names(text: str) -> bool:
    """Whether a text names an axis, or one of a choice's values."""
    if is_generic(text):
        return False
    return bool(axes_named(text)) or speaks(text)


def _sweeps(label: str, text: str) -> bool:
    """Whether plain data outside of every entry holds several values of an axis."""
    if is_notes(label) or (kind_of(label) is not None and kind_of(label) != "Replacement"):
        return False
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and any(
        axis_called(str(key)) is not None and isinstance(item, list) and len(item) > 1 for key, item in data.items()
    )
