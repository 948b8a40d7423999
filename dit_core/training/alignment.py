"""What aligning tokens with given features needs (REPA: Yu et al., arXiv 2410.06940); the term is in ``loss.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dit_core.errors import UserError

if TYPE_CHECKING:
    from dit_core.config import TrialConfig


def check_alignment(config: TrialConfig) -> None:
    """Makes sure that there are features, a block and a width to align, or none of them.

    Raises:
        UserError: some are there and others not.
    """
    model, weight = config.model, config.training.alignment_weight
    on = {
        "training.alignment_weight": weight > 0,
        "model.alignment_layer": model.alignment_layer > 0,
        "model.alignment_width": model.alignment_width > 0,
    }
    if len(set(on.values())) > 1:
        given = [name for name, value in on.items() if value]
        lacking = [name for name, value in on.items() if not value]
        raise UserError(f"{lacking[0]}: 0 given beside {given[0]}; tokens are aligned with all of {', '.join(on)}")
    if weight == 0:
        return
    if model.alignment_layer > model.depth:
        raise UserError(
            f"model.alignment_layer: {model.alignment_layer} given, but there are {model.depth} blocks; allowed: 1 to "
            f"{model.depth}"
        )
    if config.data.features is None:
        raise UserError(
            "data.features: none given, but training.alignment_weight aligns tokens with features of the training "
            "images; give a file of them, or weight 0"
        )
