"""What can be handed out, the most urgent first, with one writer for any weights."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from search_spaces.types import Trial

Priority = tuple[float, ...]


class WorkQueue:
    """The next measurement of every trial that wants one.

    Trials that share their weights run one after another: while one of them is out, the others wait. Taking and
    putting cost the logarithm of the number of trials.

    Args:
        identity: trial -> identity of its weights.
        priority: (trial, images) -> what is compared; the smallest comes first.
    """

    def __init__(self, identity: Callable[[Trial], str], priority: Callable[[Trial, int], Priority]) -> None:
        self._identity, self._priority = identity, priority
        self._wanted: dict[str, int] = {}  # entries of the heap count while they agree with this
        self._heap: list[tuple[Priority, int, Trial, int]] = []
        self._serial = itertools.count()
        self._waiting: dict[str, list[tuple[Trial, int]]] = {}  # by the identity that is out

    def __len__(self) -> int:
        return len(self._wanted)

    def put(self, trial: Trial, images: int | None) -> None:
        """Says at how many images a trial is wanted next; None when it is not."""
        if images is None:
            self._wanted.pop(trial.name, None)
        elif self._wanted.get(trial.name) != images:
            self._wanted[trial.name] = images
            self._push(trial, images)

    def take(self) -> tuple[Trial, int] | None:
        """Takes the most urgent measurement whose weights nobody has; ``release`` gives them back."""
        while self._heap:
            _, _, trial, images = heapq.heappop(self._heap)
            if self._wanted.get(trial.name) != images:
                continue
            identity = self._identity(trial)
            if identity in self._waiting:
                self._waiting[identity].append((trial, images))
                continue
            self._waiting[identity] = []
            del self._wanted[trial.name]
            return trial, images
        return None

    def release(self, identity: str) -> None:
        """Gives weights back: what has waited for them can be taken."""
        for trial, images in self._waiting.pop(identity, ()):
            self._push(trial, images)

    def _push(self, trial: Trial, images: int) -> None:
        heapq.heappush(self._heap, (self._priority(trial, images), next(self._serial), trial, images))
