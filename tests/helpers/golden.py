"""Golden losses: what short, deterministic trainings lose, one for every variant that changes the numbers.

``PYTHONPATH=tests/helpers python -m golden`` adds the losses of new variants to the file. It changes a stored number
only after a numerics version that the case uses was raised (``dit_core.identity.NUMERICS_VERSION``, or the ``numerics``
of a part in ``dit_core.parts``), and refuses otherwise.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numerics
import torch
from given_features import WIDTH, digits_features
from small_trials import curve, tiny

from dit_core.config import TrialConfig
from dit_core.parts import NAMED_BY
from dit_core.registry import Parts
from dit_core.training.loop import run

FILE = Path(__file__).parents[1] / "dit_core" / "data" / "golden_losses.json"
STEPS, BATCH, WINDOW = 12, 32, 6

Point = tuple[int, float, float, float]
"""Images seen, and the mean loss, squared error and variational term of the window before."""

REGISTRIES: dict[str, Parts[Any, Any]] = {
    field: parts for field, parts in NAMED_BY.items() if field.startswith(("model.", "diffusion.", "training."))
}
"""Fields whose every value has a golden loss."""

VALUES: dict[str, Any] = {
    "model.patch_size": 2,
    "model.hidden_size": 32,
    "model.depth": 3,
    "model.num_heads": 3,
    "model.mlp_ratio": 2.0,
    "model.class_conditional": False,
    "model.learn_sigma": False,
    "model.qk_norm": True,
    "model.registers": 2,
    "model.long_skips": True,
    "model.shared_blocks": 0,
    "diffusion.num_timesteps": 100,
    "diffusion.beta_start": 1e-3,
    "diffusion.beta_end": 0.01,
    "diffusion.min_snr_gamma": 1.0,
    "training.batch_size": 16,
    "training.learning_rate": 3e-3,
    "training.warmup_images": 128,
    "training.decay_images": 192,
    "training.beta1": 0.5,
    "training.beta2": 0.9,
    "training.weight_decay": 1.0,
    "training.class_dropout": 0.5,
    "training.gradient_clip": 0.1,
    "training.mask_ratio": 0.5,
    "training.alignment_weight": 0.5,
    "training.attention_dropout": 0.5,
    "training.mlp_dropout": 0.5,
    "data.random_flip": True,
}
"""Fields with many values, and one other than the default that has a golden loss."""

WITH: dict[str, dict[str, Any]] = {
    "diffusion.objective=flow": {"model.learn_sigma": False},
    "training.learning_rate_schedule=linear": {"training.decay_images": STEPS * BATCH},
    "training.learning_rate_schedule=cosine": {"training.decay_images": STEPS * BATCH},
    "training.decay_images=192": {"training.learning_rate_schedule": "linear"},
    "training.alignment_weight=0.5": {"model.alignment_layer": 1, "model.alignment_width": WIDTH, "data.features": "-"},
    "training.mask_ratio=0.5": {"model.mask_token": True},
    # a difference of 5e-4 in the activation shows in the loss once the hidden values are large
    "model.mlp=gelu-exact": {"training.learning_rate": 3e-2, "model.gate_init": "ones"},
    "diffusion.min_snr_gamma=1.0": {"diffusion.loss_weighting": "min-snr"},
}
"""What a case needs besides."""


def config_of(settings: dict[str, Any]) -> TrialConfig:
    """Returns the small trial with dotted fields set."""
    sections: dict[str, dict[str, Any]] = {
        "model": {"depth": 2, "hidden_size": 24},
        # fast enough for what zero-initialised gates and decoders hide at first to show
        "training": {"log_every_steps": WINDOW, "batch_size": BATCH, "learning_rate": 1e-2},
    }
    for field, value in settings.items():
        section, _, leaf = field.partition(".")
        sections.setdefault(section, {})[leaf] = value
    return tiny(0, **sections)


def cases() -> dict[str, TrialConfig]:
    """Returns every case by name: the baseline, and each variant of each field alone."""
    baseline = config_of({})
    found = {"baseline": baseline}
    named = [(field, value) for field, registry in REGISTRIES.items() for value in registry]
    for field, value in (*named, *VALUES.items()):
        name = f"{field}={value}"
        config = config_of({**WITH.get(name, {}), field: value})
        if config != baseline:
            found[name] = config
    return found


def losses(config: TrialConfig) -> list[Point]:
    """Trains a case, on one thread, and returns its curve."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if config.data.features is not None:
            features = digits_features(Path(folder) / "features.safetensors")
            config = config.model_copy(update={"data": config.data.model_copy(update={"features": features})})
        until = STEPS * config.training.batch_size
        points = list(curve(run(config, Path(folder), until=until, evaluate=False, device=torch.device("cpu"))))
    return [(point.images, point.loss, point.mse, point.vb) for point in points]


def stored() -> tuple[dict[str, Any], dict[str, list[Point]]]:
    """Returns the file, for its numerics versions, and its losses."""
    content = json.loads(FILE.read_text())
    return content, {name: [tuple(point) for point in points] for name, points in content["losses"].items()}


def tolerance(name: str) -> float:
    """How far, relatively, another CPU's losses may be off: Muon multiplies in bfloat16."""
    return 3e-4 if name == "training.optimizer=muon" else 1e-5


def distance(left: list[Point], right: list[Point]) -> float:
    """Returns the largest relative difference of two curves; infinity where they have other points."""
    if [point[0] for point in left] != [point[0] for point in right]:
        return float("inf")
    pairs = [(a, b) for one, other in zip(left, right, strict=True) for a, b in zip(one[1:], other[1:], strict=True)]
    return max(abs(a - b) / max(abs(a), abs(b)) if a != b else 0.0 for a, b in pairs)


def renew(
    content: Mapping[str, Any],
    old: Mapping[str, list[Point]],
    new: Mapping[str, list[Point]],
    configs: Mapping[str, TrialConfig],
) -> dict[str, list[Point]]:
    """Returns what the file should say.

    Args:
        content: the file, for the numerics versions that it was written under.
        old: the losses in the file.
        new: the losses of this code.
        configs: the trials that lose them.

    Raises:
        SystemExit: a number changed under the same numerics versions.
    """
    kept = [name for name in new if name in old and not numerics.raised(content, configs[name])]
    changed = [name for name in kept if distance(old[name], new[name]) > tolerance(name)]
    if changed:
        raise SystemExit(
            f"refused: the losses of {', '.join(changed)} changed, but no numerics version that they use was raised; "
            "if that is on purpose, raise NUMERICS_VERSION in dit_core/identity.py, or the numerics of the part in "
            "dit_core/parts.py, and come again; if not, find out why"
        )
    return {name: old[name] if name in kept else points for name, points in new.items()}


def main() -> None:
    """Renews the file."""
    configs, (content, old) = cases(), stored()
    new = {}
    for name, config in configs.items():
        new[name] = losses(config)
        print(name, new[name][-1], file=sys.stderr)
    lines = [
        f"  {json.dumps(name)}: {json.dumps(points)}" for name, points in renew(content, old, new, configs).items()
    ]
    now = numerics.versions()
    head = "".join(
        f" {json.dumps(key)}: {json.dumps(now[key])},\n" for key in (numerics.CORE, numerics.PARTS) if now[key]
    )
    FILE.write_text(f'{{\n{head} "losses": {{\n' + ",\n".join(lines) + "\n }\n}\n")


if __name__ == "__main__":
    main()
