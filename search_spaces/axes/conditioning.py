"""The conditioning mechanism: the block axis under the name that many plans use."""

from __future__ import annotations

from dit_core.parts import BLOCKS
from search_spaces.axes.block import BLOCK_ALIASES, BLOCK_VOCABULARY, BLOCK_WORDS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="conditioning",
    title="Conditioning mechanism",
    description="modulation against attention to the condition; sets the same field as block, so it shares its arms",
    citation="Peebles & Xie, arXiv 2212.09748, section 3.2 and Figure 5",
    fields=("model.block",),
    vocabulary=BLOCK_VOCABULARY,
    aliases=(
        "condition fusion", "condition injection mechanism", 
        
        "how the condition reaches the blocks", "condition reaches the blocks",
        "how the class reaches the blocks", "way the class enters", "way in which the condition enters",
        "how blocks are conditioned", "how the blocks see", "how timestep and class reach", "reaches the blocks",
        "condition gets into", "feeding in the condition", "route of the condition", "conditioning",
        "conditioning method", "conditioning strategy", "condition injection", "class conditioning mechanism",
        "conditioning approach",
    ),
    legal=BLOCKS.names,
    tried=("adaln", "cross-attention"),
    value_aliases=BLOCK_ALIASES,
    around=BLOCK_WORDS,
    remove_value="in-context",
    remove_means="no conditioning inside the blocks: the condition enters as two extra tokens (in-context)",
)  # fmt: skip
