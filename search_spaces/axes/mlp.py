"""The pointwise network of a block."""

from __future__ import annotations

from dit_core.parts import MLPS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="mlp",
    title="MLP",
    description="the pointwise network of every block, at equal parameters",
    citation="GELU: Hendrycks & Gimpel, arXiv 1606.08415; SwiGLU: Shazeer, arXiv 2002.05202",
    fields=("model.mlp",),
    aliases=("mlp type", "mlp block", "mlp activation", "mlp variant", "pointwise network", "pointwise mlp",
             "feed forward", "feed forward network", "feedforward", "feedforward network", "feed forward layer",
             "ffn", "activation", "activation function"),
    legal=MLPS.names,
    value_aliases={
        "gelu": ("ge lu", "plain gelu", "gelu tanh", "gaussian error linear unit", "ungated gelu"),
        "swiglu": ("swi glu", "swish glu", "silu glu", "swish gated linear unit", "silu gated linear unit",
                   "swish gated", "gated silu"),
    },
    remove_means="every block has one; use REPLACE",
)  # fmt: skip
