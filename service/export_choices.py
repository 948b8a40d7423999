"""Which weights of a study are exported, and in which layout."""

from __future__ import annotations

from typing import Required, TypedDict


class ExportChoices(TypedDict, total=False):
    """Which weights, in which layout.

    Attributes:
        layout: ``official`` or ``diffusers``.
        arm: an arm's name; None is the baseline.
        seed: one of the study's seeds; None is the first.
        images: training images seen; None is the newest whole checkpoint.
        decay: which average of the weights; None is the one that evaluation takes, 0 the raw weights.
        vae: hub name or local path of the ``AutoencoderKL`` for a pipeline; None takes ``data.vae``.
    """

    layout: Required[str]
    arm: str | None
    seed: int | None
    images: int | None
    decay: float | None
    vae: str | None
