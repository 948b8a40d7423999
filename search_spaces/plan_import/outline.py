"""Takes a text apart by its outline: headings, items of a list, or paragraphs that open with a title.

Whatever stands at one level of the outline is an entry each, and all that stands below it is what it says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from search_spaces.axes import axis_called
from search_spaces.plan_import.actions import is_action, leads_with_action
from search_spaces.plan_import.blocks import Block, blocks
from search_spaces.plan_import.evidence import evidence
from search_spaces.plan_import.labels import ACTION, FIELDS, PART, REPLACEMENT, TITLE, is_notes, kind_of
from search_spaces.plan_import.pairs import WITHOUT, is_pair, side_of
from search_spaces.plan_import.prose import titled
from search_spaces.plan_import.purposes import is_purpose
from search_spaces.plan_import.written import Entry, WrittenPlan, clean
from search_spaces.words import Words, words

_LEAD = re.compile(
    r"^(?:\(?(?:\d{1,2}|[a-z]|[A-Z]{1,3}-?\d{1,3}|[ivx]{1,4})[.):]\s+)?"
    r"(?:(?:\*\*|__)(?P<bold>[^*_]{2,70}?)(?:[.:]?)(?:\*\*|__)\s*[:.–—-]*\s*"
    r"|`(?P<code>[^`]{2,40})`\s*[:–—-]*\s*"
    r"|(?P<plain>[A-Za-z][^.:;!?\n]{1,60}?)(?:\s+[–—-]\s+|:\s+|\s*\.\s+(?=[A-Z])))(?P<rest>\S.*)$",
    re.S,
)
_ALONE = re.compile(r"^(?:\(?\w{1,4}[.)]\s+)?(?:\*\*|__|`)?(?P<title>[A-Za-z][^*_`.:;!?\n]{1,60}?)(?:\*\*|__|`)?[.:]?$")
_FIELD = re.compile(
    r"^[*_`]{0,3}\s*(?P<label>[A-Za-z][A-Za-z _/-]{1,40}?)\s*[*_`]{0,3}\s*[:：=]\s*[*_`]{0,3}\s*(?P<value>\S.*)$"
)
_RUNG = re.compile(r"^[*_]{0,3}rung\s+\d+[*_]{0,3}:", re.I)


def outlines(text: str) -> Iterator[WrittenPlan]:
    """Yields the plan by every level of its outline that has more than one entry, the widest first."""
    found = blocks(text)
    for units in (_by_heading(found), _by_item(found), _by_paragraph(found)):
        counts = Counter(label for _, said in units for label in {*_labels(said)})
        again = frozenset(label for label, count in counts.items() if count > 1)
        entries = [entry for title, said in units if (entry := _entry(title, said, again)) is not None]
        if len(entries) > 1:
            yield WrittenPlan("", entries)


_SPEAKS = 2.0
"""Evidence from which a text without a title is an entry."""

_Unit = tuple[str, list[Block]]


def _by_heading(found: list[Block]) -> list[_Unit]:
    levels = sorted({block.depth for block in found if block.kind == "heading"}, reverse=True)
    for level in levels:
        units: list[_Unit] = []
        for block in found:
            if block.kind == "heading":
                units.append((clean(block.text) if block.depth == level else "", []))
            elif units and block.kind == "line":
                units[-1][1].append(block)
        named = [unit for unit in units if unit[0] and unit[1]]
        if len(named) > 1:
            return named
    return []


def _by_item(found: list[Block]) -> list[_Unit]:
    depths = [block.depth for block in found if block.kind == "line" and block.bullet]
    if not depths or _are_fields([b for b in found if b.kind == "line" and b.bullet and b.depth == min(depths)]):
        return []
    if any(_RUNG.match(block.text) for block in found if block.kind == "line" and block.bullet):
        return []  # they are no entries of their own
    units: list[_Unit] = []
    open_item = False
    for block in found:
        if block.kind == "heading" or (block.kind == "line" and block.depth < min(depths)):
            open_item = False
        elif block.kind == "line" and block.bullet and block.depth == min(depths):
            units.append(_led(block.text))
            open_item = True
        elif block.kind == "line" and open_item:
            units[-1][1].append(block)
    return units


def _are_fields(items: list[Block]) -> bool:
    """Whether most items are the labels of entries, with which no entry begins: what is ablated, done and tried."""
    found = [match for block in items if (match := _FIELD.match(block.text)) is not None]
    kinds = [kind for match in found if (kind := kind_of(match["label"])) in FIELDS]
    return 2 * len(kinds) > len(items) and len(set(kinds)) > 1 and len(set(kinds)) < len(kinds)


def _by_paragraph(found: list[Block]) -> list[_Unit]:
    units: list[_Unit] = []
    fresh = True
    for block in found:
        if block.kind != "line" or block.bullet:
            fresh = True
            if block.kind == "line" and units:
                units[-1][1].append(block)
            continue
        if fresh and (led := _led(block.text))[0]:
            units.append(led)
        elif units:
            units[-1][1].append(block)
        fresh = False
    return units


def _led(text: str) -> _Unit:
    """The title that a text opens with, and the rest of it as a line."""
    found = _LEAD.match(text)
    if found is None:
        alone = _ALONE.match(text)
        return (clean(alone["title"]), []) if alone is not None else ("", [Block("line", text)])
    title = found["bold"] or found["code"] or found["plain"]
    if is_action(title):
        return "", [Block("line", f"{title} {found['rest']}")]
    if not (found["bold"] or found["code"]) and (leads_with_action(title) or len(title.split()) > 8):
        return "", [Block("line", text)]
    return clean(title), [Block("line", found["rest"])]


def _field(found: re.Match[str]) -> tuple[str, str]:
    return clean(found["label"]), clean(found["value"])


def _labels(said: list[Block]) -> list[Words]:
    return [words(at["label"]) for block in said if (at := _FIELD.match(block.text)) is not None]


def _entry(title: str, said: list[Block], again: frozenset[Words]) -> Entry | None:
    """The entry of a title and the lines below it; none where they are remarks on the plan."""
    kinds = {kind_of(found["label"]) for block in said if (found := _FIELD.match(block.text)) is not None}
    if is_notes(title) and not kinds & {PART, ACTION, REPLACEMENT}:
        return None
    entry = Entry(title=title)
    sentences: list[str] = []
    items: list[str] = []
    listed = sum(block.bullet for block in said) > 1
    paired = any(side_of(" ".join(label)) == WITHOUT for label in _labels(said))
    for block in said:
        found = _FIELD.match(block.text)
        kind = kind_of(found["label"]) if found is not None else None
        known = found is not None and (kind is not None or words(found["label"]) in again)
        value = found is not None and axis_called(found["label"]) is not None and not is_purpose(*_field(found))
        if found is not None and paired and side_of(found["label"]):
            entry.unknown.append(_field(found))
        elif found is not None and known and kind != TITLE and not value:
            entry.put_labelled(*_field(found))
        elif block.bullet and listed:
            items.append(clean(block.text))
        else:
            sentences.append(block.text)
    told = " ".join(f"{text.rstrip()}" if text.rstrip()[-1:] in ".!?;:" else f"{text.rstrip()}." for text in sentences)
    told = re.sub(r"\*([A-Z][\w ]{2,24}):\*", r"\1:", told)
    if items:
        entry.replacements += items
        entry.actions += [told] if told else []
        return entry
    if not told.strip(" ."):
        return entry if not entry.empty or is_pair(entry) else None
    if not title:
        speaks = any(score.text >= _SPEAKS for score in evidence([("", told, 1.0)]))
        return _with(entry, titled(told.split(". ")[0][:80], told)) if speaks or not entry.empty else None
    return _with(entry, titled(title, told))


def _with(entry: Entry, found: Entry) -> Entry:
    way: Entry | None = found
    while way is not None:
        way.parts += entry.parts
        way.actions += entry.actions
        way.replacements += entry.replacements
        way.metrics += entry.metrics
        way.remarks += entry.remarks
        way.unknown += entry.unknown
        way = way.other
    return found
