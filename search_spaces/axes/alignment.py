"""Aligning a block's tokens with features of another network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes.number import NumberAxis
from search_spaces.profiles import Profile

_SHARE = 8 / 28
"""REPA aligns after the 8th of XL's 28 blocks."""


@dataclass(frozen=True, kw_only=True)
class AlignmentAxis(NumberAxis):
    """Sets the weight, and with it which block is aligned and how wide the features are."""

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns weight, block and width.

        Raises:
            UserError: no features are given, or they cannot be read.
        """
        layer = width = 0
        if value > 0:
            if baseline.data.features is None:
                raise UserError(
                    f"{self.name}: {self.label(value)} needs features of the training images; set data.features in the "
                    "baseline's overrides to a file of them"
                )
            from dit_core.data.features import width_of  # PyTorch: whoever lists the axes need not wait for it

            layer = baseline.model.alignment_layer or max(1, round(baseline.model.depth * _SHARE))
            width = width_of(baseline.data.features)
        return {
            "training.alignment_weight": value,
            "model.alignment_layer": layer,
            "model.alignment_width": width,
        }


AXIS = AlignmentAxis(
    name="alignment",
    title="Representation alignment",
    description="weight of the similarity between a block's tokens and given features (data.features) in the loss",
    citation="Yu et al., REPA, arXiv 2410.06940, section 3.2",
    fields=("training.alignment_weight", "model.alignment_layer", "model.alignment_width"),
    adapts=("model.alignment_layer", "model.alignment_width"),
    aliases=(
        "repa alignment", "representation alignment objective", "repa regularizer", "dino alignment",
        "dinov2 alignment", "representation loss", "alignment coefficient", "repa coefficient",
        "alignment to dinov2", "feature alignment loss", "repa", "representation alignment loss",
        "representation alignment weight", "feature alignment", "alignment loss", "alignment weight", "repa loss",
        "repa weight", "alignment regularization", "alignment with dinov2 features",
        "alignment with dino features", "self supervised alignment",
    ),
    vocabulary=(
        "align with dinov2", "dino features", "auxiliary alignment", "feature distillation loss",
        "pull towards pretrained features", "repa coeff", "proj coeff", "projection loss", "external encoder",
        "regularise with features", "semantic features", "encoder features",
        "align features", "pull towards dinov2", "pull of intermediate tokens", "towards features",
        "features of a frozen encoder", "frozen encoder", "frozen features", "external features",
        "borrowed features", "match features", "feature matching loss", "teacher features", "dinov2 features",
        "pretrained features", "alignment with a frozen encoder", "hidden states with dinov2", "dinov2", "dino",
        "mae features", "clip features", "self supervised features", "visual encoder", "cosine similarity",
        "projector", "projection head", "pretrained representation", "aligned", "align",
    ),
    unlike=("fd dinov2", "dinov2 distance", "text alignment", "alignment of text"),
    group="optimisation",
    suggested=(0.0, 0.5),
    remove_value=0.0,
    remove_means="no alignment",
    add_values=(0.5,),
    add_means="alignment with the given features",
)  # fmt: skip
