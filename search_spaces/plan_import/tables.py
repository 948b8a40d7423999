"""Entries from a table: one per row, whatever its columns are called; or one per table of labels and texts."""

from __future__ import annotations

from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.labels import ACTION, METRICS, PART, REMARK, REPLACEMENT, TITLE, is_sure, kind_of
from search_spaces.plan_import.written import Entry, clean

_TELLING = (PART, ACTION, REPLACEMENT, METRICS)


class Table:
    """Collects the rows of one table."""

    def __init__(self, header: tuple[str, ...], heading: str = "") -> None:
        self._labels = [clean(cell) for cell in header]
        self._heading = heading
        self._rows: list[list[str]] = []

    def row(self, cells: tuple[str, ...]) -> None:
        """Adds a row."""
        self._rows.append([clean(cell) for cell in cells])

    def entries(self) -> list[Entry]:
        """Returns the table's entries; none when it is a table of something else."""
        if self._is_form():
            return [entry for at in range(1, len(self._labels)) if not (entry := self._column(at)).empty]
        kinds = self._kinds()
        if not {PART, TITLE} & {*kinds} or len({*kinds} & {*_TELLING}) < (1 if TITLE in kinds else 2):
            return []
        return [self._entry(kinds, cells) for cells in self._rows if any(cells)]

    def _is_form(self) -> bool:
        """Whether the first column holds the labels, so that every other column is an entry."""
        first = [kind_of(cells[0]) for cells in self._rows]
        top = [kind_of(label) for label in self._labels]
        known, beside = {*first} & {*_TELLING}, {*top[1:]} & {*_TELLING}
        return len(self._labels) > 1 and len(known) >= 2 and len(known) > len(beside)

    def _column(self, at: int) -> Entry:
        label = self._labels[at]
        entry = Entry(title=self._heading if len(self._labels) == 2 else label)
        for cells in self._rows:
            if len(cells) > at:
                entry.put_labelled(cells[0], cells[at])
            entry.beyond += [cell for cell in cells[len(self._labels) :] if cell]
        return entry

    def _kinds(self) -> list[str | None]:
        kinds = [kind_of(label) for label in self._labels]
        for at, label in enumerate(self._labels):
            if not is_sure(label) and kinds[at] not in (TITLE, REMARK):
                kinds[at] = self._by_content(at) or kinds[at]
        parts = [at for at, kind in enumerate(kinds) if kind == PART]
        sure = [at for at in parts if is_sure(self._labels[at])] or parts[:1]
        for at in parts:  # a second one is read for what it holds
            kinds[at] = PART if at in sure[:1] else None
        if not {PART, TITLE} & {*kinds}:  # what is ablated stands first, under whatever name
            first = next((at for at, kind in enumerate(kinds) if kind is None and not self._is_numbering(at)), None)
            if first is not None:
                kinds[first] = PART
        return kinds

    def _by_content(self, column: int) -> str | None:
        """What a column is for whose cells are all actions."""
        cells = [cells[column] for cells in self._rows if len(cells) > column and cells[column].strip("-–— ")]
        acts = [len(cell.split()) <= 5 and bool(read_action(cell).actions) for cell in cells]
        return ACTION if acts and all(acts) else None

    def _is_numbering(self, column: int) -> bool:
        return all(len(cells[column].strip("().#")) <= 2 for cells in self._rows if len(cells) > column)

    def _entry(self, kinds: list[str | None], cells: list[str]) -> Entry:
        entry = Entry(beyond=[cell for cell in cells[len(self._labels) :] if cell])
        for kind, label, cell in zip(kinds, self._labels, cells, strict=False):
            if not cell or cell in "-–—" or (kind is None and self._is_numbering(self._labels.index(label))):
                continue
            if kind is None:
                entry.unknown.append((label, cell))
            elif kind == REMARK:
                entry.remarks.append((label, cell))
            elif kind == TITLE and entry.title:
                entry.title += f" {cell}"
            else:
                entry.put(kind, cell)
        return entry
