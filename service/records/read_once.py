"""What is read from a store once in a process although it is asked for often."""

from __future__ import annotations

from service.records.kinds import Stretch
from service.records.records import Numbered, Records


class Spans:
    """Training curves without their windows: each stretch is read once, however often its seconds are added up.

    Whoever needs the windows of a stretch, too, asks for them first (``whole``): what is read for that is known here.
    A curve of which something is damaged is read anew each time.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[list[Stretch], int]] = {}

    def of(self, records: Records, train_id: str) -> list[Stretch]:
        """Returns the stretches of a curve, in the order they were trained in.

        Args:
            records: the store's.
            train_id: the trial.
        """
        folder = Stretch.folder(train_id)
        known, following = self._known.get(train_id, ([], 1))
        if following > 1 and records.backend.get(f"{folder}{following:04d}.json") is None:
            return known
        numbered = records.numbered(folder, Stretch, following)
        return [*known, *self._learn(records, train_id, known, numbered)]

    def whole(self, records: Records, train_id: str, first: int) -> tuple[list[Stretch], int]:
        """Returns the stretches from number ``first`` on with their windows, and the number at which to go on.

        Args:
            records: the store's.
            train_id: the trial.
            first: their first number.
        """
        known, following = self._known.get(train_id, ([], 1))
        numbered = records.numbered(Stretch.folder(train_id), Stretch, first)
        if first == following:
            self._learn(records, train_id, known, numbered)
        return numbered.contents, numbered.last + 1

    def _learn(
        self, records: Records, train_id: str, known: list[Stretch], numbered: Numbered[Stretch]
    ) -> list[Stretch]:
        """Remembers what follows on what was known of a curve, unless it is damaged; returns it without windows.

        Two threads that read the same at the same time remember the same.
        """
        new = [stretch.model_copy(update={"points": ()}) for stretch in numbered.contents]
        folder = Stretch.folder(train_id)
        if any(key.startswith(folder) for key in records.damaged):
            self._known.pop(train_id, None)
        else:
            self._known[train_id] = [*known, *new], numbered.last + 1
        return new
