"""The normalisation in the blocks and before the decoder."""

from __future__ import annotations

from dit_core.parts import NORMS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="norm",
    title="Normalisation",
    description="what normalises tokens in the blocks and before the decoder, modulated by the condition or not",
    citation="LayerNorm: Ba et al., arXiv 1607.06450; RMSNorm: Zhang & Sennrich, arXiv 1910.07467",
    fields=("model.norm",),
    aliases=("normalization", "norm type", "norm layer", "normalization layer", "normalisation layer"),
    legal=NORMS.names,
    value_aliases={
        "layernorm": ("layer norm", "ln", "layer normalization", "layer normalisation"),
        "rmsnorm": ("rms norm", "rms", "rms normalization", "rms normalisation", "rms layer norm",
                    "root mean square norm", "root mean square normalization", "root mean square normalisation",
                    "root mean square layer normalization", "root mean square layer normalisation"),
    },
    remove_means="it is what the modulation acts on; use REPLACE",
)  # fmt: skip
