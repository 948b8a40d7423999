"""Entries from a table: one per row, whatever its columns are called; or one per table of labels and texts."""

from __future__ import annotations

from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.changed_runs import changed_runs
from search_spaces.plan_import.labels import ACTION, METRICS, PART, REMARK, REPLACEMENT, TITLE, is_sure, kind_of
from search_spaces.plan_import.matrix import NO_RUN, counts_steps, is_base, runs_in, series
from search_spaces.plan_import.pairs import WITHOUT, side_of
from search_spaces.plan_import.written import Entry, clean, split_items

_TELLING = (PART, ACTION, REPLACEMENT, METRICS)


class Table:
    """Collects the rows of one table."""

    def __init__(self, header: tuple[str, ...], heading: str = "") -> None:
        self._labels = [clean(cell) for cell in header]
        self._heading = heading
        self._rows: list[list[str]] = []
        self._counted = ""  # what several columns count, if any do

    def row(self, cells: tuple[str, ...]) -> None:
        """Adds a row."""
        self._rows.append([clean(cell) for cell in cells])

    def entries(self) -> list[Entry]:
        """Returns the table's entries; none when it is a table of something else."""
        if self._is_form():
            return [entry for at in range(1, len(self._labels)) if not (entry := self._column(at)).empty]
        if (runs := runs_in(self._labels, self._rows)) is not None:
            return runs
        if (ladder := self._ladder()) is not None:
            return [ladder]
        kinds = self._kinds()
        if not {PART, TITLE} & {*kinds} or len({*kinds} & {*_TELLING}) < (1 if TITLE in kinds else 2):
            return changed_runs(self._labels, self._rows)
        return [self._entry(kinds, cells) for cells in self._rows if any(cells)]

    def _ladder(self) -> Entry | None:
        """The one entry of a table whose rows are steps: ``Step | Change``; None for any other."""
        if not counts_steps(self._labels[0].strip(" #")) or len(self._labels) < 2:
            return None
        kinds = [kind_of(label) for label in self._labels]
        if {*kinds[2:]} - {METRICS, REMARK} or kinds[1] in (TITLE, METRICS, REMARK):
            return None
        entry = Entry(title=self._heading, stepped=True)
        for number, cells in enumerate(self._rows):
            if len(cells) > 1 and cells[1] and not (not number and is_base(cells[1])):
                entry.replacements.append(cells[1])
            for kind, label, cell in list(zip(kinds, self._labels, cells, strict=False))[2:]:
                if kind == METRICS:
                    entry.metrics += [item for item in split_items(cell) if item not in entry.metrics]
                elif cell:
                    entry.remarks.append((label, cell))
        return entry if len(entry.replacements) > 1 else None

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
        if any(side_of(label) == WITHOUT for label in self._labels):
            kinds = [None if side_of(label) else kind for label, kind in zip(self._labels, kinds, strict=True)]
        for at, label in enumerate(self._labels):
            if not is_sure(label) and kinds[at] not in (TITLE, REMARK):
                kinds[at] = self._by_content(at) or kinds[at]
        counted, self._counted = series(self._labels)
        for at in counted:
            if kinds[at] != METRICS:
                kinds[at] = REPLACEMENT
        for at, label in enumerate(self._labels):
            if counted and at and kinds[at] in (None, TITLE) and is_base(label):
                kinds[at] = REMARK
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
        beyond = [cell for cell in cells[len(self._labels) :] if cell]
        entry = Entry(stepped=counts_steps(self._counted), beyond=beyond)
        for kind, label, cell in zip(kinds, self._labels, cells, strict=False):
            if not cell or cell in "-–—" or (kind is None and self._is_numbering(self._labels.index(label))):
                continue
            if kind == REPLACEMENT and self._counted and NO_RUN.match(cell):
                continue
            if kind is None:
                entry.unknown.append((label, cell))
            elif kind == REMARK:
                entry.remarks.append((label, cell))
            elif kind == TITLE and entry.title:
                entry.title += f" {cell}"
            elif kind == REPLACEMENT:
                entry.put_labelled(label if kind_of(label) == kind else kind, cell)
            else:
                entry.put(kind, cell)
        return entry
