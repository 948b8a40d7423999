"""Small studies built by hand, so that what is checked with them depends on nothing but the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dit_core.config import TrialConfig
from dit_core.events import Diverged, MetricResult
from search_spaces.study import PolicySpec, Resources, Study
from search_spaces.types import Arm, Expansion
from service.records.results import TrialResult

METRIC = "fd_digits_cnn"


def tiny_config(**changes: Any) -> TrialConfig:
    """A digits model that takes milliseconds a step; ``changes`` are sections, e.g. ``training={...}``."""
    sections: dict[str, dict[str, Any]] = {
        "model": {
            "input_size": 8, "in_channels": 1, "patch_size": 4, "hidden_size": 16, "depth": 1, "num_heads": 2,
            "num_classes": 10,
        },
        "training": {"batch_size": 32, "log_every_steps": 2, "learning_rate": 1e-3, "ema_warmup": True},
        "evaluation": {"num_samples": 64, "sampling_steps": 3, "batch_size": 64, "grid_images": 10},
    }  # fmt: skip
    for name, values in changes.items():
        sections[name] = {**sections.get(name, {}), **values}
    return TrialConfig.model_validate(sections)


def expansion(
    deltas: Mapping[str, Mapping[str, Mapping[str, Any]]],
    *,
    seeds: tuple[int, ...] = (0, 1),
    rungs: tuple[int, ...] = (128, 256),
    budget: int = 384,
    policy: Any = "rungs",
    name: str = "tiny",
    lanes: int | None = None,
    workers: int = 1,
    checkpoint_images: int | None = None,
    keep_checkpoints: str = "needed",
    **base: Any,
) -> Expansion:
    """A study of the baseline and one arm per entry of ``deltas`` (arm name -> config sections to change)."""
    study = Study(
        name=name,
        budget_images=budget,
        rungs=rungs,
        seeds=seeds,
        policy=PolicySpec.model_validate(policy),
        resources=Resources(lanes=lanes, workers=workers),
        checkpoint_images=checkpoint_images,
        keep_checkpoints=keep_checkpoints,
    )
    arms = [Arm("baseline", tiny_config(**base), {}, (), is_baseline=True)]
    for arm, changes in deltas.items():
        merged = {key: {**base.get(key, {}), **changes.get(key, {})} for key in (*base, *changes)}
        arms.append(Arm(arm, tiny_config(**merged), {"arm": arm}, ("by hand",)))
    return Expansion(study, tuple(arms), ())


def result(trial: Any, values: Mapping[int, float], diverged: int | None = None, failed: bool = False) -> TrialResult:
    """What the store would say about a trial measured at some points."""
    return TrialResult(
        trial=trial,
        train_id=trial.name,
        evaluations={images: {METRIC: MetricResult(METRIC, value)} for images, value in values.items()},
        diverged=None if diverged is None else Diverged(diverged, "loss is not finite"),
        failed="it failed" if failed else None,
    )
