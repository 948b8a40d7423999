"""Where checkpoints and immutable records live. The store is the truth; everything else is a view of it.

Layout (every record is written once, atomically, with a checksum over its content)::

    STORE/store.json                                   says that this folder is a store
    STORE/trials/<train_id>/trial.json                 the configuration that determines the weights
    STORE/trials/<train_id>/checkpoints/...            written and verified by dit_core
    STORE/trials/<train_id>/curve/<start>-<end>.json   training curve over (start, end] images
    STORE/trials/<train_id>/evaluations/<images>-<metric>-<eval_id>.json
    STORE/trials/<train_id>/grids/<images>-<sampler id>.png
    STORE/trials/<train_id>/diverged.json              the trial ended in divergence
    STORE/studies/<name>/...                           study files, failures, reports
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.events import CurvePoint, Diverged, Evaluated, MetricResult, Progress
from dit_core.identity import digest, eval_id, sampling
from service.records.backend import FolderBackend
from service.records.records import Records

_MARKER = {"kind": "dit-ablate store", "format": 1}


class CorruptRecord(Exception):
    """A record whose content does not match its checksum."""


def write_once(path: Path, content: dict[str, Any]) -> bool:
    """Writes a record atomically unless a valid one exists; returns whether it was written.

    Args:
        path: where the record goes; parents are made.
        content: plain JSON data.
    """
    if path.exists():
        try:
            read_record(path)
            return False
        except CorruptRecord:
            path.rename(path.with_name(f"{path.name}.corrupt-{uuid.uuid4().hex[:8]}"))
    envelope = {"sha256": digest(content), "written": datetime.now(UTC).isoformat(), "content": content}
    write_atomically(path, json.dumps(envelope, indent=1).encode())
    return True


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that a reader sees all of it or none, even if this process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def read_record(path: Path) -> dict[str, Any]:
    """Returns a record's content with the time it was written under ``_written``.

    Raises:
        CorruptRecord: the file is torn or does not match its checksum.
    """
    try:
        envelope = json.loads(path.read_bytes())
        content = dict(envelope["content"])
        if envelope["sha256"] != digest(content):
            raise CorruptRecord(f"{path}: checksum mismatch")
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise CorruptRecord(f"{path}: unreadable ({error})") from None
    return {**content, "_written": envelope["written"]}


class Store:
    """A folder of trials and studies, shared by any number of studies.

    Args:
        path: the folder; made when it does not exist.

    Raises:
        UserError: the path is a file, or a non-empty folder that is not a store.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().resolve()
        self.records = Records(FolderBackend(self.path))
        marker = self.path / "store.json"
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"store: {self.path} is a file; give a new or empty folder, or an existing store")
        if marker.exists():
            try:
                found = json.loads(marker.read_text())
            except (json.JSONDecodeError, UnicodeDecodeError):
                found = None
            if not isinstance(found, dict) or found.get("kind") != _MARKER["kind"]:
                raise UserError(f"store: {marker} was not written by dit-ablate; give another folder")
            if found.get("format") != _MARKER["format"]:
                raise UserError(
                    f"store: {self.path} has format {found.get('format')!r}; this version reads {_MARKER['format']}"
                )
        elif self.path.exists() and any(self.path.iterdir()):
            raise UserError(f"store: {self.path} is not empty and not a dit-ablate store; give another folder")
        else:
            try:
                write_atomically(marker, json.dumps(_MARKER).encode())
            except OSError as error:
                raise UserError(f"store: cannot write to {self.path} ({error.strerror})") from None

    # -- trials ---------------------------------------------------------------------------------

    def trial_dir(self, train_id: str) -> Path:
        """The folder of a trial; ``dit_core.training.run`` keeps its checkpoints there."""
        return self.path / "trials" / train_id

    def begin(self, train_id: str, config: TrialConfig) -> None:
        """Records the configuration of a trial."""
        write_once(self.trial_dir(train_id) / "trial.json", {"config": config.model_dump(mode="json")})

    def add_progress(self, train_id: str, progress: Progress) -> None:
        """Records a stretch of the training curve."""
        name = f"{progress.start:012d}-{progress.images:012d}.json"
        content = {
            "start": progress.start,
            "images": progress.images,
            "seconds": progress.seconds,
            "points": [asdict(point) for point in progress.points],
        }
        write_once(self.trial_dir(train_id) / "curve" / name, _finite(content))

    def add_evaluation(self, train_id: str, config: TrialConfig, evaluated: Evaluated, study: str) -> None:
        """Records an evaluation: the sample grid first, then one record per metric.

        Args:
            train_id: the trial.
            config: the configuration whose evaluation settings were used.
            evaluated: the event.
            study: the study that paid for it.
        """
        base = self.trial_dir(train_id)
        if evaluated.grid:
            grid = self.grid_path(train_id, config, evaluated.images)
            if not grid.exists():
                write_atomically(grid, evaluated.grid)
        for index, metric in enumerate(evaluated.metrics):
            identity = eval_id(train_id, evaluated.images, config, metric.name)
            content = {
                **asdict(metric),
                "images": evaluated.images,
                "eval_id": identity,
                "study": study,
                "sample_seconds": evaluated.sample_seconds if index == 0 else 0.0,
                "score_seconds": evaluated.score_seconds if index == 0 else 0.0,
            }
            path = base / "evaluations" / f"{evaluated.images:012d}-{metric.name}-{identity[:16]}.json"
            write_once(path, _finite(content))

    def add_divergence(self, train_id: str, diverged: Diverged) -> None:
        """Records that a trial diverged."""
        write_once(self.trial_dir(train_id) / "diverged.json", asdict(diverged))

    def grid_path(self, train_id: str, config: TrialConfig, images: int) -> Path:
        """Where the sample grid at ``images`` lies."""
        settings = {**sampling(config), "grid_images": config.evaluation.grid_images}
        sampler = digest({"e": settings, "vae": config.data.vae})
        return self.trial_dir(train_id) / "grids" / f"{images:012d}-{sampler[:16]}.png"

    def evaluations(self, train_id: str, config: TrialConfig) -> dict[int, dict[str, StoredMetric]]:
        """Returns images -> metric name -> result, for exactly this config's sampler and sample count."""
        found: dict[int, dict[str, StoredMetric]] = {}
        for path in sorted((self.trial_dir(train_id) / "evaluations").glob("*.json")):
            try:
                content = read_record(path)
            except CorruptRecord:
                continue
            name, images = content["name"], content["images"]
            if content["eval_id"] == eval_id(train_id, images, config, name):
                found.setdefault(images, {})[name] = StoredMetric(content)
        return found

    def divergence(self, train_id: str) -> Diverged | None:
        """Returns the recorded divergence, if any."""
        path = self.trial_dir(train_id) / "diverged.json"
        if not path.exists():
            return None
        try:
            content = read_record(path)
        except CorruptRecord:
            return None
        return Diverged(images=content["images"], reason=content["reason"])

    def curve(self, train_id: str) -> Iterator[dict[str, Any]]:
        """Yields the curve's records in order of images; corrupt ones are left out."""
        for path in sorted((self.trial_dir(train_id) / "curve").glob("*.json")):
            try:
                content = read_record(path)
            except CorruptRecord:
                continue
            content["points"] = [CurvePoint(**_restored(point)) for point in content["points"]]
            yield content

    def curve_points(self, train_id: str) -> list[CurvePoint]:
        """Returns the whole training curve, each point once.

        Stretches overlap where a run was killed, or where two studies stop at different rungs; the points they
        share are the same, because training is deterministic.
        """
        points = {point.images: point for record in self.curve(train_id) for point in record["points"]}
        return [points[images] for images in sorted(points)]

    # -- studies --------------------------------------------------------------------------------

    def study_dir(self, name: str) -> Path:
        """The folder of a study."""
        return self.path / "studies" / name

    def add_numbered(self, study: str, kind: str, content: dict[str, Any]) -> Path:
        """Records something under the next free number, e.g. ``studies/<study>/failures/0003.json``.

        Args:
            study: the study.
            kind: the folder: ``failures``, ``runs``.
            content: plain JSON data.
        """
        folder = self.study_dir(study) / kind
        number = max((int(path.stem) for path in folder.glob("*.json") if path.stem.isdigit()), default=0) + 1
        path = folder / f"{number:04d}.json"
        write_once(path, _finite(content))
        return path

    def numbered(self, study: str, kind: str) -> list[dict[str, Any]]:
        """Returns the records of ``add_numbered`` in order; corrupt ones are left out."""
        found = []
        for path in sorted((self.study_dir(study) / kind).glob("*.json")):
            try:
                found.append(_restored(read_record(path)))
            except CorruptRecord:
                continue
        return found

    def studies(self) -> list[str]:
        """Names of the studies this store has seen."""
        base = self.path / "studies"
        return sorted(p.name for p in base.iterdir() if p.is_dir()) if base.exists() else []


class StoredMetric(MetricResult):
    """A metric as read from its record, with what it cost and who paid.

    Attributes:
        study: the study that ran the evaluation.
        written: when, ISO 8601 UTC.
        sample_seconds: wall-clock spent sampling for it.
        score_seconds: wall-clock spent scoring.
    """

    study: str
    written: str
    sample_seconds: float
    score_seconds: float

    def __init__(self, content: dict[str, Any]) -> None:
        restored = _restored(content)
        super().__init__(restored["name"], restored["value"], restored["floor"], restored["details"])
        for key in ("study", "sample_seconds", "score_seconds"):
            object.__setattr__(self, key, content[key])
        object.__setattr__(self, "written", content["_written"])


def _finite(value: Any) -> Any:
    """Replaces non-finite floats by strings, since JSON has none."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return f"float:{value}"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _restored(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("float:"):
        return float(value[6:])
    if isinstance(value, dict):
        return {key: _restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item) for item in value]
    return value
