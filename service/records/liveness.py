"""Whether a run still goes on, told without trusting any clock but this process's own monotonic one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from service.records.kinds import Claim, RunRecord
from service.records.process import Life, life, this_process
from service.records.records import Records

PATIENCE_SECONDS = 30.0
"""How long the heartbeat of a run must stand still, as seen from here, before the run counts as dead."""

_held: set[str] = set()
"""Nonces of the claims under which this process runs something now."""


def live_key(study: str) -> str:
    """Where a running study leaves its heartbeat."""
    return f"studies/{study}/live.json"


def hold(nonce: str) -> None:
    """Says that this process runs something under a claim."""
    _held.add(nonce)


def let_go(nonce: str) -> None:
    """Says that it does not any more."""
    _held.discard(nonce)


@dataclass
class _Seen:
    """A heartbeat as it was found last, since when it has looked like that, and whether it ever changed."""

    beat: bytes | None
    since: float
    changed: bool = False


class Liveness:
    """Watches runs of other drivers.

    A run has ended when it says so, when a later run of its study has begun, when its process is known to be gone, or
    when its heartbeat has not changed for ``patience`` seconds in which this object was asked again and again.

    Args:
        records: where claims, ends and heartbeats lie.
        patience: in seconds.
        clock: what measures them.
    """

    def __init__(
        self, records: Records, patience: float = PATIENCE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._records, self.patience, self._clock = records, patience, clock
        self._ended: set[tuple[str, int]] = set()
        self._seen: dict[tuple[str, int], _Seen] = {}

    def of(self, study: str, run: int) -> Life:
        """Returns what is known of a run now; ``UNKNOWN`` may become one of the others when asked again later."""
        if (study, run) in self._ended:
            return Life.ENDED
        if self._there(RunRecord.key(study, run)) or self._there(Claim.key(study, run + 1)):
            return self._end(study, run)
        found = self._of_its_process(self.claim(study, run))
        if found is Life.ENDED:
            return self._end(study, run)
        return self._of_its_heartbeat(study, run) if found is Life.UNKNOWN else found

    def claim(self, study: str, run: int) -> Claim | None:
        """Returns the claim of a run, None when it is damaged."""
        sealed = self._records.once(Claim.key(study, run), Claim)
        return None if sealed is None else sealed.content

    def _there(self, key: str) -> bool:
        return self._read(key) is not None

    def _read(self, key: str) -> bytes | None:
        try:
            return self._records.backend.get(key)
        except OSError:  # what cannot be read says nothing
            return None

    def _of_its_process(self, claim: Claim | None) -> Life:
        if claim is None or claim.process is None:
            return Life.UNKNOWN
        if claim.process == this_process():
            return Life.LIVES if claim.nonce in _held else Life.ENDED
        return life(claim.process)

    def _of_its_heartbeat(self, study: str, run: int) -> Life:
        beat, now = self._read(live_key(study)), self._clock()
        seen = self._seen.get((study, run))
        if seen is None or seen.beat != beat:
            self._seen[study, run] = _Seen(beat, now, changed=seen is not None)
            return Life.UNKNOWN if seen is None else Life.LIVES
        if now - seen.since >= self.patience:
            return self._end(study, run)
        return Life.LIVES if seen.changed else Life.UNKNOWN

    def _end(self, study: str, run: int) -> Life:
        self._ended.add((study, run))
        self._seen.pop((study, run), None)
        return Life.ENDED
