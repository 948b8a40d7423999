"""Where checkpoints and immutable records live. The store is the truth; everything else is a view of it.

Layout (``service.records.kinds`` says what is in each record)::

    STORE/store.json                                   says that this folder is a store, and of which format
    STORE/identity.json                                tells this store from every other
    STORE/trials/<train_id>/trial.json                 the configuration that determines the weights
    STORE/trials/<train_id>/checkpoints/...            written and verified by dit_core
    STORE/trials/<train_id>/curve/<number>.json        training curve from one checkpoint to the next
    STORE/trials/<train_id>/evaluations/<images>-<metric>-<eval_id>.json
    STORE/trials/<train_id>/grids/<images>-<sha256>.png
    STORE/trials/<train_id>/diverged.json              the trial ended in divergence
    STORE/studies/<name>/...                           definitions, claims, runs, failures, reports
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dit_core import identity
from dit_core.config import TrialConfig
from dit_core.data.paths import cache_folder
from dit_core.errors import UserError
from dit_core.events import CurvePoint, Diverged, Evaluated, MetricResult
from dit_core.files import clear_abandoned, write_durably
from service.records import format_1, marker
from service.records.backend import Backend, FolderBackend
from service.records.checkpoint_mirror import CheckpointMirror, Mirror
from service.records.envelope import FORMAT, Sealed
from service.records.kinds import (
    Claim,
    DivergenceRecord,
    EvaluationRecord,
    Failure,
    GivenUp,
    Hardware,
    RunRecord,
    Stretch,
    TrialRecord,
)
from service.records.measurements import Measurements, StoredMetric
from service.records.place import Place, S3Place, place_of
from service.records.read_once import Spans
from service.records.records import Records
from service.records.s3 import S3Backend
from service.records.whereabouts import identify, recorded


class Store:
    """A place of trials and studies, shared by any number of studies: a folder, or a prefix of an S3 bucket.

    A store of format 1 can be read; nothing more is recorded in it (``require_writable``).

    Args:
        place: the folder, or ``s3://BUCKET/PREFIX``.
        create: make it where there is none.

    Attributes:
        place: how people call it, and ``--store`` takes it.
        format: 2, or 1 for a store that an earlier version wrote.
        records: typed records by their keys.
        notes: what was found out about the store itself, a sentence each.

    Raises:
        UserError: the place is none, holds something that is no store, or cannot be reached.
    """

    def __init__(self, place: str | Path | Place, *, create: bool = True) -> None:
        where = place if isinstance(place, S3Place) else place_of(place)
        self.place = str(where)
        self._ground = ground_at(where)
        self.notes: list[str] = []
        try:
            if not create and not marker.is_there(self._ground):
                raise UserError(f"store: there is none at {self.place}")
            self.format, note = marker.open_store(self._ground, self.place)
        except OSError as error:
            raise UserError(f"store: cannot open or make {self.place} ({error.strerror or error})") from None
        self.notes += [note] if note else []
        backend: Backend = self._ground
        if self.format == 1:
            if not isinstance(where, Path):
                raise UserError(f"store: {self.place} has format 1, which is read from a folder only; copy it into one")
            backend = format_1.Format1Backend(where)
        elif isinstance(where, Path):
            clear_abandoned(where, deep=False)
        self._folder = where if isinstance(where, Path) else None
        self._identity: str | None = None
        self.records = Records(backend)
        self._measuring = format_1.measuring if self.format == 1 else identity.measuring
        grid_key = format_1.grid_key if self.format == 1 else None
        self._measurements, self._spans = Measurements(self._measuring, grid_key), Spans()

    @classmethod
    def existing(cls, place: str | Path | Place) -> Store | None:
        """Returns the store at a place, None where there is none; looking makes nothing.

        Raises:
            UserError: as for ``Store``.
        """
        where = place if isinstance(place, S3Place) else place_of(place)
        try:
            there = marker.is_there(ground_at(where))
        except OSError as error:
            raise UserError(f"store: cannot read {where} ({error.strerror or error})") from None
        return cls(where) if there else None

    @property
    def path(self) -> Path:
        """This machine's folder for what has to be files: the store itself, or a cache of a store on S3.

        What lies in a cache is not the store: it may be missing, and may be removed when nothing runs.
        """
        return self._folder or cache_folder().resolve() / "stores" / self.id

    @property
    def scratch(self) -> Path:
        """A folder for what a run needs while it lasts; for a store on S3 each node has one of its own."""
        if self._folder is not None:
            return self._folder / ".ray"
        return Path(tempfile.gettempdir()) / f"dit-ablate-{os.getuid()}-{self.id[:12]}"

    def shown(self, key: str) -> Path | str:
        """Where a person finds what lies under a key, or the store itself: a path, or an address on S3."""
        return self._folder / key if self._folder is not None else f"{self.place}/{key}".rstrip("/")

    def require_writable(self) -> None:
        """Makes sure that trials can be recorded here.

        Raises:
            UserError: the store has format 1, or its server would let two runs overwrite each other's records.
        """
        if self.format != FORMAT:
            raise UserError(
                f"store: {self.place} was written by an earlier version (format {self.format}), which drew other "
                "random numbers, so its trainings cannot be continued; status, report and plan read it, and new "
                "trainings need a store of their own: give another folder with --store"
            )
        if isinstance(self._ground, S3Backend):
            try:
                self._ground.require_conditions(marker.KEY)
            except OSError as error:
                raise UserError(f"store: cannot write to {self.place} ({error.strerror or error})") from None

    @property
    def damaged(self) -> tuple[str, ...]:
        """A sentence for every damaged record that this process has met and left out."""
        return tuple(self.records.damaged.values())

    @property
    def id(self) -> str:
        """32 hex digits that tell this store from every other, wherever it is moved; a copy has others.

        Raises:
            OSError: it has none yet, and none can be recorded.
        """
        if self.format != FORMAT:
            return hashlib.sha256(self.place.encode()).hexdigest()[:32]  # nothing is recorded in these
        if self._identity is None:
            here = self._ground.whereabouts(marker.KEY)
            self._identity, note = identify(self.records, here, _identity_at)
            self.notes += [note] if note else []
        return self._identity

    def publish(self, key: str, data: bytes) -> Path:
        """Replaces a view of the records, such as a report, and returns a file of this machine with the same content.

        A store of format 1 has views of what is recorded in it, too.

        Raises:
            OSError: it cannot be written.
        """
        if self._folder is None:
            self.records.backend.write(key, data)
        write_durably(self.path / key, data)
        return self.path / key

    # -- whether two processes see one store ----------------------------------------------------

    def nonce_written(self) -> str:
        """Writes something new into the store and returns it, for ``nonce_seen`` on another node."""
        nonce = uuid.uuid4().hex
        self.records.backend.put(_nonce_key(nonce), nonce.encode())
        return nonce

    def nonce_seen(self, nonce: str, seconds: float = 5.0) -> bool:
        """Whether this process sees what another one has written with ``nonce_written``.

        Args:
            nonce: what that returned.
            seconds: how long to go on looking; a network file system may be a moment behind.
        """
        until = time.monotonic() + seconds
        while self.records.backend.get(_nonce_key(nonce)) != nonce.encode():
            if time.monotonic() >= until:
                return False
            time.sleep(0.2)
        return True

    def nonce_removed(self, nonce: str) -> None:
        """Removes a nonce once every node has looked for it."""
        self.records.backend.delete(_nonce_key(nonce))

    # -- trials ---------------------------------------------------------------------------------

    def trial_dir(self, train_id: str) -> Path:
        """This machine's folder of a trial; ``dit_core.training.run`` keeps its checkpoints there."""
        return self.path / "trials" / train_id

    def mirror(self, train_id: str) -> Mirror | None:
        """Where a trial's checkpoints are published; None when its folder is in the store itself."""
        if not isinstance(self._ground, S3Backend):
            return None
        return CheckpointMirror(self._ground, f"trials/{train_id}/checkpoints/")

    def begin(self, train_id: str, config: TrialConfig) -> None:
        """Records the configuration of a trial, and removes what killed writers have left in its folder."""
        clear_abandoned(self.trial_dir(train_id))
        self.records.put(TrialRecord.key(train_id), TrialRecord(config=config.model_dump(mode="json")))

    def trial(self, train_id: str) -> Sealed[TrialRecord] | None:
        """Returns the record of a trial that was begun."""
        return self.records.once(TrialRecord.key(train_id), TrialRecord)

    def add_stretch(self, train_id: str, stretch: Stretch) -> None:
        """Records a stretch of the training curve."""
        self.records.append(Stretch.folder(train_id), stretch)

    def curve(self, train_id: str) -> list[Stretch]:
        """Returns the stretches of the curve in the order they were trained in.

        Damaged ones are left out. They overlap after a kill before a checkpoint, or where two studies' rungs differ.
        """
        return self.stretches(train_id, 1)[0]

    def stretches(self, train_id: str, first: int) -> tuple[list[Stretch], int]:
        """Returns the stretches from number ``first`` on, and the number at which to go on reading later."""
        return self._spans.whole(self.records, train_id, first)

    def spans(self, train_id: str) -> list[Stretch]:
        """Returns the stretches of the curve as ``curve`` does, but without their windows; each is read once."""
        return self._spans.of(self.records, train_id)

    def curve_points(self, train_id: str) -> list[CurvePoint]:
        """Returns the whole training curve, each point once, in order of images.

        The points that overlapping stretches share are the same, because training is deterministic.
        """
        points = {point.images: point for stretch in self.curve(train_id) for point in stretch.points}
        return [CurvePoint(n, points[n].loss, points[n].mse, points[n].vb) for n in sorted(points)]

    def add_evaluation(
        self,
        train_id: str,
        config: TrialConfig,
        evaluated: Evaluated,
        study: str,
        hardware: Hardware | None = None,
        run: int = 0,
    ) -> None:
        """Records an evaluation: the sample grid first, then one record per metric.

        Args:
            train_id: the trial.
            config: the configuration whose evaluation settings were used.
            evaluated: the event.
            study: the study that paid for it.
            hardware: what it was computed on.
            run: the number of the study's run that computed it.
        """
        grid, sha256 = None, None
        if evaluated.grid:
            sha256 = hashlib.sha256(evaluated.grid).hexdigest()
            grid = f"trials/{train_id}/grids/{evaluated.images:012d}-{sha256[:16]}.png"
            if not self.records.backend.put(grid, evaluated.grid) and self._bytes(grid) != evaluated.grid:
                self.records.backend.write(grid, evaluated.grid)  # it is named by its content: the other is damaged
        for index, metric in enumerate(evaluated.metrics):
            name = identity.named(train_id, [evaluated.images], self._measuring(config, metric.name))[evaluated.images]
            record = EvaluationRecord(
                eval_id=name,
                images=evaluated.images,
                name=metric.name,
                value=metric.value,
                floor=metric.floor,
                details=metric.details,
                study=study,
                sample_seconds=evaluated.sample_seconds if index == 0 else 0.0,
                score_seconds=evaluated.score_seconds if index == 0 else 0.0,
                grid=grid,
                grid_sha256=sha256,
                hardware=hardware,
                run=run,
            )
            self.records.put(EvaluationRecord.key(train_id, evaluated.images, metric.name, name), record)

    def evaluations(
        self, train_id: str, config: TrialConfig, milestones: Iterable[int]
    ) -> dict[int, dict[str, StoredMetric]]:
        """Returns images -> metric name -> result, for exactly this config's metrics, sampler and sample count.

        Args:
            train_id: the trial.
            config: how it is evaluated.
            milestones: where to look, in images seen; nothing else is read.
        """
        return self._measurements.of(self.records, train_id, config, tuple(milestones))

    def evaluation_key(self, train_id: str, config: TrialConfig, images: int, metric: str) -> str:
        """Where the record of one metric of an evaluation lies."""
        name = identity.named(train_id, [images], self._measuring(config, metric))[images]
        return EvaluationRecord.key(train_id, images, metric, name)

    def grid(self, metrics: Mapping[str, MetricResult]) -> bytes | None:
        """Returns the sample grid (PNG) of an evaluation as ``evaluations`` returned it, None without a whole one."""
        for metric in metrics.values():
            if isinstance(metric, StoredMetric) and metric.grid is not None:
                data = self._bytes(metric.grid)
                if data and metric.grid_sha256 in (None, hashlib.sha256(data).hexdigest()):
                    self.records.damaged.pop(metric.grid, None)
                    return data
                self.records.damaged[metric.grid] = f"{metric.grid}: the sample grid is missing or damaged"
        return None

    def _bytes(self, key: str) -> bytes | None:
        try:
            return self.records.backend.get(key)
        except OSError:  # a grid that cannot be read is left out as a damaged one is
            return None

    def add_divergence(self, train_id: str, diverged: Diverged) -> None:
        """Records that a trial diverged."""
        record = DivergenceRecord(images=diverged.images, reason=diverged.reason)
        self.records.put(DivergenceRecord.key(train_id), record)

    def divergence(self, train_id: str) -> Diverged | None:
        """Returns the recorded divergence, if any."""
        sealed = self.records.once(DivergenceRecord.key(train_id), DivergenceRecord)
        return None if sealed is None else Diverged(sealed.content.images, sealed.content.reason)

    # -- studies --------------------------------------------------------------------------------

    def study_dir(self, name: str) -> Path:
        """This machine's folder of a study."""
        return self.path / "studies" / name

    def studies(self) -> list[str]:
        """Names of the studies this store has seen.

        It is a listing, which may be behind by a study that has just begun; nothing is decided by it.
        """
        found = (key.rpartition("/")[2] for key in self.records.names("studies/"))
        return [name for name in found if self.records.names(f"studies/{name}/")]

    def last_run(self, study: str) -> int:
        """Returns the number of the newest run that has begun, 0 before the first."""
        return self.records.numbered(Claim.folder(study), Claim).last

    def superseded(self, study: str, number: int) -> bool:
        """Whether a later run of a study has begun: run ``number`` must then neither delete nor replace anything."""
        return self.records.backend.get(Claim.key(study, number + 1)) is not None

    def add_run(self, study: str, number: int, run: Mapping[str, Any]) -> None:
        """Records how a run has ended.

        Args:
            study: the study.
            number: the run's number.
            run: the fields of ``RunRecord``.
        """
        self.records.put(RunRecord.key(study, number), RunRecord.model_validate(run))

    def run_numbers(self, study: str) -> list[int]:
        """Returns the numbers of the study's runs, of those that go on or were killed, too."""
        return self.records.numbered(Claim.folder(study), Claim).used

    def runs(self, study: str) -> dict[int, RunRecord]:
        """Returns number -> run, for those that have ended by themselves."""
        numbers = self.run_numbers(study)
        found = {number: self.records.find(RunRecord.key(study, number), RunRecord) for number in numbers}
        return {number: sealed.content for number, sealed in found.items() if sealed is not None}

    def add_failure(self, study: str, failure: Failure) -> None:
        """Records a failed segment, and with it that its trial is given up, when it is."""
        self.records.append(Failure.folder(study), failure)
        if failure.given_up:
            given_up = GivenUp(
                study=study,
                trial=failure.trial,
                until=failure.until,
                attempt=failure.attempt,
                error=failure.error,
                cause=failure.cause,
            )
            self.records.append(GivenUp.folder(study, failure.run), given_up)

    def failures(self, study: str) -> list[Failure]:
        """Returns every failed segment of a study, in order."""
        return self.records.numbered(Failure.folder(study), Failure).contents

    def given_up(self, study: str) -> dict[str, str]:
        """Returns trial name -> error, for the trials that the study's newest run has given up.

        A run that begins supersedes what earlier ones have given up: it tries those trials again.
        """
        return {record.trial: record.error for record in self.given_up_records(study)}

    def given_up_causes(self, study: str) -> dict[str, str]:
        """Returns trial name -> kind of failure, for the same trials; empty where nobody told."""
        return {record.trial: record.cause for record in self.given_up_records(study)}

    def given_up_records(self, study: str) -> list[GivenUp]:
        """Returns the records behind ``given_up``."""
        return self.records.numbered(GivenUp.folder(study, self.last_run(study)), GivenUp).contents


def _nonce_key(nonce: str) -> str:
    return f"nonces/{nonce}"


def ground_at(place: Place) -> FolderBackend | S3Backend:
    """Returns what a store at a place is made of.

    Raises:
        UserError: the place is a file, or boto3 is missing.
    """
    if isinstance(place, S3Place):
        return S3Backend(place)
    if place.exists() and not place.is_dir():
        raise UserError(f"store: {place} is a file; give a new or empty folder, or an existing store")
    return FolderBackend(place)


def _identity_at(place: str) -> str | None:
    """The identity that the store at a place has, as it is recorded there."""
    try:
        ground = ground_at(place_of(place))
    except UserError:
        return None
    if ground.get(marker.KEY) is None:
        return None
    known = recorded(Records(ground))
    return known[-1].id if known else None
