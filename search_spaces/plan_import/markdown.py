"""Reads a plan from Markdown, as people and language models write it: lists, labels of any kind, tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from search_spaces.axes import axis_called
from search_spaces.plan_import.actions import is_action
from search_spaces.plan_import.blocks import RULE, Block, blocks
from search_spaces.plan_import.crossed import crossed_in, is_caption, with_crossed, with_measured
from search_spaces.plan_import.decisions import kind_under
from search_spaces.plan_import.labels import (
    ACTION,
    FIELDS,
    METRICS,
    PART,
    REMARK,
    REPLACEMENT,
    STATUS,
    TITLE,
    is_kept,
    is_label,
    is_notes,
    is_sure,
    kind_of,
    on_sides,
    sides_of,
)
from search_spaces.plan_import.line_forms import COUNTS, LEADS_ON, RUN_ON, STAYS
from search_spaces.plan_import.off_words import is_state
from search_spaces.plan_import.pairs import WITHOUT, is_pair, side_of
from search_spaces.plan_import.prose import titled, with_told
from search_spaces.plan_import.roles import commands
from search_spaces.plan_import.rungs import adds_up, step_in
from search_spaces.plan_import.sentences import asks
from search_spaces.plan_import.tables import Table
from search_spaces.plan_import.telling import is_aside
from search_spaces.plan_import.told_riders import ordered_in
from search_spaces.plan_import.written import Entry, WrittenPlan, clean
from search_spaces.words import Words, words

_FIELD = re.compile(
    r"^(?P<bold>[*_`]{0,3})\s*(?P<label>[A-Za-z][A-Za-z _/→>-]{1,40}?)\s*[*_`]{0,3}\s*"
    r"(?:[:：=]|\s[-–—]\s)\s*[*_`]{0,3}\s*(?P<value>.*)$"
)
_BOLD = re.compile(r"^(?:\d+[.)]\s+)?(?:\*\*|__)(?P<text>[^*_]+)(?:\*\*|__)\s*[:：]?\s*$")
_NAMED = re.compile(
    r"^(?:ablation|experiment|study|exp|test|variant|arm|item|grid|sweep|pair|crossing|interaction|track|ladder|theme)\.?\s*"
    r"(?:no\.?\s*|#\s*)?\w{1,3}\s*[:.)–—-]\s*\S",
    re.I,
)
"""A title that stands in running text: ``Ablation 2: label dropout``."""

_NAMED_ENTRY = re.compile(r"^(?!(?:variant|arm)\b)" + _NAMED.pattern[1:], re.I)
"""One that can only be of an entry, and not of a value: ``Study C - label dropout``."""

_NEXT_LABEL = re.compile(
    r"\s*[;|·–—]?\s+(?=(?:\*\*|__)[A-Za-z][^*_:]{1,40}(?::(?:\*\*|__)|(?:\*\*|__)\s*:))"
    r"|\s*[;|·]\s+(?=[A-Z][A-Za-z ]{2,40}:\s)"
)
_LISTS = (REPLACEMENT, METRICS)

_BELOW_ACTION = "below an action"
"""What is open behind an action that names no value: bullets that lie deeper than it may be what is tried."""

Nested = Callable[[str], WrittenPlan]
"""Reads the text inside of a fence."""


def read_markdown(text: str, nested: Nested | None = None) -> WrittenPlan:
    """Returns the plan's entries; text outside of entries is no part of the plan.

    Args:
        text: the plan.
        nested: reads fenced text, which may be JSON or YAML; without it, it is read as Markdown.
    """
    lines = with_crossed(blocks(text))
    reader = _Reader(nested or read_markdown, _repeated(lines))
    for number, block in enumerate(lines):
        following = next((other for other in lines[number + 1 :] if other.kind != "gap"), None)
        reader.block(block, following, _below_its_text(block, lines[number + 1 :]))
    reader.close()
    return WrittenPlan(reader.plan_title, reader.entries, reader.remarks, orders=reader.orders)


def _below_its_text(block: Block, rest: list[Block]) -> Block | None:
    """The first labelled or bulleted line behind a title and the paragraphs below it; None where it has none.

    A title is a numbered line, or one such as ``Study C - label dropout``.
    """
    told = [other for other in rest if other.kind != "gap"]
    if block.kind == "line" and _NAMED_ENTRY.match(clean(block.text)):
        return _label_below(told)
    if not (block.kind == "line" and block.bullet and block.numbered):
        return None
    below = next((other for other in told if other.bullet or _FIELD.match(_bare(other.text))), None)
    return below if below is not None and all(other.kind == "line" for other in told[: told.index(below) + 1]) else None


def _label_below(lines: list[Block]) -> Block | None:
    """The first line with a label that everybody knows, where only text stands before it, and no title."""
    for line in lines:
        if line.kind != "line" or _NAMED_ENTRY.match(clean(line.text)):
            return None
        found = _FIELD.match(_bare(line.text))
        if found is not None and is_sure(clean(found["label"])):
            return line
    return None


def _repeated(lines: list[Block]) -> frozenset[Words]:
    """The labels that lines open with more than once, whether or not anybody knows them."""
    found = [_FIELD.match(_bare(block.text)) for block in lines if block.kind == "line"]
    counts = Counter(words(match["label"]) for match in found if match is not None)
    return frozenset(label for label, count in counts.items() if count > 1 or side_of(" ".join(label)) == WITHOUT)


def _bare(text: str) -> str:
    return re.sub(r"\((?:e?s)\)(?=[*_`]{0,3}\s*[:=])", "s", re.sub(r"^\d+[.)]\s+", "", text.lstrip("> ")))


def _labelled_pieces(text: str) -> list[str]:
    """A line, or its pieces where labels follow each other in it."""
    pieces: list[str] = []
    for piece in _NEXT_LABEL.split(text):
        opens = _FIELD.match(_bare(piece))
        starts = [found for found in RUN_ON.finditer(piece) if opens is not None and _is_field(opens["label"])
                  and _is_field(found["label"])]  # fmt: skip
        ends = [found.start() for found in starts]
        pieces += [piece[a:b] for a, b in zip([0, *(at.end() for at in starts)], [*ends, len(piece)], strict=True)]
    return pieces


def _is_field(label: str) -> bool:
    return is_sure(label) and kind_of(label) in FIELDS


def _uncounted(text: str, before: int) -> str:
    """An item without the letter that counts it, where as many items as that letter says stand before it."""
    found = COUNTS.match(text)
    return text[found.end() :] if found is not None and ord(found["mark"].lower()) - ord("a") == before else text


class _Reader:
    """Goes through the blocks once; knows the entry and the list that a line may belong to."""

    def __init__(self, nested: Nested, repeated: frozenset[Words]) -> None:
        self.plan_title = ""
        self._repeated = repeated
        self._paired = any(side_of(" ".join(label)) == WITHOUT for label in repeated)
        self._has_fields = False  # whether any entry has a label; a plan without is prose
        self.entries: list[Entry] = []
        self._nested = nested
        self._entry = Entry()
        self._open: str | None = None  # the field that waits for its text or collects items
        self._depth = 0  # of the line that opened it
        self._bulleted = False  # whether its items are bullets
        self._items_depth = 0  # of the first of them
        self._items_numbered = False  # whether it has a number
        self._first_acted: str | None = None  # the first of the items below a label for an action
        self._tried: list[str] = []  # bullets below an action that names no value
        self._table: Table | None = None
        self._section = ""  # the heading of the remarks that are being read, if any
        self._inside = False  # whether they belong to the entry
        self._ruled = False  # whether a rule stands below what the entry says
        self._level = 0  # of the heading of the entry that is being read
        self._off_level, self._off = 0, ""  # a heading such as "Cancelled", and what it says of all below it
        self.remarks: list[tuple[str, str]] = []
        self.orders: list[str] = []

    def block(self, block: Block, following: Block | None, below: Block | None = None) -> None:
        """Takes the next block; ``below`` is the first label or bullet behind a numbered line and its paragraphs."""
        if block.kind != "row" and self._table is not None:
            self.entries += self._table.entries()
            self._table = None
        if block.kind == "gap":
            self._ruled |= block.text == RULE
            if not self._bulleted and self._open in _LISTS and self._entry.items(self._open):
                self._open = None
        elif block.kind == "row":
            self._row(block)
        elif block.kind == "crossed":
            self._crossed(block)
        elif block.kind == "fence":
            self._fence(block.text)
        elif block.kind == "heading" or (
            block.kind == "line"
            and (
                self._is_named_title(block, below)
                or self._is_heading(block, following)
                or self._is_numbered_title(block, below)
            )
        ):
            crossed = following is not None and following.kind == "crossed"
            self._heading(clean(block.text), block.depth if block.kind == "heading" else 0, crossed)
        elif not (self._section and self._noted(block)):
            self._line(block)

    def close(self) -> None:
        """Ends the entry that is being read."""
        if self._table is not None:
            self.entries += self._table.entries()
            self._table = None
        (self._entry.context if self._entry.replacements else self._entry.replacements).extend(self._tried)
        self._tried = []
        if not self._entry.empty or is_pair(self._entry):
            self.entries.append(with_told(with_measured(self._entry)))
        elif (told := self._told()) is not None:
            self.entries.append(told)
        self._entry = Entry()
        self._open = None
        self._ruled = False

    def _told(self) -> Entry | None:
        """The entry that a heading and the sentences below it are, where they say what to do."""
        entry = self._entry
        told = " ".join(f"{text.rstrip('.')}." for text in entry.context)
        if not entry.title or not told or not self._has_fields or not asks(told):
            return None
        found = titled(entry.title, told)
        found.unknown += entry.unknown
        found.remarks += entry.remarks
        return found

    def _is_heading(self, block: Block, following: Block | None) -> bool:
        """Whether a line is the title of what follows: bold and alone, or above a list that opens with a label."""
        if following is not None and following.kind == "crossed" and is_caption(block):
            return True
        own = self._field_in(block.text)
        if (own is None or kind_of(own["label"]) is None) and self._above_its_labels(block, following):
            return True
        if own is not None:
            return False
        if _BOLD.match(block.text):
            inside = following is not None and following.depth > block.depth
            return not block.bullet or block.depth == 0 or inside
        if _NAMED.match(block.text) and not block.bullet and following is not None and following.kind == "line":
            below = self._field_in(following.text)
            return below is not None and kind_of(below["label"]) is not None
        deeper = following is not None and following.kind == "line" and following.depth > block.depth
        beside = following is not None and following.bullet and block.numbered and not following.numbered
        deeper = deeper or (beside and following is not None and following.depth == block.depth)
        found = self._field_in(following.text) if following is not None and deeper and block.bullet else None
        if found is None:
            return False
        role = kind_of(found["label"])
        return role in (PART, TITLE) or (
            role in (ACTION, REPLACEMENT) and (self._open not in _LISTS or block.depth < self._depth)
        )

    def _is_named_title(self, block: Block, below: Block | None) -> bool:
        """Whether a line such as ``**Study C - Skips**`` is the title of what stands below it, and no label."""
        if not _NAMED_ENTRY.match(clean(block.text)):
            return False
        found = _FIELD.match(_bare(below.text)) if below is not None else None
        if found is not None and kind_of(found["label"]) == PART:
            if not block.bullet or block.depth <= self._depth or self._open not in _LISTS:
                return True
            return bool(self._entry.items(self._open)) and not self._bulleted  # its items stand in its own line
        return _BOLD.match(block.text) is not None and not block.bullet and self._open not in _LISTS

    def _above_its_labels(self, block: Block, following: Block | None) -> bool:
        """Whether a line numbers an item whose next line is the label of a part: ``2) Is it the rate: too timid?``."""
        if not (block.bullet and block.numbered) or following is None or following.kind != "line":
            return False
        below = self._field_in(following.text) if following.depth == block.depth and not following.bullet else None
        return below is not None and kind_of(below["label"]) == PART

    def _is_numbered_title(self, block: Block, below: Block | None) -> bool:
        """Whether a numbered line opens an entry with its label of a part below it: ``2. Skips``, text, ``Part: x``.

        It is no item of a list that is open: the items of that one lie deeper, or are metrics without numbers.
        """
        if below is None or (below.bullet and (below.numbered or below.depth < block.depth)):
            return False
        found = self._field_in(below.text) or _FIELD.match(_bare(below.text))
        part = found is not None and kind_of(found["label"]) == PART and is_sure(clean(found["label"]))
        if not part or self._field_in(block.text) is not None:
            return False
        if self._open not in _LISTS:
            return True
        if not self._entry.items(self._open):
            return False  # the first item of a list
        if self._bulleted and block.depth < self._items_depth:
            return True
        return self._open == METRICS and not (self._bulleted and self._items_numbered)

    def _noted(self, block: Block) -> bool:
        """Takes a line below a heading of remarks; returns False where a label in it goes on with the plan."""
        found = self._field_in(block.text)
        kind = kind_of(found["label"]) if found is not None and is_sure(clean(found["label"])) else None
        held = {ACTION: self._entry.actions, REPLACEMENT: self._entry.replacements, METRICS: self._entry.metrics}
        goes_on = not self._entry.empty and kind in held and not held[kind]
        if goes_on or kind in (PART, ACTION, REPLACEMENT):
            if not goes_on:  # an entry, whatever it is called
                self.close()
                self._entry = Entry(title=self._section)
            self._section = ""
            return False
        label, text = (found["label"], found["value"]) if found is not None else (self._section, block.text)
        if commands(clean(text)) or ordered_in(clean(text)):
            (self._entry.context if self._inside else self.orders).append(clean(block.text))
        elif clean(text):
            (self._entry.remarks if self._inside else self.remarks).append((clean(label), clean(text)))
        return True

    def _heading(self, text: str, level: int, crossed: bool = False) -> None:
        self._section = ""
        if level and level <= self._off_level:
            self._off_level, self._off = 0, ""
        field = _FIELD.match(_bare(text)) if not crossed else None  # "3. Ablated Part: the optimiser"
        named = _NAMED_ENTRY.match(text) is not None
        if field is not None and not named and kind_of(field["label"]) in (PART, *_LISTS):
            self._start(kind_of(field["label"]) or "", field["value"], 0)
            return
        name = kind_of(text) if is_label(text) else None
        if name in (None, REMARK) and is_notes(text):
            self._section, self._open = text, None
            self._inside = not self._entry.empty and (not level or level > self._level)
            return
        if name is not None and (not self._entry.empty or name == PART):
            self._start(name, "", 0)
            return
        self._level = level
        if self._entry.empty and not self.entries:
            self.plan_title = self.plan_title or self._entry.title
        self.close()
        self._entry = Entry(title=text)
        if self._off:
            self._entry.remarks.append((STATUS, self._off))
        elif level and is_state(text):
            self._off_level, self._off = level, text

    def _line(self, block: Block) -> None:
        pieces = _labelled_pieces(block.text)
        first = self._field_in(pieces[1]) if len(pieces) > 1 and block.bullet and _BOLD.match(pieces[0]) else None
        if first is not None and kind_of(first["label"]) == PART and self._field_in(pieces[0]) is None:
            self._heading(clean(pieces.pop(0)), 0)  # "2. **Fewer blocks?** **Component:** depth"
        for number, piece in enumerate(pieces):
            found = self._field_in(piece)
            if found is None or not self._field(found, block):
                self._item(piece, Block("line", piece, block.depth, block.bullet and not number))

    def _field_in(self, text: str) -> re.Match[str] | None:
        found = _FIELD.match(_bare(text))
        if found is None or (re.search("[→>]", found["label"]) and sides_of(found["label"]) is None):
            return None
        known = found["bold"] or kind_of(found["label"]) is not None or words(found["label"]) in self._repeated
        known = known or not self._entry.empty  # among labels, whatever looks like one is one
        return found if known else None

    def _field(self, found: re.Match[str], block: Block) -> bool:
        """Takes a line of the form ``label: text``; returns whether it was one."""
        label, value = clean(found["label"]), found["value"].strip()
        name = kind_under(label, value)
        if value and self._paired and side_of(label):
            self._entry.unknown.append((label, clean(value)))
            self._open = None
            return True
        if (sides := sides_of(label)) is not None:
            there, value = on_sides(label, value)
            self._entry.remarks += [(sides[0], clean(there))] if there else []
        below_list = self._open in (*_LISTS, _BELOW_ACTION) and block.depth > self._depth
        if below_list and value and is_kept(label):
            self._entry.remarks.append((label, clean(value)))
            return True  # "Held constant: depth" beside the values
        if self._open == _BELOW_ACTION and below_list and name is None:
            return False  # an item, such as "p = 4"; a note below an action is a note
        ends = name == METRICS and is_sure(label) and not block.bullet  # a line that Markdown takes into the last item
        in_list = self._open in _LISTS and below_list and not ends
        if in_list and (name in (None, REMARK, TITLE) or not found["bold"]):
            return False  # an item of the list, such as "adaLN: adaptive layer norm"
        if name is None and not (block.bullet or found["bold"]) and self._is_told(label, value):
            return False  # a paragraph behind the labels
        if name is None or name == REMARK:
            if self._entry.empty and not self._entry.title and not self.entries:
                return True
            if name == REMARK and value:
                self._entry.remarks.append((label, clean(value)))
            else:
                self._entry.put_labelled(label, clean(value))
            self._open = None if value else REMARK
            return True
        if (name == ACTION or (name == PART and is_action(clean(value)))) and value:
            leads = LEADS_ON.search(value)
            self._entry.put_labelled(label, clean(value[: leads.start()] if leads and leads.start() else value))
            self._open, self._depth = None, block.depth
            if self._entry.actions and is_action(self._entry.actions[-1]):
                self._open = _BELOW_ACTION
            if leads and self._entry.actions:  # what is tried stands below it
                self._open, self._depth, self._bulleted = REPLACEMENT, block.depth + 1, False
            return True
        self._start(name, value, block.depth)
        return True

    def _is_told(self, label: str, value: str) -> bool:
        """Whether a line that looks labelled is a paragraph behind the labels of its entry."""
        told = self._entry.parts and (self._entry.actions or self._entry.replacements) and self._open is None
        new = words(label) not in self._repeated and axis_called(label) is None
        return bool(told) and new and is_aside(label, value)

    def _start(self, name: str, text: str, depth: int) -> None:
        if (name == PART and self._entry.parts) or (name == TITLE and not self._entry.empty):
            self.close()
        if name == REMARK:
            self._open = REMARK
            return
        self._has_fields, self._ruled = True, False
        if text:
            self._entry.put(name, text if name in _LISTS else clean(text))
        self._open = name if name in _LISTS or not text else None
        self._depth, self._bulleted, self._first_acted = depth, False, None

    def _item(self, text: str, block: Block) -> None:
        """Takes a line that belongs to the open field, or to nothing."""
        step = step_in(text) if self._open in (None, REMARK, REPLACEMENT, _BELOW_ACTION) else ""
        if step and (self._entry.title or self._has_fields or any(map(adds_up, self._entry.context))):
            self._entry.replacements.append(step)
            self._entry.stepped = True
            return
        if self._ruled and self._open in (REMARK, None) and not self._entry.empty and commands(clean(text)):
            self.orders.append(clean(text))
        elif self._open == REMARK or self._open is None:
            self._entry.context.append(clean(text))
        elif self._open == _BELOW_ACTION:
            deeper = block.bullet and block.depth > self._depth and not STAYS.search(text)
            (self._tried if deeper else self._entry.context).append(clean(text))
            self._open = _BELOW_ACTION if deeper else None
        elif self._open == ACTION and block.bullet:  # "Modification:" above a list of what is tried
            self._acted(clean(text))
        elif self._open not in _LISTS:  # a heading such as "Action", its text on the next line
            self._entry.put(self._open, clean(text))
            self._open = None
        elif block.bullet and block.depth >= self._depth:
            items = self._entry.items(self._open)
            if not (self._bulleted and items):
                self._items_depth, self._items_numbered = block.depth, block.numbered
            self._bulleted = True
            items.append(clean(_uncounted(text, len(items))))
        elif block.bullet:
            self._open = None
            self._entry.context.append(clean(text))
        elif self._bulleted and block.depth > 0:
            items = self._entry.items(self._open)
            items[-1] += " " + clean(text)
        elif self._bulleted:
            self._open = None
            self._entry.context.append(clean(text))
        else:
            self._entry.put(self._open, text)

    def _acted(self, said: str) -> None:
        """Takes an item below an action's label: one alone is an action, several are what is tried."""
        if self._first_acted is None:
            self._entry.actions.append(said)
            self._first_acted = said
            return
        first = self._first_acted
        if first in self._entry.actions and not (is_action(first) and len(first.split()) == 1):
            self._entry.actions.remove(first)
            self._entry.replacements.append(first)
        self._entry.replacements.append(said)

    def _fence(self, text: str) -> None:
        inside = self._nested(text)
        if inside.entries and any(not entry.empty for entry in inside.entries):
            if self._entry.empty and len(inside.entries) == 1 and not inside.entries[0].title:
                inside.entries[0].title = self._entry.title
            self.close()
            self.entries += inside.entries

    def _crossed(self, block: Block) -> None:
        """Takes a table that crosses two axes as what the entry above it tries, or an entry of its own."""
        entry, table = self._entry, crossed_in(block.rows)
        if entry.crossed is not None or entry.replacements:
            self.close()
            self._entry = entry = Entry(title=entry.title)
        if table is not None:
            entry.crossed = table
            entry.replacements += [*table.rows, *table.columns]
        self._has_fields, self._open = True, None

    def _row(self, block: Block) -> None:
        if block.opens or self._table is None:
            heading = self._entry.title if self._entry.empty else ""
            self.close()
            self._table = Table(block.cells, heading)
        else:
            self._table.row(block.cells)
