"""The pointwise network of a block."""

from __future__ import annotations

from dit_core.parts import MLPS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="mlp",
    title="MLP",
    description="the pointwise network of every block: its activation, or a gated network, at equal parameters",
    citation="GELU: Hendrycks & Gimpel, arXiv 1606.08415; SwiGLU: Shazeer, arXiv 2002.05202; ReLU: Vaswani et al., "
    "arXiv 1706.03762, equation 2; SiLU: Elfwing et al., arXiv 1702.03118",
    fields=("model.mlp",),
    vocabulary=(
        "feedforward type", "pointwise feedforward",
        "ffn type", "feed forward design", "function between the two linear layers", "between the two linear maps",
        "hidden activation", "hidden non linearity", "gated mlp", "gated feed forward", "transfer function",
        "squashing function", "point wise network", "feed forward block", "non linearity", "nonlinearity",
        "feed forward non linearity", "gated linear unit", "glu", "gated", "feed forward sublayer", "pointwise",
        "tanh approximation", "hidden layer", "activations", "parameters stay equal", "equal parameters",
        "hidden width", "nonlinear", "gating",
    ),
    unlike=(
        "expansion ratio", "mlp ratio", "hidden expansion", "hidden width of the mlp", "width of the mlp",
        "mlp width", "mlp expansion", "mlp head", "mlp decoder", "gated residual", "residual gate", "mlp dropout",
        "timestep mlp", "modulation mlp", "conditioning mlp", "embedding mlp", "adaln mlp", "shared mlp",
    ),
    aliases=(
        "feed forward nonlinearity", "mlp activation type", "mlp design", "mlp architecture",
        "feed forward variant", "feed forward type", "ffn activation", "ffn variant", "hidden nonlinearity",
        "activation in the mlp", "nonlinearity of the mlp", "nonlinearity in the mlp", "activation of the mlp",
        "act layer", "hidden activation", "mlp non linearity", "mlp type", "mlp block", "mlp activation",
        "mlp variant", "pointwise network", "pointwise mlp", "feed forward", "feed forward network", "feedforward",
        "feedforward network", "feed forward layer", "ffn", "activation", "activation function", "nonlinearity",
        "non linearity", "mlp activation function", "mlp nonlinearity", "feed forward activation",
    ),
    legal=MLPS.names,
    tried=("gelu", "swiglu"),
    value_aliases={
        "gelu": (
            "ge lu", "plain gelu", "gelu tanh", "gaussian error linear unit", "ungated gelu",
            "tanh approximated gelu", "tanh gelu", "approximate gelu", "gelu approximate",
        ),
        "gelu-exact": ("exact gelu", "erf gelu", "gelu erf", "gelu none", "gelu with the error function"),
        "relu": (
        "rectified linear",
"re lu", "rectified linear unit", "rectifier"),
        "silu": ("si lu", "swish", "sigmoid linear unit", "ungated silu", "ungated swish"),
        "swiglu": (
        "llama style mlp",

            "swiglu gating", "swish gated linear units", "silu gated mlp", "gated silu mlp", "swiglu mlp",
            "swiglu ffn", "gated linear unit with swish", "gated linear unit with silu", "swiglu feed forward",
            "gated swiglu", "swi glu", "swish glu", "silu glu", "swish gated linear unit",
            "silu gated linear unit", "swish gated", "gated silu",
        ),
    },
    anyway=(
        "swiglu",
        r"(?:(?:with\s+|the\s+)*(?:mlp\s+|ffn\s+)?(?:hidden\s+)?(?:dim(?:ension)?|width|size|layer)\s+(?:is\s+)?"
        r"(?:scaled|reduced|multiplied|set|shrunk|adjusted|cut)\s+(?:down\s+)?(?:by|to)\s+(?:a factor of\s+)?"
        r"(?:2\s*/\s*3|two[- ]thirds)(?:\s+(?:for|to|so that|keeping)\s+"
        r"(?:(?!\b(?:not|more|less|rate|depth|layers?|blocks?|heads?)\b)[^()\d])*)?"
        r"|(?:(?:with|at|for)\s+)?(?:equal|matched|the same|comparable)\s+(?:number of\s+)?"
        r"param(?:eter)?s?(?:\s+count)?|param(?:eter)?(?:\s+count)?[- ](?:matched|parity))",
    ),
    remove_means="every block has one; use REPLACE",
)  # fmt: skip
