"""Tables that cross two axes: the heads of rows and of columns are values, and every cell is a run.

Which axes are crossed may stand in the corner (``lr / batch``), in the title (``learning rate × batch size``), in a
sentence (``Rows are rates, columns are batch sizes``), or in the heads themselves (``10 steps``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES, Axis
from search_spaces.plan_import.blocks import Block
from search_spaces.plan_import.choose import choose
from search_spaces.plan_import.combined import Combined, grid_of
from search_spaces.plan_import.labels import FIELDS, is_sure, kind_of
from search_spaces.plan_import.measured import only_metrics
from search_spaces.plan_import.measures import is_metric
from search_spaces.plan_import.points import one_of
from search_spaces.plan_import.sentences import SENTENCE_END
from search_spaces.plan_import.values import read_values
from search_spaces.plan_import.written import Entry, clean
from search_spaces.profiles import Profile

_RUN = re.compile(
    r"(?:(?:run|exp|experiment|trial|cell|arm|job|config|cfg|no|nr)[\s._#-]*\d{1,3}[a-z]?)"
    r"|[A-Za-z]{1,4}\d{0,2}[-_. ]?\d{1,3}(?:[-_.]?[A-Za-z0-9]{1,3}){0,2}|[A-Za-z]{1,2}\d{1,2}[-_.][A-Za-z]"
    r"|\d{1,2}[a-h]|\d{1,3}|[A-Z]{1,2}|[a-z]",
    re.I,
)
"""What calls a run: ``A1``, ``run 3``, ``E-07``."""

_MARK = re.compile(r"[x✓✔☐☑•●○*+]|run|todo|yes|tbd|\[ ?x?\]", re.I)
_NOT_RUN = re.compile(r"|[-–—/.]+|skip(?:ped)?|no|none|n/?a|not run", re.I)

_CROSS = re.compile(
    r"\s*(?:[×✕⨯\\↘|]|(?<=\s)(?:x|X|\*|/|by|vs\.?|versus|against|and|with)(?=\s)|↓|→|(?<=\w)/(?=\w))\s*"
)
"""What stands between the names of two axes that are crossed."""

_ROWS = re.compile(
    r"(?:\b(?:cross\w*|grid|combin\w+|of|vary\w*)\s+)*(?P<rows2>[\w -]+?)\s*\((?:in\s+|as\s+|the\s+)*rows?\)\W*"
    r"(?:(?:and|with|by|against|x)\s+)?(?P<columns2>[^()]+?)\s*\((?:in\s+|as\s+|the\s+)*col(?:umn)?s?\)"
    r"|\brows?\b\W*(?:are|is|give|hold|show|vary|list|=|:)?\s*(?P<rows>[^,;.]+?)\W+(?:and\s+)?(?:the\s+)?"
    r"col(?:umn)?s?\b\W*(?:are|is|give|hold|show|vary|list|=|:)?\s*(?P<columns>[^,;.]+)",
    re.I,
)


@dataclass(frozen=True)
class Crossed:
    """A table that crosses two axes.

    Attributes:
        corner: what stands above the heads of its rows.
        rows: the heads of its rows.
        columns: the heads of its columns.
        runs: (row, column) of the cells that are runs.
        names: what the runs are called.
    """

    corner: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    runs: tuple[tuple[int, int], ...]
    names: tuple[str, ...]


def with_crossed(found: Sequence[Block]) -> list[Block]:
    """Returns blocks with the rows of every table that crosses two axes as one block of the kind ``crossed``."""
    out: list[Block] = []
    for is_row, group in groupby(found, lambda block: block.kind == "row"):
        together = list(group)
        ends = [*(at for at, block in enumerate(together) if block.opens and at), len(together)] if is_row else []
        start = 0
        for end in ends:
            table = together[start:end]
            if crossed_in([block.cells for block in table]) is not None:
                table = [replace(table[0], kind="crossed", rows=tuple(block.cells for block in table))]
            out += table
            start = end
        out += [] if is_row else together
    return out


def is_caption(block: Block) -> bool:
    """Whether a line above a table that crosses two axes names them: ``**Grid B: learning rate × batch size**``."""
    said = clean(block.text.rstrip(" :"))
    if block.kind != "line" or block.bullet or _ROWS.search(said) or len(said) > _CAPTION:
        return False
    return block.text.startswith("**") or (names_sides(said) and not re.search(r"[;.?!]\s", said))


def names_sides(text: str) -> bool:
    """Whether a text names two axes that are crossed, and says in no sentence which of them the rows are."""
    sides = _sides(text) if not _ROWS.search(text) else None
    return sides is not None and all(len(side.split()) < 7 for side in sides)


_CAPTION = 100
"""Characters of the longest caption."""


def crossed_in(rows: Sequence[tuple[str, ...]]) -> Crossed | None:
    """Returns what a table crosses; None where its cells are no runs."""
    cells = [tuple(clean(cell) for cell in row) for row in rows]
    head, body = cells[0], cells[1:]
    if len(head) < 3 or not body or any(len(row) != len(head) for row in body):
        return None
    heads = [row[0] for row in body]
    if not all((*head[1:], *heads)) or len(set(heads)) < len(heads) or len(set(head[1:])) < len(head) - 1:
        return None
    if any(is_sure(label) and kind_of(label) in FIELDS for label in head):
        return None
    inside = [(r, c, cell) for r, row in enumerate(body) for c, cell in enumerate(row[1:])]
    if not any(cell for _, _, cell in inside) and not any(map(is_metric, head[1:])):  # all of it is still to be run
        return Crossed(head[0], tuple(heads), head[1:], tuple((r, c) for r, c, _ in inside), ())
    runs = [(r, c, cell) for r, c, cell in inside if not _NOT_RUN.fullmatch(cell)]
    names = [cell for _, _, cell in runs]
    marked = len(set(names)) < 2 and all(map(_MARK.fullmatch, names)) and bool(_CROSS.search(f" {head[0]} "))
    if not runs or not (marked or _are_run_names(names)):
        return None
    return Crossed(head[0], tuple(heads), head[1:], tuple((r, c) for r, c, _ in runs), tuple(names))


def _are_run_names(names: list[str]) -> bool:
    """Whether texts call runs, each by a name of its own; bare numbers only where they count."""
    if len(names) < 2 or len(set(names)) < len(names) or not all(map(_RUN.fullmatch, names)):
        return False
    numbers = [int(name) for name in names if name.isdigit()]
    return not numbers or (len(numbers) == len(names) and sorted(numbers) == list(range(1, len(names) + 1)))


def with_measured(entry: Entry) -> Entry:
    """An entry of a table with what the sentences beside it say to measure."""
    if entry.crossed is not None and not entry.metrics:
        said = [clean(sentence) for text in entry.context for sentence in SENTENCE_END.split(text)]
        entry.metrics += [metric for sentence in said for metric in only_metrics(sentence)]
    return entry


def read_crossed(entry: Entry, title: str, baseline: TrialConfig, profile: Profile) -> Combined | str:
    """Returns the grid that a table asks for, or why there is none."""
    table = entry.crossed
    assert table is not None
    said = [table.corner, *entry.parts, *entry.context, title]
    named = next((pair for text in said if (pair := _sides(text)) is not None), None)
    sides = (table.rows, table.columns)
    read = _read(named, sides, baseline, profile) if named is not None else None
    swapped = None
    if read is None and named is not None and _sides(table.corner) is None:
        swapped = _read(named[::-1], sides, baseline, profile)
    if read is None and swapped is None and named is None:
        read = _by_heads(sides, baseline, profile)
    found = read or swapped
    if found is None:
        return _why_not(named, sides, baseline, profile)
    (row, row_values), (column, column_values) = found
    if {*row.fields} & {*column.fields}:
        return f"{row.name} and {column.name} set the same, so that they cannot be crossed"
    how = grid_of({row.name: tuple(dict.fromkeys(row_values)), column.name: tuple(dict.fromkeys(column_values))})
    if len(table.runs) == len(table.rows) * len(table.columns):
        return how
    points = [(row_values[r], column_values[c]) for r, c in table.runs]
    together = {row.name: tuple(r for r, _ in points), column.name: tuple(c for _, c in points)}
    shown = ", ".join(f"{row.label(r)}/{column.label(c)}" for r, c in points)
    return Combined(how.axes, zip=together, means=how.means, how=f"the cells that are runs: {shown}")


_Side = tuple[Axis, list[Any]]


def _sides(text: str) -> tuple[str, str] | None:
    """What a text says to stand in the rows and in the columns; the rows first where it only crosses two names."""
    if (told := _ROWS.search(text)) is not None:
        return clean(told["rows"] or told["rows2"]), clean(told["columns"] or told["columns2"])
    bare = re.sub(r"^[^:×]*:\s+|[(\[][^()\[\]]*[)\]]", "", text).strip()
    bare = re.sub(r"^.*\b(?:of|between)\s+(?:the\s+)?(?=.*\b(?:and|by|with)\b)", "", bare)
    pieces = [clean(piece) for piece in _CROSS.split(bare) if clean(piece)]
    return (pieces[0], pieces[1]) if len(pieces) == 2 else None


def _read(
    named: tuple[str, str], sides: tuple[tuple[str, ...], tuple[str, ...]], baseline: TrialConfig, profile: Profile
) -> tuple[_Side, _Side] | None:
    found = [_side(label, heads, baseline, profile) for label, heads in zip(named, sides, strict=True)]
    return (found[0], found[1]) if found[0] is not None and found[1] is not None else None


def _side(label: str, heads: tuple[str, ...], baseline: TrialConfig, profile: Profile) -> _Side | None:
    """The axis that a side of a table is about, with the value of every head."""
    axis = choose(Entry(parts=[label], replacements=list(heads)), baseline, profile).axis
    values = [_value(head, axis, baseline, profile) for head in heads] if axis is not None else [None]
    return (axis, [value[0] for value in values if value is not None]) if axis is not None and all(values) else None


def _value(head: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> list[Any] | None:
    try:
        values = list(read_values(head, axis, baseline, profile)[0])
    except UserError:
        return None
    return values if len(values) == 1 else None


def _by_heads(
    sides: tuple[tuple[str, ...], tuple[str, ...]], baseline: TrialConfig, profile: Profile
) -> tuple[_Side, _Side] | None:
    """Both sides by their heads alone, each of which names its axis or is a value of only one."""
    found: list[_Side] = []
    for heads in sides:
        points = [one_of(head, (), baseline, profile) for head in heads]
        names = {name for point in points if point is not None for name in point}
        values = [value for point in points if point is not None for row in point.values() for value in row]
        if len(names) != 1 or not len(points) == len(values) == len(heads):
            return None
        found.append((AXES.get(next(iter(names))), values))
    return found[0], found[1]


def _why_not(
    named: tuple[str, str] | None,
    sides: tuple[tuple[str, ...], tuple[str, ...]],
    baseline: TrialConfig,
    profile: Profile,
) -> str:
    if named is None:
        return 'which axes the table crosses is not certain; name them in its corner: "learning rate / batch size"'
    wrong = [
        f"{label!r} with {', '.join(heads)}"
        for label, heads in zip(named, sides, strict=True)
        if _side(label, heads, baseline, profile) is None
    ]
    return f"the table crosses two axes, and {' and '.join(wrong)} is not understood as one of them"
