"""The labels of a plan whose labels are all unknown, as those of a plan in another language are."""

from __future__ import annotations

import re
from collections import Counter

from search_spaces.axes import axis_called
from search_spaces.plan_import.labels import ACTION, FIELDS, METRICS, PART, REPLACEMENT, kind_of

_LABELLED = re.compile(r"^[\s>*+#\d.)|-]*[\"'*_`{\[ ]*(?P<label>[^\W\d_][^:：*\"|\n]{0,30}?)[\"'*_`]*\s*[:：]", re.M)
_HEADER = re.compile(r"^[ \t]*\|(?P<cells>[^\n]+)\|[ \t]*\n[ \t]*\|[ \t]*:?-{2,}", re.M)

_SHOWN = 4


def strange_labels(text: str) -> str:
    """Returns a sentence on the labels of a text where it has several and not one of them is known; else nothing.

    The name of an axis is known: it may stand over a column of a table of runs.
    """
    counts = Counter(found["label"].strip() for found in _LABELLED.finditer(text))
    labels = [label for label, count in counts.items() if count > 1]
    labels += [cell.strip(" *_`") for found in _HEADER.finditer(text) for cell in found["cells"].split("|")]
    labels = [label for label in dict.fromkeys(labels) if label]
    told = (*labels, *counts)
    if len(labels) < 2 or any(kind_of(label) in FIELDS or axis_called(label) is not None for label in told):
        return ""
    shown = ", ".join(labels[:_SHOWN]) + (", ..." if len(labels) > _SHOWN else "")
    wanted = ", ".join((PART, ACTION, REPLACEMENT))
    return f"none of its labels is known ({shown}); labels are read in English, such as {wanted} and {METRICS}"
