"""Reads a plan from Markdown, as people and language models write it: lists, bold labels, tables, stray HTML."""

from __future__ import annotations

import html
import re

from search_spaces.plan_import.written import (
    METRICS,
    PART,
    REPLACEMENT,
    TITLE,
    Entry,
    WrittenPlan,
    clean,
    field_of,
)

_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(?P<text>.*?)\s*#*\s*$")
_BOLD_LINE = re.compile(r"^\s*(?:\d+[.)]\s+)?(?:\*\*|__)(?P<text>[^*_]+)(?:\*\*|__)\s*$")
_BULLET = re.compile(r"^(?P<indent>\s*)(?:[-*+•–]|\d+[.)])\s+(?P<text>.*)$")
_FIELD = re.compile(
    r"^[\s>]*(?:(?:[-*+•–]|\d+[.)])\s+)?(?P<bold>[*_`]{0,3})\s*(?P<label>[A-Za-z][A-Za-z _/-]{1,40}?)\s*[*_`]{0,3}\s*"
    r"(?:[:：=]|\s[-–—]\s)\s*[*_`]{0,3}\s*(?P<value>.*)$"
)
_LISTS = (REPLACEMENT, METRICS)
_MOJIBAKE = {"Ã—": "×", "â€“": "–", "â€”": "—", "â€™": "’", "â€˜": "‘", "â€œ": "“", "â€\x9d": "”", "Ã©": "é"}


def read_markdown(text: str) -> WrittenPlan:
    """Returns the plan's entries; text outside of entries is no part of the plan."""
    reader = _Reader()
    for line in _plain(text).splitlines():
        reader.line(line)
    reader.close()
    return WrittenPlan(reader.plan_title, reader.entries)


def _plain(text: str) -> str:
    """Turns HTML into the Markdown it stands for and drops the rest of it."""
    for wrong, right in _MOJIBAKE.items():
        text = text.replace(wrong, right)
    text = re.sub(r"<!--.*?-->|<(style|script)\b.*?</\1\s*>", "", text, flags=re.S | re.I)
    text = re.sub(r"<h[1-6]\b[^<>]*>(.*?)</h[1-6]\s*>", r"\n# \1\n", text, flags=re.S | re.I)
    text = re.sub(r"<li\b[^<>]*>", "\n- ", text, flags=re.I)
    text = re.sub(r"</?(?:strong|b)\b[^<>]*>", "**", text, flags=re.I)
    text = re.sub(r"<br\s*/?>", "; ", text, flags=re.I)
    return html.unescape(re.sub(r"</?[A-Za-z][^<>]*>", "", text)).replace("\xa0", " ")


class _Reader:
    """Goes through the lines once; knows the entry and the list that a line may belong to."""

    def __init__(self) -> None:
        self.plan_title = ""
        self.entries: list[Entry] = []
        self._entry = Entry()
        self._open: str | None = None  # the field that waits for its text or collects items
        self._indent = 0  # of the line that opened it
        self._bulleted = False  # whether its items are bullets
        self._columns: list[str | None] | None = None  # of the table that is being read

    def line(self, line: str) -> None:
        """Takes the next line."""
        if not line.strip():
            self._columns = None
            if not self._bulleted and self._open in _LISTS and self._has_items():
                self._open = None
        elif line.lstrip().startswith("|"):
            self._row([clean(cell) for cell in line.strip().strip("|").split("|")])
        elif heading := _HEADING.match(line) or _BOLD_LINE.match(line):
            self._heading(clean(heading["text"]))
        elif not self._field(line):
            self._item(line)

    def close(self) -> None:
        """Ends the entry that is being read."""
        if not self._entry.empty:
            self.entries.append(self._entry)
        self._entry = Entry()
        self._open = None

    def _heading(self, text: str) -> None:
        name = field_of(text)
        if name is not None and name != TITLE:
            self._start(name, "", 0)
            return
        if self._entry.empty and not self.entries:
            self.plan_title = self.plan_title or self._entry.title
        self.close()
        self._entry = Entry(title=text)

    def _field(self, line: str) -> bool:
        """Takes a line of the form ``label: text``; returns whether it was one."""
        found = _FIELD.match(line)
        if found is None:
            return False
        indent = len(line) - len(line.lstrip())
        name = field_of(found["label"])
        if name is None:
            below_list = self._open in _LISTS and bool(_BULLET.match(line)) and indent > self._indent
            if not found["bold"] or below_list:
                return False
            self._entry.remarks.append((clean(found["label"]), clean(found["value"])))
            self._open = None
            return True
        self._start(name, found["value"].strip(), indent)
        return True

    def _start(self, name: str, text: str, indent: int) -> None:
        if (name == PART and self._entry.parts) or (name == TITLE and not self._entry.empty):
            self.close()
        if text:
            self._entry.put(name, text if name in _LISTS else clean(text))
        self._open = name if name in _LISTS or not text else None
        self._indent, self._bulleted = indent, False

    def _item(self, line: str) -> None:
        """Takes a line that belongs to the open field, or to nothing."""
        bullet = _BULLET.match(line)
        if self._open is None:
            return
        if self._open not in _LISTS:  # a heading such as "Action", its text on the next line
            self._entry.put(self._open, clean(bullet["text"] if bullet else line))
            self._open = None
        elif bullet:
            self._bulleted = True
            self._items().append(clean(bullet["text"]))
        elif self._bulleted and line[0] in " \t":
            self._items()[-1] += " " + clean(line)
        elif self._bulleted:
            self._open = None
        else:
            self._entry.put(self._open, line)

    def _items(self) -> list[str]:
        return self._entry.replacements if self._open == REPLACEMENT else self._entry.metrics

    def _has_items(self) -> bool:
        return bool(self._items())

    def _row(self, cells: list[str]) -> None:
        if self._columns is None:
            columns = [field_of(cell) for cell in cells]
            self._columns = columns if PART in columns and len(set(columns) - {None}) > 1 else []
            self._labels = cells
            return
        if not self._columns or all(re.fullmatch(r":?-+:?|", cell) for cell in cells):
            return
        self.close()
        for name, label, cell in zip(self._columns, self._labels, cells, strict=False):
            if name is not None and cell:
                self._entry.put(name, cell)
            elif cell:
                self._entry.remarks.append((label, cell))
        self.close()
