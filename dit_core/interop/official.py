"""The layout of the paper's code (``models.py`` of facebookresearch/DiT), which the released weights have."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

from dit_core.interop.layout import Layout, Shape, sizes

_RENAMED = (
    # ours, theirs: an activation and a linear in one ``Sequential``; norm and decoder in one final layer
    ("adaLN_modulation.linear.", "adaLN_modulation.1."),
    ("final_norm.adaLN_modulation.", "final_layer.adaLN_modulation."),
    ("decoder.linear.", "final_layer.linear."),
)


class Official(Layout):
    """Differs from ours in three names; every tensor is the same."""

    name = "official"

    def recognises(self, names: Collection[str]) -> bool:
        """Returns whether the tensors are called as the paper's code calls them."""
        return "x_embedder.proj.weight" in names and any(name.startswith("final_layer.") for name in names)

    def from_ours(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Renames ours to theirs."""
        return {_official(name): tensor for name, tensor in tensors.items()}

    def to_ours(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Renames theirs to ours."""
        return {_ours(name): tensor for name, tensor in tensors.items()}

    def model_fields(self, shapes: Mapping[str, Shape]) -> dict[str, Any]:
        """Reads the sizes off the shapes; the heads are not to be seen there."""
        wanted = (
            "x_embedder.proj.weight",
            "final_layer.linear.weight",
            "y_embedder.embedding_table.weight",
            "blocks.0.mlp.fc1.weight",
        )
        if any(name not in shapes for name in wanted):
            return {}
        patch, last, table, fc1 = (shapes[name] for name in wanted)
        depth = len({match[1] for name in shapes if (match := re.match(r"blocks\.(\d+)\.", name))})
        fields = sizes(patch, last, table, fc1, depth)
        if "pos_embed" in shapes:
            fields["input_size"] = round(shapes["pos_embed"][1] ** 0.5) * patch[2]
        return fields


LAYOUT = Official()


def _official(name: str) -> str:
    for ours, theirs in _RENAMED:
        name = name.replace(ours, theirs)
    return name


def _ours(name: str) -> str:
    for ours, theirs in reversed(_RENAMED):
        name = name.replace(theirs, ours)
    return name
