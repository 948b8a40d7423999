"""Profiles for images of one's own: ladders of sizes for 16 to 64 pixels, and for latents on a machine or two."""

from __future__ import annotations

from collections.abc import Mapping

from dit_core.config import TrialConfig
from dit_core.data.config import DataConfig
from dit_core.metrics.config import EvaluationConfig
from dit_core.model.config import ModelConfig
from dit_core.training.config import TrainingConfig
from search_spaces.profile import Profile, Size
from search_spaces.study_defaults import STUDY_DEFAULTS

LADDERS: Mapping[int, Mapping[str, Size]] = {
    16: {"S": Size(48, 4, 4), "B": Size(96, 6, 4), "L": Size(144, 8, 6), "XL": Size(192, 10, 6)},
    32: {"S": Size(96, 6, 4), "B": Size(192, 8, 6), "L": Size(288, 10, 6), "XL": Size(384, 12, 6)},
    64: {"S": Size(192, 8, 6), "B": Size(384, 12, 6), "L": Size(512, 14, 8), "XL": Size(768, 16, 12)},
}
"""Pixels -> sizes, smallest first."""
PATCHES = {16: (2, 4, 8), 32: (2, 4, 8), 64: (4, 8, 16)}
_LEARNING_RATES = {16: 1e-3, 32: 5e-4, 64: 2e-4}


def _pixels(side: int) -> Profile:
    first = LADDERS[side]["B"]

    def build() -> TrialConfig:
        return TrialConfig(
            model=ModelConfig(
                input_size=side,
                in_channels=3,
                patch_size=PATCHES[side][0],
                hidden_size=first.hidden_size,
                depth=first.depth,
                num_heads=first.num_heads,
                num_classes=0,
            ),
            data=DataConfig(name="image-folder", image_size=side),
            training=TrainingConfig(batch_size=128, learning_rate=_LEARNING_RATES[side], ema_warmup=True),
            evaluation=EvaluationConfig(metrics=("fid",), num_samples=5000, sampling_steps=50, batch_size=128),
        )

    return Profile(
        name=f"pixels-{side}",
        description=f"a DiT on {side}x{side} pixels of your own images; `dit-ablate init FOLDER` fits it to them",
        build=build,
        sizes=LADDERS[side],
        patch_sizes=PATCHES[side],
        study=STUDY_DEFAULTS[f"pixels-{side}"],
    )


PIXELS = tuple(_pixels(side) for side in LADDERS)

SMALL_LATENTS = Profile(
    name="small-latents",
    description="DiT-S/2 on latents of your own images; `dit-ablate init FOLDER --vae NAME` makes them",
    build=lambda: TrialConfig(
        model=ModelConfig(hidden_size=384, depth=12, num_heads=6),
        data=DataConfig(name="latents", image_size=256, random_flip=True),
        training=TrainingConfig(batch_size=128, tf32=True, ema_warmup=True),
        evaluation=EvaluationConfig(metrics=("fid",), num_samples=5000, sampling_steps=50, batch_size=64),
    ),
    sizes={"S": Size(384, 12, 6), "B": Size(768, 12, 12), "L": Size(1024, 24, 16), "XL": Size(1152, 28, 16)},
    patch_sizes=(2, 4, 8),
    study=STUDY_DEFAULTS["small-latents"],
)
"""The paper's ladder, begun at its lower end."""
