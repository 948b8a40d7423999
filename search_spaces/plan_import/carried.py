"""The labels that a text carries as labels, and ways to take it apart that mistake one of them for something else.

``Ablated Part: patch size`` is a label and its text. Read as a sentence, it is an order to ablate the part patch size.
"""

from __future__ import annotations

import re

from search_spaces.plan_import.blocks import blocks
from search_spaces.plan_import.labels import ACTION, FIELDS, PART, REPLACEMENT, is_sure, kind_of
from search_spaces.plan_import.written import Entry, WrittenPlan
from search_spaces.words import Words, words

_LABELLED = re.compile(
    r"^(?:\d+[.)]\s+)?[>*_`\s]{0,4}(?P<label>[A-Za-z][A-Za-z _/-]{1,40}?)(?:\(e?s\))?\s*[*_`]{0,3}\s*(?:[:：=]|$)"
)


def carried_labels(text: str) -> frozenset[Words]:
    """The labels of a plan's fields that lines and headings of a text open with.

    There are none where fewer than two fields are labelled, or neither an action nor a replacement is: such a text may
    hold the same words as words.
    """
    found: dict[Words, str] = {}
    for block in blocks(text):
        match = _LABELLED.match(block.text) if block.kind in ("line", "heading") else None
        if match is not None and is_sure(match["label"]) and (kind := kind_of(match["label"])) in FIELDS:
            found[words(match["label"])] = str(kind)
    kinds = {*found.values()}
    return frozenset(found) if len(kinds) > 1 and kinds & {PART, ACTION, REPLACEMENT} else frozenset()


def mistakes_labels(way: WrittenPlan, carried: frozenset[Words]) -> bool:
    """Whether a way to take a text apart makes an entry, a part or an action of one of its labels."""
    return any(_mistakes(entry, carried) for entry in way.entries)


def _mistakes(entry: Entry, carried: frozenset[Words]) -> bool:
    if words(entry.title) in carried:
        return True
    said = [entry.title, *entry.parts, *entry.actions]
    said += [f"{action} {part}" for action in entry.actions for part in entry.parts]  # "ablated" + "part patch size"
    wide = [label for label in carried if len(label) > 1]
    return any(words(text)[: len(label)] == label for text in said for label in wide) or any(
        words(text) in carried for text in (*entry.parts, *entry.actions)
    )
