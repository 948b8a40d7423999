"""A study that trains in a blink, as a file, and the command line in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner, Result

from service.cli.app import app

BATCH = 32
TINY = {
    "size": "S",
    "training.batch_size": BATCH,
    "training.log_every_steps": 2,
    "evaluation.num_samples": 64,
    "evaluation.batch_size": 64,
    "evaluation.sampling_steps": 2,
    "evaluation.grid_images": 10,
}
"""Overrides of the digits profile: 3 small blocks, 64 samples of 2 steps."""

_OURS = ("DIT_ABLATE_STORE", "MLFLOW_TRACKING_URI", "RAY_ADDRESS")


def study_data(**changes: Any) -> dict[str, Any]:
    """Plain data of a study of three arms and two seeds; ``changes`` replace its fields."""
    return {
        "name": "tiny",
        "baseline": {"profile": "digits", "overrides": dict(TINY)},
        "ablations": [{"name": "Patch", "axis": "patch_size", "values": [2, 4, 8]}],
        "seeds": [0, 1],
        "budget_images": 4 * BATCH,
        "rungs": [2 * BATCH],
        "policy": {"name": "rungs", "stop_fraction": 0.5},
        **changes,
    }


def overrides(**changes: Any) -> dict[str, Any]:
    """A baseline with further overrides; dots are written as double underscores."""
    more = {key.replace("__", "."): value for key, value in changes.items()}
    return {"profile": "digits", "overrides": {**TINY, **more}}


def write_study(folder: Path, **changes: Any) -> Path:
    """Writes the study as a file."""
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study_data(**changes), sort_keys=False))
    return path


def dit_ablate(*arguments: object, env: Mapping[str, str] | None = None) -> Result:
    """Runs the command in this process; ``stdout`` and ``stderr`` are apart, exceptions are raised."""
    environment: dict[str, str | None] = {**dict.fromkeys(_OURS), "COLUMNS": "160", **(env or {})}
    result = CliRunner().invoke(app, [str(item) for item in arguments], env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
