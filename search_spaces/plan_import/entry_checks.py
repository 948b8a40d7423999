"""What keeps an entry from being run although its part, its action and its values are understood."""

from __future__ import annotations

import re
from typing import Any

from search_spaces.axes import AXES, Axis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.choose import Choice
from search_spaces.plan_import.combined import Combined, settings_of_no_axis
from search_spaces.plan_import.described import untrue_in
from search_spaces.plan_import.evidence import Score
from search_spaces.plan_import.items import ItemReader, LeftOut, candidates_named
from search_spaces.plan_import.labels import ACTION, PART, REPLACEMENT, SENTENCE
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.points import one_of, point_in
from search_spaces.plan_import.riders import changes_more, rider
from search_spaces.plan_import.there import is_published
from search_spaces.plan_import.told_baseline import ANOTHER, another_baseline, is_baseline
from search_spaces.plan_import.told_riders import told_rider
from search_spaces.plan_import.written import LONGEST, MOST_ITEMS, Entry
from search_spaces.study import Ablation

_LED = re.compile(r"^\W*(?:at|under)\s+(?:an?\s+|the\s+)?", re.I)
"""What leads to a setting beside a part: ``at a guidance scale of 1.5``."""

_PIECES = re.compile(r"[.;]\s+(?=[A-Za-z])")
"""Where one setting of a sentence ends and another one begins."""
BEYOND = "Cell"
"""What a cell is called that stands behind the last column of its table."""

_NO_COLUMN = (
    "its row has more cells than the table has columns; give it a column, or, where it is a piece of the cell before "
    "it, write | as \\|, and a text with commas in quotes"
)


