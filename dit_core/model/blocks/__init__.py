"""Conditioning blocks by name. To add one: a new file with a ``Block`` and one line here."""

from __future__ import annotations

from dit_core.model.blocks.adaln import AdaLNBlock
from dit_core.model.blocks.adaln_single import AdaLNSingleBlock
from dit_core.model.blocks.adaln_zero import AdaLNZeroBlock
from dit_core.model.blocks.base import Block, Common
from dit_core.model.blocks.cross_attention import CrossAttentionBlock
from dit_core.model.blocks.in_context import InContextBlock
from dit_core.registry import Registry

BLOCKS: Registry[type[Block]] = Registry(
    "block",
    {
        "in-context": InContextBlock,
        "cross-attention": CrossAttentionBlock,
        "adaln": AdaLNBlock,
        "adaln-zero": AdaLNZeroBlock,
        "adaln-single": AdaLNSingleBlock,
    },
)

__all__ = ["BLOCKS", "Block", "Common"]
