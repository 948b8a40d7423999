"""The contract of a weights layout: how another code base names, cuts and stores the tensors of the same network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from torch import Tensor

from dit_core.model.dit import DiT

Shape = tuple[int, ...]

PAPERS_NETWORK: Mapping[str, Any] = MappingProxyType(
    {
        "block": "adaln-zero",
        "decoder": "linear",
        "position": "sincos",
        "norm": "layernorm",
        "qk_norm": False,
        "class_conditional": True,
        "mlp": "gelu",
        "registers": 0,
        "long_skips": False,
        "shared_blocks": 1,
    }
)
"""The fields of ``ModelConfig`` that say which network it is (not how large): what the released weights are of."""

TRAINING_ONLY = ("mask_token", "alignment.")
"""How parameters begin that only training uses: no layout holds them, and nothing that samples misses them."""


def inference_state(model: DiT) -> dict[str, Tensor]:
    """Returns the network's state without what is used in training only: what layouts hold."""
    return {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(TRAINING_ONLY)}


class Layout:
    """One way to lay out the paper's network. Tensors are float32 in both directions and never copied needlessly.

    To add one: write a file with a subclass here, register it in ``dit_core.parts``.

    Attributes:
        name: its name in ``dit_core.parts.LAYOUTS``.
        fixed: fields of ``ModelConfig`` and the only value that the layout can hold.
    """

    name: ClassVar[str]
    fixed: ClassVar[Mapping[str, Any]] = PAPERS_NETWORK

    def recognises(self, names: Collection[str]) -> bool:
        """Returns whether tensors of these names are in this layout."""
        raise NotImplementedError

    def from_ours(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Maps ``DiT.state_dict()`` to this layout; works on meta tensors too, for their names and shapes."""
        raise NotImplementedError

    def to_ours(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Maps complete tensors of this layout to ``DiT.state_dict()``'s names; a table of positions may be absent.

        Raises:
            UserError: the tensors say something that one network of ours cannot.
        """
        raise NotImplementedError

    def model_fields(self, shapes: Mapping[str, Shape]) -> dict[str, Any]:
        """Returns the fields of ``ModelConfig`` that the shapes tell; empty when tensors it needs are absent."""
        raise NotImplementedError


def sizes(patch: Shape, last: Shape, table: Shape, fc1: Shape, depth: int) -> dict[str, Any]:
    """Returns the fields of ``ModelConfig`` that five shapes tell.

    Args:
        patch: the patch embedding's weight, (D, C, p, p).
        last: the last linear's weight, (p * p * C or 2 C, D).
        table: the label table, (classes + 1, D).
        fc1: the first linear of a block's MLP, (hidden, D).
        depth: blocks.
    """
    width, channels, side = patch[0], patch[1], patch[2]
    return {
        "in_channels": channels,
        "patch_size": side,
        "hidden_size": width,
        "depth": depth,
        "mlp_ratio": fc1[0] / width,
        "num_classes": table[0] - 1,
        "learn_sigma": last[0] == 2 * side * side * channels,
    }
