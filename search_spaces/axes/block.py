"""How the condition (timestep and class) enters a transformer block."""

from __future__ import annotations

from dit_core.parts import BLOCKS
from search_spaces.axes.choice import ChoiceAxis

BLOCK_ALIASES = {
    "in-context": ("in context conditioning", "in context tokens", "incontext", "context tokens"),
    "cross-attention": ("cross attention conditioning", "cross attn", "crossattention", "xattn"),
    "adaln": (
        "ada ln", "adaptive layer norm", "adaptive layernorm", "adaptive layer normalization",
        "adaptive layer normalisation", "adaln without zero initialization", "adaln without zero initialisation",
        "adaln without zero init",
    ),
    "adaln-zero": (
        "ada ln zero", "adalnzero", "adaptive layer norm zero", "adaptive layernorm zero",
        "adaptive layer normalization zero", "zero initialized adaln", "zero initialised adaln",
        "adaln with zero initialization", "adaln with zero initialisation", "adaln with zero init",
    ),
    "adaln-single": (
        "ada ln single", "adalnsingle", "single adaln", "shared adaln", "pixart adaln", "adaln with shared modulation",
        "adaln with one shared modulation", "adaptive layer norm single", "adaptive layernorm single",
    ),
}  # fmt: skip

BLOCK_WORDS = ("block", "conditioning", "transformer block", "layer", "condition injection")

AXIS = ChoiceAxis(
    name="block",
    title="Transformer block",
    description="how timestep and class enter every block",
    citation="Peebles & Xie, arXiv 2212.09748, section 3.2 and Figure 5; adaln-single: Chen et al., PixArt-alpha, "
    "arXiv 2310.00426, section 2.3",
    fields=("model.block",),
    aliases=("transformer block architecture", "dit block", "block design", "block type", "block architecture",
             "conditioning block", "block variant", "dit block design"),
    legal=BLOCKS.names,
    tried=("in-context", "cross-attention", "adaln", "adaln-zero"),
    value_aliases=BLOCK_ALIASES,
    around=BLOCK_WORDS,
    remove_value="in-context",
    remove_means="plain transformer blocks: the condition enters as two extra tokens (in-context)",
)  # fmt: skip
