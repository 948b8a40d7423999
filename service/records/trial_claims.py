"""Who trains which weights: studies that share arms train each of them once.

A claim is ``trials/<train_id>/claims/<epoch>.json``, created once like a study's, and ended by a release of the same
number beside it. It is held while a segment is in flight. One whose run has ended or died is passed over.
"""

from __future__ import annotations

from service.records.envelope import seal
from service.records.kinds import TrialClaim, TrialRelease
from service.records.liveness import Liveness
from service.records.process import Life
from service.records.records import Records


class TrialClaims:
    """The claims on weights that a run holds.

    Args:
        records: where claims lie.
        study: the run's study.
        run: its number.
        liveness: what tells whether the runs of others go on.
    """

    def __init__(self, records: Records, study: str, run: int, liveness: Liveness | None = None) -> None:
        self._records, self._mine = records, TrialClaim(study=study, run=run)
        self._liveness = liveness or Liveness(records)
        self._last: dict[str, int] = {}  # train_id -> the newest epoch known
        self._released: set[tuple[str, int]] = set()
        self._held: dict[str, int] = {}
        self._own: dict[str, int] = {}  # the newest epoch that was this run's
        self._others: set[str] = set()

    def take(self, train_id: str) -> TrialClaim | None:
        """Claims weights; returns None when they are this run's now, and else the claim of who has them."""
        while True:
            epoch = self.newest(train_id)
            owner = self._owner(train_id, epoch)
            if owner == self._mine:  # of a segment whose end could not be written
                self._held[train_id] = epoch
                return None
            if owner is not None:
                return owner
            key = TrialClaim.key(train_id, epoch + 1)
            if self._records.backend.put(key, seal(self._mine, key=key)):
                (self._others.discard if epoch == self._own.get(train_id, 0) else self._others.add)(train_id)
                self._last[train_id] = self._held[train_id] = self._own[train_id] = epoch + 1
                return None
            if self.newest(train_id) == epoch:  # the name is taken by what cannot be read
                self._last[train_id] = epoch + 1

    def had_by_others(self, train_id: str) -> bool:
        """Whether others have had weights between the last two times that this run took them, or before the first."""
        return train_id in self._others

    def release(self, train_id: str) -> None:
        """Gives weights back.

        A release that a power cut takes leaves a claim that lasts until its run has ended or died: others wait longer,
        and nothing else. So nobody waits for the disk.
        """
        epoch = self._held.pop(train_id, None)
        if epoch is not None:
            key = TrialRelease.key(train_id, epoch)
            self._records.backend.put(key, seal(TrialRelease(), key=key), durably=False)
            self._released.add((train_id, epoch))

    def holds(self, train_id: str) -> bool:
        """Whether nobody has taken weights over that this run has claimed."""
        return train_id in self._held and self.newest(train_id) == self._held[train_id]

    def newest(self, train_id: str) -> int:
        """Returns the number of the newest claim on weights, 0 before the first."""
        if train_id not in self._last:
            self._last[train_id] = self._records.numbered(TrialClaim.folder(train_id), TrialClaim).last
            return self._last[train_id]  # it has just asked for the next one
        while self._there(TrialClaim.key(train_id, self._last[train_id] + 1)):
            self._last[train_id] += 1
        return self._last[train_id]

    def _there(self, key: str) -> bool:
        try:
            return self._records.backend.get(key) is not None
        except OSError:
            return False

    def _owner(self, train_id: str, epoch: int) -> TrialClaim | None:
        """Who holds an epoch; a claim that cannot be read holds nothing: nobody could tell when it ends."""
        if epoch == 0 or (train_id, epoch) in self._released:
            return None
        if self._there(TrialRelease.key(train_id, epoch)):
            self._released.add((train_id, epoch))
            return None
        sealed = self._records.once(TrialClaim.key(train_id, epoch), TrialClaim)
        if sealed is None:
            return None
        owner = sealed.content
        if owner == self._mine:
            return owner
        return None if self._liveness.of(owner.study, owner.run) is Life.ENDED else owner
