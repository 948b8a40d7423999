"""What is read from a store, or worked out of a configuration, once in a process although it is asked for often."""

from __future__ import annotations

from collections.abc import Callable

from dit_core.config import TrialConfig
from service.records.kinds import Stretch
from service.records.records import Numbered, Records

Identify = Callable[[str, tuple[int, ...], TrialConfig, str], dict[int, str]]
"""``train_id``, images, config and metric -> images -> ``eval_id``."""


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


class EvaluationNames:
    """The ``eval_id`` of everything that a trial can be measured by; who follows a run asks again and again.

    Args:
        identify: what works them out.
    """

    def __init__(self, identify: Identify) -> None:
        self._identify = identify
        self._known: dict[tuple[object, ...], tuple[TrialConfig, dict[str, dict[int, str]]]] = {}

    def of(self, train_id: str, config: TrialConfig, milestones: tuple[int, ...]) -> dict[str, dict[int, str]]:
        """Returns metric -> images -> ``eval_id``."""
        # the seeds of an arm share its sections; the config is kept, so that no other object gets their numbers
        sections = (config.model, config.diffusion, config.data, config.training, config.evaluation)
        key = (train_id, milestones, *map(id, sections))
        if key not in self._known:
            found = {name: self._identify(train_id, milestones, config, name) for name in config.evaluation.metrics}
            self._known[key] = config, found
        return self._known[key][1]
