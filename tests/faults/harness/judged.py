"""What a finished store shows, read from its files and MLflow's database alone, and how two of them differ."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dit_core.identity import digest

_OF_THE_CLOCK = re.compile(r"seconds|_per_second|_minutes|_hours|overhead|peak_memory")
"""Metrics that measure time: no two runs give the same, nor where a stop ends a stretch; each only once, though."""


@dataclass(frozen=True)
class Seen:
    """A store as an outsider sees it.

    Attributes:
        states: what was measured: (train_id, images, metric) -> value, floor, digest of the grid.
        losses: (train_id, images) -> loss, mse, vb.
        weights: train_id -> digest of the newest checkpoint's tensors.
        decisions: look -> what was decided.
        runs: MLflow's runs: name -> status.
        metrics: (run, metric, step) -> value.
        twice: what exists more than once and must not.
        left: files that a killed process left behind.
    """

    states: dict[tuple[str, ...], Any] = field(default_factory=dict)
    losses: dict[tuple[str, int], Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    decisions: dict[str, Any] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    metrics: dict[tuple[str, str, int], Any] = field(default_factory=dict)
    twice: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """How a store differs from an undisturbed one, in sentences by kind; nothing where it does not."""

    lost: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def none(self) -> bool:
        """Whether nothing is lost, duplicated or changed; what is left behind counts by its own."""
        return not (self.lost or self.duplicated or self.changed)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(
            f"{kind}: {item}" for kind in ("lost", "duplicated", "changed", "left") for item in getattr(self, kind)
        )


def see(store: Path, study: str = "tiny", database: Path | None = None) -> Seen:
    """Reads a store.

    Args:
        store: its folder.
        study: the study whose decisions and MLflow runs are read.
        database: MLflow's SQLite file; the store's own by default.
    """
    twice: list[str] = []
    states: dict[tuple[str, ...], Any] = {}
    losses: dict[tuple[str, int], Any] = {}
    weights: dict[str, str] = {}
    for trial in sorted((store / "trials").glob("*")):
        for content in _contents(trial / "evaluations"):
            key = (trial.name, f"{content['images']}", content["name"])
            value = (content["value"], content["floor"], content["grid_sha256"])
            if states.setdefault(key, value) != value:
                twice.append(f"evaluation {key} has two values")
        for content in _contents(trial / "curve"):
            for point in content["points"]:
                value = (point["loss"], point["mse"], point.get("vb"))
                if losses.setdefault((trial.name, point["images"]), value) != value:
                    twice.append(f"loss of {trial.name[:8]} at {point['images']} has two values")
        kept = sorted((trial / "checkpoints").glob("[0-9]*.safetensors"))
        if kept:
            weights[trial.name] = f"{kept[-1].stem} {_tensors(kept[-1])}"
    looks = (store / "studies" / study / "decisions").glob("*/*.json")
    decisions = {path.stem: _content(path) for path in looks if "~" not in path.stem and not path.name.startswith(".")}
    runs, metrics, more = _mlflow(database or store / "mlflow.db", study)
    return Seen(states, losses, weights, decisions, runs, metrics, (*twice, *more), left_behind(store))


def compare(found: Seen, expected: Seen) -> Difference:
    """Tells what of ``expected``, an undisturbed run's, is missing, doubled or different in ``found``."""
    lost: list[str] = []
    changed: list[str] = []
    for kind in ("states", "losses", "weights", "decisions", "runs", "metrics"):
        have, want = getattr(found, kind), getattr(expected, kind)
        for key in want:
            if key not in have:
                lost.append(f"{kind} {key}")
            elif have[key] != want[key]:
                changed.append(f"{kind} {key}: {have[key]} instead of {want[key]}")
        lost.extend(f"{kind} {key} was not expected" for key in have if key not in want)
    return Difference(tuple(lost), found.twice, tuple(changed), found.left)


def left_behind(store: Path) -> tuple[str, ...]:
    """Temporary files and folders below a store."""
    return tuple(sorted(str(path.relative_to(store)) for path in store.rglob("*") if _temporary(path.name)))


def _temporary(name: str) -> bool:
    return ".tmp" in name or ".uploading" in name or name.endswith(("-journal", "-wal", "-shm"))


def _contents(folder: Path) -> list[dict[str, Any]]:
    """The sound records of a folder; a damaged one counts as missing."""
    found = (_content(path) for path in sorted(folder.glob("*.json")) if not path.name.startswith("."))
    return [content for content in found if content is not None]


def _content(path: Path) -> Any:
    try:
        record = json.loads(path.read_bytes())
        return record["content"] if _sound(record) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sound(record: dict[str, Any]) -> bool:
    """Whether a record is a whole envelope, with the checksum that it has in today's format."""
    if not isinstance(record.get("content"), dict) or not {"format", "kind", "written", "sha256"} <= set(record):
        return False
    rest = {key: value for key, value in record.items() if key != "sha256"}
    return record["format"] != 2 or record["sha256"] == digest(rest)


def _tensors(path: Path) -> str:
    """Digest of a safetensors file without its free-form header, which may hold times."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode() + data[8 + length :]).hexdigest()[:16]


def _mlflow(database: Path, study: str) -> tuple[dict[str, str], dict[tuple[str, str, int], Any], tuple[str, ...]]:
    """Runs and metrics of a study, and sentences on what is there twice."""
    if not database.exists():
        return {}, {}, ()
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        rows = connection.execute(
            "select r.run_uuid, r.name, r.status from runs r join experiments e on r.experiment_id = e.experiment_id "
            "join tags t on t.run_uuid = r.run_uuid and t.key = 'study' "
            "where r.lifecycle_stage = 'active' and t.value = ?", (study,),
        ).fetchall()  # fmt: skip
        # the study's own run is called like the study, and the undisturbed one may have another name
        rows = [(identity, "the study" if name == study else name, status) for identity, name, status in rows]
        twice = [f"MLflow run {name!r}: {n}" for name, n in Counter(row[1] for row in rows).items() if n > 1]
        runs = {name: status for _, name, status in rows}
        metrics: dict[tuple[str, str, int], Any] = {}
        for identity, name, _ in rows:
            for key, step, value in connection.execute(
                "select key, step, value from metrics where run_uuid = ? order by timestamp", (identity,)
            ):
                if (name, key, step) in metrics:
                    twice.append(f"MLflow metric {name} {key} at {step}")
                metrics[name, key, step] = value
        compared = {key: value for key, value in metrics.items() if not _OF_THE_CLOCK.search(key[1])}
        return runs, compared, tuple(twice)
    finally:
        connection.close()
