"""Tables that are no Markdown: columns held apart by spaces, tabs or drawn lines, as a table of Markdown.

What the first row says decides whether lines are a table at all: two of its cells are labels of a plan, or a rule is
drawn below it, or (in a table that crosses two axes) its first cell is empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from search_spaces.plan_import.labels import ACTION, AXIS, METRICS, PART, REPLACEMENT, TITLE, is_sure, kind_of

_RULE = re.compile(r"^[ \t]*[-=─━═—_]{3,}(?:[ \t]{1,}[-=─━═—_]{2,})+[ \t]*$")
"""A rule below the heads of columns, with a gap between the columns: ``-----  ---``."""

_LINE = re.compile(r"^[ \t]*[-=─━═—_]{8,}[ \t]*$")
"""A rule across all columns."""

_BOX = re.compile(r"^[ \t]*[+|├┌└╔╠╚╟][-=+─━═┼┬┴╬╦╩┤┐┘╣╗╝╢:| \t]*[+|┤┐┘╣╗╝╢][ \t]*$")
"""A drawn line of a box: ``+----+----+``."""

_BARS = re.compile(r"[│┃║]")
_PIPED = re.compile(r"^[ \t]*\|.*\|[ \t]*$")
_SEPARATING = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_KINDS = frozenset((AXIS, PART, ACTION, REPLACEMENT, METRICS, TITLE))

Row = list[str]


def tabled(text: str) -> str:
    """Returns a text with every table in it as one of Markdown."""
    lines = [_BARS.sub("|", line) for line in text.split("\n")]
    out: list[str] = []
    at = 0
    while at < len(lines):
        if at + 1 < len(lines) and "|" in lines[at] and _SEPARATING.match(lines[at + 1]) and "-" in lines[at + 1]:
            written = _block(lines, at)  # a table of Markdown
            out += written
            at += len(written)
            continue
        found = next((found for read in _READERS if (found := read(lines, at)) is not None), None)
        if found is None:
            out.append(lines[at])
            at += 1
            continue
        end, rows = found
        if out and out[-1].strip():
            out.append("")
        out += _markdown(rows)
        if end < len(lines) and lines[end].strip():
            out.append("")
        at = end
    return "\n".join(out)


def _markdown(rows: list[Row]) -> Iterator[str]:
    wide = max(map(len, rows))
    for number, row in enumerate(rows):
        cells = [cell.strip().replace("|", "/") for cell in (*row, *[""] * (wide - len(row)))]
        yield f"| {' | '.join(cells)} |"
        if not number:
            yield f"|{'---|' * wide}"


def _is_head(cells: Row) -> bool:
    """Whether cells are the heads of a plan's columns: two labels, one of which is a field's own name."""
    kinds = {kind for cell in cells if (kind := kind_of(cell.strip())) in _KINDS}
    return len(kinds) > 1 and any(is_sure(cell.strip()) for cell in cells)


def _crosses(cells: Row) -> bool:
    """Whether cells may be the heads of a table that crosses two axes: an empty corner, and two values or more."""
    return len(cells) > 2 and not cells[0].strip() and all(cell.strip() for cell in cells[1:])


def _block(lines: list[str], at: int) -> list[str]:
    """The lines from one on, up to the next empty one."""
    end = at
    while end < len(lines) and lines[end].strip() and not re.match(r"\s*(?:```|~~~)", lines[end]):
        end += 1
    return lines[at:end]


def _boxed(lines: list[str], at: int) -> tuple[int, list[Row]] | None:
    """A table in a drawn box, or one of Markdown without the line that it needs below its heads."""
    said = _block(lines, at)
    if not said or not (_BOX.match(said[0]) or _PIPED.match(said[0])) or "|" not in "".join(said[:2]):
        return None
    end = next((n for n, line in enumerate(said) if not (_BOX.match(line) or _PIPED.match(line))), len(said))
    drawn = [line for line in said[:end] if _BOX.match(line)]
    rows = [_cells(line) for line in said[:end] if not _BOX.match(line) and not _SEPARATING.match(line)]
    if len(rows) < 2 or len({len(row) for row in rows}) > 1 or not (drawn or _is_head(rows[0]) or _crosses(rows[0])):
        return None
    return at + end, _joined(rows)


def _cells(line: str) -> Row:
    return line.strip().strip("|").split("|")


def _ruled(lines: list[str], at: int) -> tuple[int, list[Row]] | None:
    """A table whose columns a rule below their heads marks."""
    if at + 2 >= len(lines) or not lines[at].strip() or not _RULE.match(lines[at + 1]) or "|" in lines[at]:
        return None
    spans = [found.start() for found in re.finditer(r"\S+", lines[at + 1])]
    return _below(lines, at, [0, *spans[1:]])


def _below(lines: list[str], at: int, starts: list[int]) -> tuple[int, list[Row]] | None:
    """The rows of a table from one line on, whose columns start at the same places; text behind them is none of it."""
    rows, end = list[Row](), at
    for line in _block(lines, at):
        rule = _RULE.match(line) or _LINE.match(line)
        if not (rule or _fits(line, starts)):
            break
        end += 1
        rows += [] if rule else [[line[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]]
    return (end, _joined(rows)) if len(rows) > 1 else None


def _fits(line: str, starts: list[int]) -> bool:
    """Whether no word of a line lies across the start of a column."""
    return all(start >= len(line) or line[start - 1].isspace() for start in starts[1:])


def _spaced(lines: list[str], at: int) -> tuple[int, list[Row]] | None:
    """A table whose columns begin below each other, two spaces or more behind what stands before them."""
    head = lines[at]
    if not head.strip() or "\t" in head or re.match(r"\s*(?:[-*+|#>]|\d+[.)])\s", head):
        return None
    starts = [found.start() for found in re.finditer(r"(?:(?<=\s\s)|^)\S", head)]
    starts = [0, *(start for start in starts if start)] if head[:1].isspace() else starts
    cells = [head[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]
    return _below(lines, at, starts) if len(starts) > 1 and (_is_head(cells) or _crosses(cells)) else None


def _tabbed(lines: list[str], at: int) -> tuple[int, list[Row]] | None:
    """A table whose cells tabs hold apart."""
    said = _block(lines, at)
    if len(said) < 2 or "\t" not in said[0].rstrip() or "|" in said[0]:
        return None
    rows = [line.rstrip("\n").split("\t") for line in said if not _LINE.match(line)]
    if len({len(row) for row in rows}) > 1:  # tabs that were typed to bring cells below each other
        rows = [re.split(r"(?<!^)\t+", line.rstrip("\t")) for line in said if not _LINE.match(line)]
    wide = len(rows[0])
    fits = wide > 1 and all(1 < len(row) <= wide for row in rows[1:]) and len(rows) > 1
    return (at + len(said), rows) if fits and (_is_head(rows[0]) or _crosses(rows[0])) else None


def _joined(rows: list[Row]) -> list[Row]:
    """Rows whose first cell is empty, as the rest of the row above them, where that leaves one its first cell."""
    found: list[Row] = []
    for row in rows:
        if len(found) > 1 and not row[0].strip() and any(cell.strip() for cell in row):
            found[-1] = [f"{a.strip()} {b.strip()}".strip() for a, b in zip(found[-1], row, strict=True)]
        else:
            found.append(row)
    return found


_READERS: tuple[Callable[[list[str], int], tuple[int, list[Row]] | None], ...] = (
    _boxed,
    _ruled,
    _tabbed,
    _spaced,
)
