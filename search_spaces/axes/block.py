"""How the condition (timestep and class) enters a transformer block."""

from __future__ import annotations

from dit_core.parts import BLOCKS
from search_spaces.axes.choice import ChoiceAxis

BLOCK_ALIASES = {
    "in-context": (
        "in context block", "condition as tokens", "conditioning tokens", "concatenated to the sequence",
        "extra sequence tokens", "prefix tokens", "token concatenation", "extra context tokens",
        "in context conditioning", "in context tokens", "incontext", "context tokens", "extra tokens",
        "additional tokens", "additional input tokens", "extra input tokens", "condition tokens",
        "appended tokens", "prepended tokens", "tokens appended to the sequence", "as input tokens",
    ),
    "cross-attention": (
        "cross attention block", "cross attention layer", "multi head cross attention",
        "attention over the condition", "attend to the condition", "attending to the condition",
        "attention to the condition", "cross attention conditioning", "cross attn", "crossattention", "xattn",
        "cross attention to the concatenated embeddings",
    ),
    "adaln": (
        "vanilla adaln", "adaln only", "ordinary adaln", "non zero adaln", "adaln without zero initialised gates",
        "adaln without the zero initialisation", "adaln without the zero init", "ada ln", "adaptive layer norm",
        "adaptive layernorm", "adaptive layer normalization", "adaptive layer normalisation",
        "adaln without zero initialization", "adaln without zero initialisation", "adaln without zero init",
        "without identity initialization", "without identity initialisation", "without the scaling parameters",
        "without residual scaling", "without zero initialized residual scaling", "without the residual gates",
        "no alpha", "no gating", "without gating", "no gates", "shift and scale only", "scale and shift only",
        "only scale and shift",
        "regresses only gamma and beta", "no identity initialization", "no identity initialisation",
        "adaln without gating", "adaln without gates", "plain adaln", "adaln without zero", "ungated adaln",
    ),
    "adaln-zero": (
        "adaln zero block", "ada ln zero", "adalnzero", "adaptive layer norm zero", "adaptive layernorm zero",
        "adaptive layer normalization zero", "zero initialized adaln", "zero initialised adaln",
        "adaln with zero initialization", "adaln with zero initialisation", "adaln with zero init",
    ),
    "adaln-single": (
        "mlp shared across blocks",
        "global adaln", "one shared adaln", "shared modulation", "adaln single modulation", "ada ln single",
        "adalnsingle", "single adaln", "shared adaln", "pixart adaln", "adaln with shared modulation",
        "adaln with one shared modulation", "adaptive layer norm single", "adaptive layernorm single",
    ),
}  # fmt: skip

BLOCK_WORDS = ("block", "conditioning", "transformer block", "layer", "condition injection")

BLOCK_VOCABULARY = (
    "gated residual modulation", "modulation parameters", "modulation mlp", "fuse the condition", "fused",
    "fusion", "conditioning vector", "regress scale and shift", "embeddings into every block",
    "timestep and class embeddings", "adaln branch", "how the condition reaches the blocks",
    "condition reaches the blocks", "how the class reaches the blocks", "way the class enters",
    "way in which the condition enters", "how blocks are conditioned", "how the blocks see",
    "how timestep and class reach", "reaches the blocks", "condition gets into", "feeding in the condition",
    "route of the condition", "class and timestep", "timestep and class", "timestep and label", "time and class",
    "label and timestep", "class and time", "condition", "conditional information", "inject", "injection",
    "injection of the condition", "timestep and label injection", "way the condition enters", "enters each block",
    "enters the blocks", "conditioning pathway", "modulation", "adaptive normalisation", "adaptive normalization",
    "adaptive", "scale and shift", "shift and scale", "condition embeddings", "conditioning inside the blocks",
    "conditional", "modulates", "conditioning signal",
)  # fmt: skip

AXIS = ChoiceAxis(
    name="block",
    title="Transformer block",
    description="how timestep and class enter every block",
    citation="Peebles & Xie, arXiv 2212.09748, section 3.2 and Figure 5; adaln-single: Chen et al., PixArt-alpha, "
    "arXiv 2310.00426, section 2.3",
    fields=("model.block",),
    vocabulary=BLOCK_VOCABULARY,
    unlike=("condition number", "conditioning dropout", "label conditioning", "class conditioning itself",),
    aliases=(
        "transformer block design", "dit block variant", "conditioning layer", "adaln block",
        "modulation mechanism", "modulation scheme", "conditioning route", "adaptive layer norm conditioning",
        "adaln zero conditioning", "adaln conditioning", "adaln modulation", "adaln zero mechanism",
        "transformer block architecture", "dit block", "block design", "block type", "block architecture",
        "conditioning block", "block variant", "dit block design",
    ),
    legal=BLOCKS.names,
    tried=("in-context", "cross-attention", "adaln", "adaln-zero"),
    value_aliases=BLOCK_ALIASES,
    around=BLOCK_WORDS,
    remove_value="in-context",
    remove_means="plain transformer blocks: the condition enters as two extra tokens (in-context)",
)  # fmt: skip
