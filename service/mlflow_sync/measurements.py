"""The artifact that says of every evaluation of a trial how it was made and what it came to. No MLflow here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dit_core.diffusion.samplers import sampler_name
from dit_core.events import MetricResult
from search_spaces.types import Trial
from service.mlflow_sync.content import as_json
from service.records.kinds import plain
from service.records.measurements import StoredMetric
from service.records.results import TrialResult


def evaluations_json(result: TrialResult, milestones: Sequence[int]) -> str:
    """Returns every evaluation at the study's milestones, in order, with what it was computed by and on.

    What a record does not say (an earlier version wrote less) is null.
    """
    trial = result.trial
    return as_json(
        {
            "trial": trial.name,
            "train_id": result.train_id,
            "evaluations": [
                {"images": images, **_sampling(trial), **_measured(metric)}
                for images in milestones
                for _, metric in sorted(result.evaluations.get(images, {}).items())
            ],
        }
    )


def _sampling(trial: Trial) -> dict[str, Any]:
    evaluation = trial.config.evaluation
    return {
        "sampler": sampler_name(trial.config.diffusion.objective, evaluation.sampler),
        "sampling_steps": evaluation.sampling_steps,
        "guidance_scale": evaluation.guidance_scale,
        "guidance_channels": evaluation.guidance_channels,
        "guidance_interval": evaluation.guidance_interval,
        "labels": evaluation.labels,
        "ema_decay": trial.config.evaluated_decay if evaluation.ema_length is None else None,
        "ema_length": evaluation.ema_length,
    }


def _measured(metric: MetricResult) -> dict[str, Any]:
    found = {
        "metric": metric.name,
        "value": plain(metric.value),
        "floor": plain(metric.floor),
        "samples": metric.details.get("samples"),
        "reference": metric.details.get("reference"),
        "reference_sha256": metric.details.get("reference_sha256"),
        "details": plain(metric.details),
    }
    if isinstance(metric, StoredMetric):
        hardware = metric.hardware
        found |= {
            "hardware": None if hardware is None else hardware.model_dump(mode="json"),
            "sample_seconds": metric.sample_seconds,
            "score_seconds": metric.score_seconds,
            "paid_by_study": metric.study,
            "written": metric.written,
        }
    return found
