"""A small real study, trained in this process, for whatever reads a store's records."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from dit_core.events import Evaluated, MetricResult
from search_spaces.expand import expand
from search_spaces.study import Study
from service.analysis.summary import summarise
from service.engine import run_segments
from service.preflight import Prepared, prepare
from service.records import study_files
from service.records.envelope import unseal
from service.records.kinds import Stretch
from service.records.store import Store

OVERRIDES = {
    "model.hidden_size": 16,
    "model.depth": 1,
    "model.num_heads": 2,
    "training.batch_size": 32,
    "training.log_every_steps": 2,
    "evaluation.num_samples": 64,
    "evaluation.sampling_steps": 3,
    "evaluation.batch_size": 64,
    "evaluation.grid_images": 20,
}
RUNG, BUDGET = 128, 256
PATCHES = {"name": "Patch | Size", "axis": "patch_size", "values": [2, 4, 8]}
RATES = {"name": "Learning Rate", "axis": "learning_rate", "values": [1e6]}
CONDITIONING = {"name": "Conditioning Mechanism", "axis": "conditioning", "values": ["adaln-zero", "adaln"]}
BLOCKS = {"name": "Block", "axis": "block", "values": ["adaln"]}


def tiny_study(name: str = "tiny", **changes: Any) -> Study:
    """A study of milliseconds: patch sizes, a learning rate that diverges, and an arm that two ablations share."""
    fields: dict[str, Any] = {
        "name": name,
        "description": "Small questions",
        "baseline": {"profile": "digits", "overrides": OVERRIDES},
        "ablations": [PATCHES, RATES, BLOCKS, CONDITIONING],
        "seeds": [0, 1],
        "rungs": [RUNG],
        "policy": {"name": "rungs", "stop_fraction": 0.5},
        "budget_images": BUDGET,
        **changes,
    }
    return Study.model_validate(fields)


def run_locally(study: Study, store: Store) -> Prepared:
    """Trains, evaluates and stops as a real run does, without Ray."""
    torch.set_num_threads(1)
    prepared = begin(study, store)
    run_segments(prepared, store, executor="local")
    return prepared


def begin(study: Study, store: Store) -> Prepared:
    """Writes what a run writes before its first trial."""
    prepared = prepare(expand(study))
    study_files.write_definition(
        store, study, prepared.train_ids, "tiny.yaml", "dit-ablate run tiny.yaml", analysis_plan=prepared.plan_digest
    )
    study_files.write_preview(store, study, "what it costs\n")
    return prepared


def up_to_rung(store: Store, folder: Path, rung: int = RUNG) -> Store:
    """Copies a store as a run that was killed after the rung would have left it."""

    def later(directory: str, names: list[str]) -> list[str]:
        beyond = [n for n in names if n[:12].isdigit() and int(n[:12]) > rung]
        if Path(directory).name == "curve":
            beyond = [n for n in names if _stretch(Path(directory, n)).images > rung]
        return [*beyond, *(n for n in names if n in ("checkpoints", "runs", "report", "mlflow.db", "mlflow-artifacts"))]

    shutil.copytree(store.path, folder, ignore=later)
    return Store(folder)


def _stretch(path: Path) -> Stretch:
    return unseal(path.read_bytes(), Stretch, f"trials/{path.parent.parent.name}/curve/{path.name}").content


def measure(store: Store, prepared: Prepared, values: dict[tuple[str, int], float], images: int = BUDGET) -> None:
    """Records measurements: (arm, seed) -> primary metric at ``images``."""
    study = prepared.expansion.study
    for trial in prepared.expansion.trials:
        if (trial.arm.name, trial.seed) in values:
            metric = MetricResult(study.primary_metric, values[trial.arm.name, trial.seed], 2.0, {"samples": 64})
            identity = prepared.train_ids[trial.name]
            store.begin(identity, trial.config)
            evaluated = Evaluated(images, (metric,), b"", 1.0, 0.5)
            store.add_evaluation(identity, trial.config, evaluated, study.name)


def patches_of(prepared: Prepared, store: Store) -> tuple[str, str]:
    """The patch size that was stopped, and the one that was not: which is which lies in the numbers of the day."""
    summary = summarise(prepared, store)
    stopped, kept = sorted(("4", "8"), key=lambda size: not summary.arm(f"patch_size={size}").ended_early)
    assert not summary.arm(f"patch_size={kept}").ended_early
    return stopped, kept
