"""Studies of any size with records that look real, made in seconds: for measuring what reads them. Nothing trains."""

from __future__ import annotations

import hashlib
import math
import random
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path

from dit_core import identity
from dit_core.config import TrialConfig
from search_spaces.expand import expand
from search_spaces.study import Study
from search_spaces.types import Trial
from service.preflight import Prepared, prepare
from service.records import study_files
from service.records.envelope import Record, seal
from service.records.kinds import Claim, EvaluationRecord, Hardware, Point, RunRecord, Stretch, TrialRecord
from service.records.network_counts import record_counts
from service.records.process import this_process
from service.records.store import Store

SEEDS = 10
RUNGS, BUDGET = (12_800, 25_600), 51_200
WINDOWS = 8
"""Logging windows of a stretch, one stretch to every milestone."""
BEGAN = 1.79e9
AXES = {
    "learning_rate": lambda share: 1e-4 + 1e-2 * share,
    "weight_decay": lambda share: 1e-3 + 0.3 * share,
    "beta1": lambda share: 0.5 + 0.39 * share,
    "beta2": lambda share: 0.96 + 0.039 * share,
    "gradient_clip": lambda share: 0.1 + 2.0 * share,
    "dropout": lambda share: 0.01 + 0.4 * share,
    "class_dropout": lambda share: 0.11 + 0.3 * share,
    "attention_dropout": lambda share: 0.01 + 0.4 * share,
    "mlp_dropout": lambda share: 0.01 + 0.4 * share,
    "guidance_scale": lambda share: 1.1 + 4.0 * share,
}
"""Axis -> one of its values for every number from 0 to 1. The last one only evaluates: its arms share weights."""


def study_of(trials: int, policy: str = "none", budget: int = BUDGET, rungs: tuple[int, ...] = RUNGS) -> Study:
    """Returns a study of ten questions on digits: a baseline, and so many arms that there are ``trials`` trials."""
    arms = trials // SEEDS - 1
    share, more = divmod(arms, len(AXES))
    ablations = []
    for index, (axis, value) in enumerate(AXES.items()):
        count = share + (index < more)
        values = [round(value(number / max(1, count)), 9) for number in range(count)]
        if values:
            ablations.append({"name": axis, "axis": axis, "values": values})
    return Study.model_validate(
        {
            "name": f"synthetic-{trials}",
            "baseline": {"profile": "digits"},
            "ablations": ablations,
            "seeds": list(range(SEEDS)),
            "rungs": list(rungs),
            "budget_images": budget,
            "policy": policy,
        }
    )


def value_of(trial: Trial, images: int) -> float:
    """Returns what a trial is said to measure: an arm's effect, a seed's, noise, and a decay over training."""
    draw = random.Random(f"{trial.name} {images}").gauss
    arm, seed = random.Random(trial.arm.name).gauss(0.0, 1.0), random.Random(f"seed {trial.seed}").gauss(0.0, 0.3)
    return 10.0 + 40.0 * math.exp(-images / 10_000) + arm + seed + draw(0.0, 0.3)


def stretches(trial: Trial, milestones: tuple[int, ...], study: str) -> list[Stretch]:
    """Returns a trial's training curve."""
    hardware = Hardware(device="cpu: synthetic", torch="2", workers=1, threads=1)
    found, start = [], 0
    for number, images in enumerate(milestones):
        points = []
        for window in range(1, WINDOWS + 1):
            seen = start + (images - start) * window // WINDOWS
            loss = 0.2 + math.exp(-seen / 10_000) + 0.001 * (trial.seed % 7)
            points.append(Point(images=seen, loss=loss, mse=loss * 0.9, vb=loss * 0.1, seconds=window * 1.0))
        began = BEGAN + 100.0 * number
        found.append(
            Stretch(
                start=start, images=images, points=tuple(points), began=began, seconds=WINDOWS * 1.0,
                hardware=hardware, study=study, run=1, peak_memory=10**9,
            )
        )  # fmt: skip
        start = images
    return found


def evaluation(trial: Trial, train_id: str, images: int, study: str, grid: str | None = None) -> EvaluationRecord:
    """Returns a trial's measurement."""
    metric = trial.config.evaluation.metrics[0]
    return EvaluationRecord(
        eval_id=identity.eval_id(train_id, images, trial.config, metric),
        images=images,
        name=metric,
        value=value_of(trial, images),
        floor=0.5,
        details={"samples": 64},
        study=study,
        sample_seconds=1.0,
        score_seconds=0.1,
        grid=grid,
        run=1,
    )


def fill(store: Store, study: Study) -> Prepared:
    """Writes the records that a finished run of a study leaves, all but its checkpoints.

    They are written as files, without the care for power cuts that a run takes.
    """
    prepared = prepare(expand(study))
    ids, root, name = prepared.train_ids, Path(str(store.place)), study.name
    study_files.write_definition(
        store, study, ids, "python", f"dit-ablate run {name}", analysis_plan=prepared.plan_digest
    )
    written = datetime.fromtimestamp(BEGAN + 1000, UTC).isoformat()
    grid = _grid()
    begun: set[str] = set()
    configs: dict[str, TrialConfig] = {arm.name: arm.config for arm in prepared.expansion.arms}
    for trial in prepared.expansion.trials:
        train_id = ids[trial.name]
        if train_id not in begun:
            begun.add(train_id)
            config = configs[trial.arm.name].with_seed(trial.seed).model_dump(mode="json")
            _write(root, TrialRecord.key(train_id), TrialRecord(config=config), written)
            for number, stretch in enumerate(stretches(trial, study.milestones, name), 1):
                _write(root, f"{Stretch.folder(train_id)}{number:04d}.json", stretch, written)
        for images in study.milestones:
            key = f"trials/{train_id}/grids/{images:012d}-{hashlib.sha256(grid).hexdigest()[:16]}.png"
            (root / key).parent.mkdir(parents=True, exist_ok=True)
            (root / key).write_bytes(grid)
            record = evaluation(trial, train_id, images, name, key)
            _write(root, EvaluationRecord.key(train_id, images, record.name, record.eval_id), record, written)
    record_counts(store, name, prepared.expansion.arms)
    claim = Claim(pid=1, host="synthetic", process=this_process(), nonce="synthetic")
    _write(root, Claim.key(name, 1), claim, written)
    _write(root, RunRecord.key(name, 1), RunRecord(interrupted=False, elapsed=1.0), written)
    return prepared


def _write(root: Path, key: str, record: Record, written: str) -> None:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(seal(record, written, key))


def _grid(side: int = 64) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + bytes([128] * side) for _ in range(side))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
