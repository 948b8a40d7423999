"""Profiles: a baseline with everything around it that makes it a sensible study at one scale."""

from __future__ import annotations

from dit_core.config import TrialConfig
from dit_core.data.config import DataConfig
from dit_core.diffusion.config import DiffusionConfig
from dit_core.metrics.config import EvaluationConfig
from dit_core.model.config import ModelConfig
from dit_core.parts import METRICS
from dit_core.registry import Registry
from dit_core.training.config import TrainingConfig
from search_spaces.pixel_profiles import PIXELS, SMALL_LATENTS
from search_spaces.profile import Profile, Size
from search_spaces.study_defaults import STUDY_DEFAULTS

__all__ = ["DIGITS", "PAPER", "PROFILES", "Profile", "Size"]


PAPER = Profile(
    name="paper",
    description="DiT-XL/2 on 32x32x4 latents of 256x256 ImageNet, as published (arXiv 2212.09748)",
    build=lambda: TrialConfig(
        model=ModelConfig(),
        data=DataConfig(name="latents", image_size=256, random_flip=True, vae="stabilityai/sd-vae-ft-ema"),
        training=TrainingConfig(tf32=True, log_every_steps=200),
        evaluation=EvaluationConfig(metrics=("fid",), num_samples=50_000, sampling_steps=250),
    ),
    sizes={"S": Size(384, 12, 6), "B": Size(768, 12, 12), "L": Size(1024, 24, 16), "XL": Size(1152, 28, 16)},
    patch_sizes=(2, 4, 8),
    study=STUDY_DEFAULTS["paper"],
)

DIGITS = Profile(
    name="digits",
    description="a small DiT on 8x8 scikit-learn digits: a whole study within minutes on two CPU cores",
    build=lambda: TrialConfig(
        model=ModelConfig(
            input_size=8, in_channels=1, patch_size=2, hidden_size=72, depth=7, num_heads=4, num_classes=10
        ),
        data=DataConfig(name="digits", image_size=8),
        # 8x8 images are lost in much less noise than 256x256 ones (Hoogeboom et al., arXiv 2301.11093)
        diffusion=DiffusionConfig(beta_end=0.01),
        training=TrainingConfig(batch_size=64, learning_rate=4e-3, beta2=0.95, ema_warmup=True),
        evaluation=EvaluationConfig(metrics=("fd_digits_cnn",), num_samples=512, sampling_steps=50, batch_size=128),
    ),
    sizes={"S": Size(24, 3, 2), "B": Size(48, 3, 4), "L": Size(64, 6, 4), "XL": Size(72, 7, 4)},
    patch_sizes=(2, 4, 8),
    study=STUDY_DEFAULTS["digits"],
    metric_substitutes={
        name: (
            "fd_digits_cnn",
            "the Fréchet distance in the features of a small digits classifier, since those of "
            f"{'DINOv2' if name == 'fd_dinov2' else 'Inception-v3'} mean nothing on 8x8 grey images",
        )
        for name in METRICS.names()
        if name != "fd_digits_cnn"
    },
)


class _Profiles(Registry[Profile]):
    """Profiles; what a study takes from one is known to studies as soon as it is registered."""

    def add(self, name: str, item: Profile) -> None:
        """Registers a profile."""
        super().add(name, item)
        STUDY_DEFAULTS[name] = dict(item.study)

    def remove(self, name: str) -> None:
        """Takes out a profile that came from outside."""
        super().remove(name)
        STUDY_DEFAULTS.pop(name, None)


PROFILES = _Profiles(
    "profile",
    {profile.name: profile for profile in (PAPER, DIGITS, *PIXELS, SMALL_LATENTS)},
    instance_of="search_spaces.profiles:Profile",
)
