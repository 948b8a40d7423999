"""How many tokens a training step leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from search_spaces.axes.number import NumberAxis
from search_spaces.profiles import Profile


@dataclass(frozen=True, kw_only=True)
class MaskRatioAxis(NumberAxis):
    """Sets the ratio, and with it whether the network has a mask token."""

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns ratio and mask token."""
        return {"training.mask_ratio": value, "model.mask_token": value > 0}


AXIS = MaskRatioAxis(
    name="mask_ratio",
    title="Mask ratio",
    description="share of the tokens that training leaves out of the blocks, which cuts its cost; evaluation keeps all",
    citation="Zheng et al., MaskDiT, arXiv 2306.09305",
    fields=("training.mask_ratio", "model.mask_token"),
        absent=("unmasked", "all tokens", "no masking",),
    vocabulary=(
        "fraction masked", "hide half of the tokens", "mask rate", "share of tokens hidden", "dropped patches",
        "drop patches", "randomly hidden patches", "train on a subset of tokens", "token sparsity",
        "hide tokens", "tokens hidden", "hiding tokens", "share of hidden tokens", "share of masked tokens",
        "share of tokens masked", "fraction of masked patches", "masked patches", "patches are hidden",
        "drop tokens during training", "tokens dropped in training", "masking of patches", "mask", "masked",
        "masking", "tokens are dropped", "dropped tokens", "tokens are hidden", "hidden tokens",
        "fraction of tokens", "share of tokens", "random tokens", "dropping tokens", "tokens left out",
        "masked training",
    ),
    unlike=("mask token embedding",),
    adapts=("model.mask_token",),
    group="optimisation",
    aliases=(
        "masked token ratio", "token mask ratio", "fraction of masked tokens", "token masking ratio",
        "share of masked tokens", "token drop rate", "token dropout", "patch dropout", "masked modelling",
        "masked modeling", "masked token training", "masked diffusion training", "mask fraction",
        "patch masking ratio", "token drop ratio", "masking", "token masking", "masking ratio", "masked tokens",
        "mask tokens", "token dropping", "masked training", "maskdit", "patch masking",
    ),
    suggested=(0.0, 0.25, 0.5),
    remove_value=0.0,
    remove_means="training sees every token",
    add_values=(0.25, 0.5),
    add_means="some of the tokens left out in training",
)  # fmt: skip
