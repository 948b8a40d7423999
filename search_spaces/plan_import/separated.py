"""Values separated by commas, semicolons or tabs, as the table of Markdown that says the same."""

from __future__ import annotations

import csv
import re
from typing import Any

from search_spaces.plan_import.labels import AXIS, FIELDS, PART, TITLE, is_sure, kind_of

_SEPARATORS = (",", ";", "\t")
_NO_HEADER = re.compile(r"\s*[-*+|#>`~\[{(]|.*[:.!?]\s*$")
"""How a line opens, or ends, that is no row of labels."""

_LONGEST_LABEL = 40


def with_tables(text: str) -> str:
    """Returns a text with its separated values as tables of Markdown.

    Such values open with a row of labels, of which at least two are of a plan's fields; the rows below it go on as long
    as each has a separator. A row with more cells than labels is left as it is, so that it can be refused by name.
    """
    lines = text.split("\n")
    out: list[str] = []
    at = 0
    while at < len(lines):
        separator = _separator_of(lines[at])
        rows, end = _rows(lines, at, separator) if separator else ([], at)
        if len(rows) > 1:
            out += ["", *_table(rows), ""]
            at = end
        else:
            out.append(lines[at])
            at += 1
    return "\n".join(out) if len(out) != len(lines) or out != lines else text


def _separator_of(line: str) -> str:
    """What separates the labels of a header; empty where the line is none."""
    for separator in _SEPARATORS:
        if separator not in line or _NO_HEADER.match(line):
            continue
        try:
            labels = [label.strip() for row in _reader([line], separator) for label in row]
        except csv.Error:
            continue
        if any(len(label) > _LONGEST_LABEL for label in labels) or len(set(labels)) < len(labels):
            continue
        kinds = {kind_of(label) for label in labels}
        sure = sum(is_sure(label) for label in labels)
        if sure and kinds & {PART, AXIS, TITLE} and len(kinds & {*FIELDS}) > 1:
            return separator
    return ""


def _rows(lines: list[str], start: int, separator: str) -> tuple[list[list[str]], int]:
    """The rows from a header on, and the line behind the last of them."""
    rows: list[list[str]] = []
    end = start
    reader = _reader(lines[start:], separator)
    try:
        for row in reader:
            if len(row) < 2:  # a blank line, or a sentence
                break
            rows.append(row)
            end = start + reader.line_num
    except csv.Error:  # a quote that nothing closes: none of it is certain
        return [], start
    return rows, end


def _reader(lines: list[str], separator: str) -> Any:
    return csv.reader((f"{line}\n" for line in lines), delimiter=separator, skipinitialspace=True, strict=True)


def _table(rows: list[list[str]]) -> list[str]:
    header, *body = [[_cell(cell) for cell in row] for row in rows]
    while header and not header[-1]:
        header.pop()
    width = len(header)
    return [_line(header), "|" + "---|" * width, *(_line(row) for row in body if any(row))]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return "; ".join(piece.strip() for piece in text.splitlines() if piece.strip()).replace("|", "\\|")
