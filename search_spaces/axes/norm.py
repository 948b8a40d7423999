"""The normalisation in the blocks and before the decoder."""

from __future__ import annotations

from dit_core.parts import NORMS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="norm",
    title="Normalisation",
    description="what normalises tokens in the blocks and before the decoder, modulated by the condition or not",
    citation="LayerNorm: Ba et al., arXiv 1607.06450; RMSNorm: Zhang & Sennrich, arXiv 1910.07467; GroupNorm: Wu & He, "
    "arXiv 1803.08494",
    fields=("model.norm",),
    aliases=(
        "normalisation layers", "normalization layers", "pre norm layer", "norm layers", "normaliser",
        "normalizer", "norm in the blocks", "normalisation function", "normalization function", "normalization",
        "norm type", "norm layer", "normalization layer", "normalisation layer", "normalization type",
        "normalisation type", "normalization scheme", "feature normalization",
    ),
    vocabulary=(
        "layer normalization", "root mean square normalisation", "norm variant", "recentering",
        "normalization function", "pre normalization layer", "layer that normalises", "normalising layer",
        "normalizing layer", "type of normalisation", "normalisation in the blocks",
        "layer normalization in the blocks", "pre norm", "normalised", "normalized", "mean subtraction",
        "root mean square", "statistics", "ln", "gn", "bn", "layer normalisation", "normaliser", "normalizer",
        "normalises activations", "normalized activations", "normalisation before", "recentring", "rescaling",
        "rms",
    ),
    unlike=(
        "normalization of q and k", "normalisation of q and k", "adaln", "adaptive layer norm",
        "query key normalization", "qk norm", "normalized gradients", "gradient norm", "norm of the gradient",
        "layer norm zero", "latent normalization", "query key norm", "query key normalisation",
        "norm of queries and keys", "normalisation of queries and keys", "normalization of queries and keys",
        "adaptive layer normalization", "adaptive layer normalisation", "adaptive normalisation",
        "adaptive normalization", "batch statistics",
    ),
    legal=NORMS.names,
    tried=("layernorm", "rmsnorm"),
    value_aliases={
        "layernorm": ("layer norms",
                    "layer norm", "ln", "layer normalization", "layer normalisation"),
        "groupnorm": ("group norms",
                    "group norm", "group normalization", "group normalisation", "gn"),
        "rmsnorm": (


            "root mean square layer norm", "rms only norm", "rms norm", "rms", "rms normalization",
            "rms normalisation", "rms layer norm", "root mean square norm", "root mean square normalization",
            "root mean square normalisation", "root mean square layer normalization",
            "root mean square layer normalisation",
        ),
    },
    remove_means="it is what the modulation acts on; use REPLACE",
)  # fmt: skip
