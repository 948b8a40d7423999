"""What of a plan's text is in no entry and in no remark, so that nothing of it is passed over without a word.

However a text was taken apart, its phrases (sentences, cells, texts of data) are compared with all that the account of
the plan holds. A phrase most of whose words stand nowhere there is left over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from search_spaces.plan_import.blocks import COMMENT, Block, blocks
from search_spaces.plan_import.containers import data_in
from search_spaces.plan_import.labels import REMARK, is_notes, kind_of
from search_spaces.plan_import.rungs import step_in
from search_spaces.plan_import.sentences import SENTENCE_END
from search_spaces.plan_import.struck import is_struck, struck_in
from search_spaces.plan_import.written import clean
from search_spaces.words import words

LABELLED = re.compile(
    r"^(?:\d+[.)]\s+)?[>*_`\s]{0,4}(?P<label>[A-Za-z][A-Za-z _/()-]{1,40}?)\s*[*_`]{0,3}(?:\s*[:：=]|\s[-–—]\s)"
    r"\s*[*_`]{0,3}\s*(?P<text>.*)$"
)
_SILENT = frozenset(
    words(
        "a an the and or of to in for with is are be we i each then first second third fourth fifth sixth seventh next"
    )
)

_HERE, _MOST_HERE, _ANYWHERE = 0.4, 0.6, 0.8
"""A phrase is accounted for where the first share of its words stands in one place of the account, and either the
second share of them there or the third anywhere in it."""

_MOST_COMPARED = 2_000_000
"""Beyond so many comparisons a text is longer than a plan, and the account is taken as one place."""

TEXT = "Text"
"""What a phrase without a label is called."""

HEADING, ITEM, CELL = "Heading", "Item", "Cell"
"""What a phrase without a label is called by where it stands."""

COMMENTED = "Comment"
"""What a comment of HTML is called; it orders nothing."""


CROSSED = "Struck out"
"""What text that is crossed out is called."""


def phrases(text: str) -> Iterator[tuple[str, str]]:
    """Yields (label, text) of the phrases of a Markdown text: its sentences and cells, and its comments of HTML.

    Headings, items of lists and cells are labelled so; a heading that is a label itself is an empty one.
    """
    for block in blocks(text):
        if block.kind == "fence":
            yield from _fenced(block.text)
        for piece in block.cells or ((block.text,) if block.kind in ("line", "heading") else ()):
            yield from ((CROSSED, said) for said in struck_in(piece))
            if is_struck(piece):
                continue
            found = LABELLED.match(piece)
            labelled = found is not None and kind_of(found["label"]) is not None
            place = _place(block)
            if not labelled and (kind_of(clean(piece)) is not None or is_notes(clean(piece))):
                if place == HEADING:
                    yield HEADING, ""
                continue  # a heading, or the head of a column, that is a label
            if place == HEADING:
                yield HEADING, "" if labelled else clean(piece)
            if place == HEADING and not (labelled and found is not None and clean(found["text"])):
                continue
            label, said = (clean(found["label"]), found["text"]) if found is not None and labelled else (place, piece)
            yield from ((label, sentence) for sentence in map(clean, SENTENCE_END.split(said)) if sentence)
    for found in COMMENT.finditer(text):
        if said := clean(" ".join(found["said"].split())):
            yield COMMENTED, said


def _place(block: Block) -> str:
    """Where a block stands: a line that is bold from end to end is a heading, too."""
    if block.cells:
        return CELL
    if block.kind == "heading" or (not block.bullet and _BOLD.match(block.text)):
        return HEADING
    return ITEM if block.bullet else TEXT


_BOLD = re.compile(r"^(?:\*\*|__)[^*_]+(?:\*\*|__)\s*:?\s*$")


def texts_of(data: Any) -> Iterator[tuple[str, str]]:
    """Yields (label, text) of the texts in plain data."""
    if isinstance(data, dict):
        for value in data.values():
            yield from texts_of(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from texts_of(value)
    elif isinstance(data, str):
        yield from ((CROSSED, said) for said in struck_in(data))
        for piece in re.split(r"[;\n]", "" if is_struck(data) else data):
            yield from ((TEXT, sentence) for sentence in map(clean, SENTENCE_END.split(piece)) if sentence)


def _fenced(text: str) -> Iterator[tuple[str, str]]:
    try:
        yield from texts_of(json.loads(text))
    except (ValueError, RecursionError):
        data = data_in(text)
        yield from phrases(text) if data is None else texts_of(data)


def left_over(said: Iterable[tuple[str, str]], account: Iterable[str]) -> list[tuple[str, str]]:
    """The phrases, as (label, text), that stand nowhere in the account.

    Args:
        said: phrases of a plan's text, in order.
        account: everything that is said about the plan, an entry's phrases in one text.
    """
    places = [frozenset(words(text)) for text in account]
    anywhere = frozenset().union(*places)
    found: dict[tuple[str, str], None] = {}
    said = list(said)
    places = places if len(said) * len(places) <= _MOST_COMPARED else [anywhere]
    for label, text in said:
        held = frozenset(words(text)) - _SILENT
        labelled = LABELLED.match(text)
        short = labelled is not None and len(words(labelled["label"])) < 3
        told = frozenset(words(labelled["text"])) if labelled is not None and short else frozenset[str]()
        told = told or frozenset(words(step_in(text)))
        if told and any(told <= place for place in places):
            continue  # a label that nobody knows, or that counts a step, and its text
        if told_by := words(label) if kind_of(label) == REMARK else ():
            held |= frozenset(told_by)  # "seeds: [3, 4, 5]": a label says what its numbers are of
        if not held or not (told_by or re.search(r"[^\W\d_]{3}", text)):
            continue
        here = max((len(held & place) for place in places), default=0) / len(held)
        if here < _HERE or (here < _MOST_HERE and len(held & anywhere) < _ANYWHERE * len(held)):
            found[label, text] = None
    return list(found)
