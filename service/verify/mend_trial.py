"""Makes a trial's curve, checkpoints, evaluations and sample grids again, by training and evaluating."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

from dit_core.config import TrialConfig
from dit_core.identity import train_id
from search_spaces.types import Expansion, Trial
from service.analysis.damage import DamageKind
from service.engine.runner import dataset_for
from service.records.kinds import Stretch
from service.records.records import Records
from service.records.store import Store
from service.verify.finding import Finding
from service.verify.hold import Hold
from service.verify.replay import Replay

ELSEWHERE = (
    "what comes out here differs from what was recorded in the last digits: the machine, the version of PyTorch or the "
    "number of workers is another"
)


class TrialMender:
    """Mends what is damaged of one training.

    Args:
        store: where the records are.
        expansion: a study that has the training.
        trials: the trials of the study that share it.
        identity: its ``train_id``.
        sound: images -> key of its whole checkpoints.
        hold: the study, held for this.
    """

    def __init__(
        self,
        store: Store,
        expansion: Expansion,
        trials: Sequence[Trial],
        identity: str,
        sound: Mapping[int, str],
        hold: Hold,
    ) -> None:
        self._store, self._study, self._trials, self._identity = store, expansion.study, trials, identity
        self._sound, self._hold = sound, hold

    def refusal(self) -> str | None:
        """Why nothing can be trained or evaluated here that would be this trial; None where it can."""
        config = self._trials[0].config
        if train_id(config, dataset_for(config.data).fingerprint) == self._identity:
            return None
        return "the data here, or what the code does, is not what the trial was trained with"

    def mend(self, findings: Sequence[Finding]) -> Iterator[tuple[Finding, str | None]]:
        """Makes things again, those with the fewest images first.

        Yields:
            Each finding with None when it is mended, else with the reason why not.

        Raises:
            Stopped: it was asked to stop; what was mended before stands.
        """
        ordered = sorted(findings, key=lambda item: item.damage.images)
        for finding in (item for item in ordered if item.damage.kind is DamageKind.CURVE):
            before = {images: key for images, key in self._sound.items() if images <= finding.damage.start}
            with self._replay(before) as replay:
                yield finding, self._curve(replay, finding)
        with self._replay(self._sound) as replay:
            for finding in (item for item in ordered if item.damage.kind is not DamageKind.CURVE):
                mend = self._checkpoint if finding.damage.kind is DamageKind.CHECKPOINT else self._evaluation
                yield finding, mend(replay, finding)

    def _replay(self, sound: Mapping[int, str]) -> Replay:
        return Replay(self._store, self._trials[0].config, sound, self._study.checkpoint_images, self._hold)

    def _curve(self, replay: Replay, finding: Finding) -> str | None:
        """Records the missing stretch alone; its windows end where they ended before."""
        start, images = finding.damage.start, finding.damage.images
        ends = {*self._study.milestones, *self._sound, images}
        for end in (start, *sorted(end for end in ends if start < end <= images)):
            if end > 0:
                replay.to(end)
        new = [item for item in replay.stretches if item.start >= start and item.images <= images]
        if self._differs(replay, images):
            return ELSEWHERE
        keys = self._damaged_numbers()
        for stretch in new:
            key = next(keys, None)
            if key is None:
                self._store.add_stretch(self._identity, stretch)
            else:
                self._store.records.put(key, stretch)  # beside the damaged one, so that the order stays
        return None

    def _differs(self, replay: Replay, images: int) -> bool:
        """Whether what was trained again is not what was recorded: in its windows, or in the weights at its end."""
        known = {point.images: point.loss for point in self._store.curve_points(self._identity)}
        again = {point.images: point.loss for stretch in replay.stretches for point in stretch.points}
        both = known.keys() & again.keys()
        key = self._sound.get(images)
        return any(repr(known[at]) != repr(again[at]) for at in both) or (
            key is not None and replay.differs(images, key)
        )

    def _damaged_numbers(self) -> Iterator[str]:
        records = Records(self._store.records.backend)
        records.numbered(Stretch.folder(self._identity), Stretch)
        return iter(sorted(key for key in records.damaged if re.search(r"/\d+\.json$", key)))

    def _checkpoint(self, replay: Replay, finding: Finding) -> str | None:
        images = finding.damage.images
        if not replay.to(images):
            return "the training diverges before it gets there"
        if self._differs(replay, images):
            return ELSEWHERE
        made, key, mirror = replay.checkpoint(images), finding.damage.key, self._store.mirror(self._identity)
        if mirror is None:
            self._store.records.backend.write(key, made.read_bytes())
        else:
            mirror.publish(key.rpartition("/")[2], made)
        return None

    def _evaluation(self, replay: Replay, finding: Finding) -> str | None:
        images, key = finding.damage.images, finding.damage.key
        for config in self._configs(images, key if finding.damage.kind is DamageKind.GRID else None):
            found = replay.evaluate(images, config)
            if finding.damage.kind is DamageKind.GRID and hashlib.sha256(found.grid).hexdigest()[:16] not in key:
                return ELSEWHERE
            self._store.add_evaluation(self._identity, config, found, self._study.name, replay.hardware, self._hold.run)
        return None

    def _configs(self, images: int, grid: str | None) -> list[TrialConfig]:
        """The ways of evaluating that lack a measurement there, or whose sample grid it is."""
        found: list[TrialConfig] = []
        for trial in self._trials:
            metrics = self._store.evaluations(self._identity, trial.config, [images]).get(images, {})
            lacks = not set(trial.config.evaluation.metrics) <= set(metrics)
            shows = grid is not None and any(metric.grid == grid for metric in metrics.values())
            if (lacks if grid is None else shows) and trial.config not in found:
                found.append(trial.config)
        return found