class EntryChecks(ItemReader):
    """Leaves entries out that say more than they were read as, the same twice, or too much."""

    def ride(self, written: Entry, ablation: Ablation | None) -> None:
        """Leaves an entry out in which something is written that changes more than what it was read as.

        What is said of the part, of the action or in a remark belongs to all values, so that none is tried without it,
        also where one of them is not understood.

        Args:
            written: the entry as it was before it was read.
            ablation: what it was read as.
        """
        if self.left_out or (ablation is None and self.combined is None):
            return
        values = _values_of(ablation, self.combined)
        said = [(REPLACEMENT, text) for text in written.replacements if not self.open]
        said += [(ACTION, text) for text in written.actions] + [(PART, text) for text in written.parts]
        added = ablation is not None and ablation.action == "ADD"  # its part names what is added, and not what is there
        found = [(name, text, rider(text, values, self.baseline, self.profile, name == PART and not added))
                 for name, text in said]  # fmt: skip
        told = [*written.remarks, *written.unknown, *(("Text", text) for text in written.context)]
        told += [(SENTENCE, text) for text in written.said[1:]]
        found += [(name, text, told_rider(name, text, values, self.baseline, self.profile)) for name, text in told]
        told_settings = [*written.replacements, *written.actions, *(text for _, text in written.unknown)]
        _, odd = settings_of_no_axis([piece for text in told_settings for piece in _PIECES.split(text)])
        found += [(REPLACEMENT, key, key) for key in odd]
        for index, (name, text, beside) in enumerate(found):
            if beside:
                at = 0 if name == PART else index
                self._misses(name, at, text, changes_more(beside, ", ".join(values)))
                if name == PART:
                    self._ask_for_both(beside, values)
        other = [(label, text) for label, text in written.remarks
                 if is_baseline(label) and another_baseline(text, values, self.baseline, self.profile)]  # fmt: skip
        for index, (name, text) in enumerate(other, len(found)):
            self._misses(name, index, text, ANOTHER)
        if other or any(beside for _, _, beside in found):
            self._leave_out()

    def _ask_for_both(self, beside: str, values: dict[str, tuple[Any, ...]]) -> None:
        """Asks whether an axis that a part gives another value than the baseline's is to be set as well.

        Args:
            beside: what the part says, such as ``cfg = 1.5``.
            values: axis -> the values that the entry was read as.
        """
        point = point_in(beside, (), self.baseline, self.profile) if len(values) == 1 else None
        if point is None and len(values) == 1 and _LED.match(beside):
            point = one_of(_LED.sub("", beside), (), self.baseline, self.profile)
        if point is None or len(point) != 1 or self.question is not None:
            return
        both = {**values, **point}
        names = tuple(both)
        if len(both) < 2 or {*AXES.get(names[0]).fields} & {*AXES.get(names[1]).fields}:
            return
        rows = [f"{name} = {_shown(AXES.get(name), row)}" for name, row in both.items()]
        choice = Choice(rivals=[Score(one) for name in names for one in candidates_named(name)])
        why = f"{beside!r} is not so in the baseline; it may be set in every arm, or only describe what is there"
        self._ask(choice, why, f'"Replacement: {"; ".join(rows)}" for both, or leave {beside!r} out')

    def _stays(self, axis: Axis) -> None:
        """Asks where something is said to stay as it is, or to be there, with a number that is not there."""
        part = self.entry.parts[0] if self.entry.parts else ""
        bare = numbers_in(part) if self.entry.replacements and not re.search(r"[^\W\d_]{2}", part) else []
        if isinstance(axis, NumberAxis) and any(
            number != axis.current(self.baseline, self.profile) and not is_published(number, axis) for number in bare
        ):
            self._misses(PART, 0, part, "it is not what the baseline has, and may be a value to try")
            raise LeftOut
        said = ((REPLACEMENT, self.entry.replacements), (ACTION, self.entry.actions), (SENTENCE, self.entry.said))
        for name, texts in said:
            for index, text in enumerate(texts):
                if untrue := untrue_in(text, axis, self.baseline, self.profile):
                    self._misses(name, index, text, f"{untrue!r} is not so in the baseline, and may be a second change")
                    raise LeftOut

    def _to_be_run(self) -> None:
        """Leaves an entry out that says that it is not to be run, or that is struck out."""
        if self.entry.off is not None:
            label, text, reason = self.entry.off
            self._misses(label, 0, text, reason)
            raise LeftOut

    def _given_once(self) -> None:
        """Refuses an entry with a label that is given twice."""
        for label in self.entry.twice:
            self._misses(label, 0, label, f"the key {label!r} is given twice in one object; give it once")
        if self.entry.twice:
            raise LeftOut

    def _in_columns(self) -> None:
        """Refuses a row of a table with more cells than there are columns: nobody knows which belongs where."""
        for index, text in enumerate(self.entry.beyond):
            self._misses(BEYOND, index, text, _NO_COLUMN)
        if self.entry.beyond:
            raise LeftOut

    def _of_a_length(self) -> None:
        """Refuses a text or a list that is longer than anything that names a part, an action or values."""
        if not self.entry.overlong:
            return
        for name, texts in self._said().items():
            if len(texts) > MOST_ITEMS:
                short = f"{texts[0][:40]}, ..."
                self._misses(name, 0, short, f"it has {len(texts):,} items; at most {MOST_ITEMS:,} are read")
            for index, text in enumerate(texts):
                if len(text) > LONGEST:
                    short = f"{text[:40]}..."
                    self._misses(name, index, short, f"it has {len(text):,} characters; at most {LONGEST:,} are read")
        raise LeftOut


def _shown(axis: Axis, row: tuple[Any, ...]) -> str:
    said = ", ".join(value if isinstance(value, str) else axis.label(value) for value in row)
    return said if len(row) == 1 else f"{{{said}}}"


def _values_of(ablation: Ablation | None, combined: Combined | None) -> dict[str, tuple[Any, ...]]:
    """Axis -> the values that an entry was read as."""
    columns = (combined.grid or combined.zip) if combined is not None else {}
    if columns or combined is None:
        return dict(columns) if columns else {ablation.axis: tuple(ablation.values)} if ablation is not None else {}
    found: dict[str, tuple[Any, ...]] = {}
    for step in combined.ladder:
        for name, value in step.set.items():
            found[name] = (*found.get(name, ()), value)
    return found
