"""The layout of diffusers' ``DiTTransformer2DModel``.

It is the same network, with four differences that weights cannot undo (``docs/parity.md`` has their sizes):

- timestep frequency k is ``10000^(-k / 127)`` there and ``10000^(-k / 128)`` here and in the paper's code;
  ``match_timesteps`` makes a loaded diffusers model follow the paper;
- the norm before a block's MLP takes its epsilon from the config, 1e-5 unless it says otherwise; ours is 1e-6 and the
  exported config says so;
- every block keeps its own timestep and label embedder (one is enough while they are equal);
- in training mode labels are dropped in every block anew; use it in evaluation mode.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from dit_core.errors import UserError
from dit_core.interop.layout import PAPERS_NETWORK, Layout, Shape, sizes
from dit_core.model.config import ModelConfig
from dit_core.model.norms import NORM_EPS

NULL_CLASS = 1000
"""The label that ``DiTPipeline`` takes for "no class", whatever the number of classes."""

_OUTSIDE = {
    "x_embedder.proj": "pos_embed.proj",
    "final_norm.adaLN_modulation.linear": "proj_out_1",
    "decoder.linear": "proj_out_2",
}
_EMBEDDERS = {
    "t_embedder.mlp.0": "norm1.emb.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "norm1.emb.timestep_embedder.linear_2",
    "y_embedder.embedding_table": "norm1.emb.class_embedder.embedding_table",
}
_INSIDE = {
    "adaLN_modulation.linear": "norm1.linear",
    "attn.proj": "attn1.to_out.0",
    "mlp.fc1": "ff.net.0.proj",
    "mlp.fc2": "ff.net.2",
}
_QKV = ("attn1.to_q", "attn1.to_k", "attn1.to_v")
_TABLE = "norm1.emb.class_embedder.embedding_table.weight"


class Diffusers(Layout):
    """Cuts queries, keys and values apart and repeats the embedders in every block; positions are not stored."""

    name = "diffusers"
    fixed = MappingProxyType({**PAPERS_NETWORK, "mlp_ratio": 4.0})

    def recognises(self, names: Collection[str]) -> bool:
        """Returns whether the tensors are called as diffusers calls them."""
        return "pos_embed.proj.weight" in names and any(name.startswith("transformer_blocks.") for name in names)

    def from_ours(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Maps ours to theirs; the repeated embedders share their memory."""
        found: dict[str, Tensor] = {}
        blocks = _blocks(tensors, "blocks")
        for name, tensor in tensors.items():
            module, kind = name.rsplit(".", 1) if "." in name else (name, "")
            inside = re.match(r"blocks\.(\d+)\.(.+)", module)
            if module in _OUTSIDE:
                found[f"{_OUTSIDE[module]}.{kind}"] = tensor
            elif module in _EMBEDDERS:
                found |= {f"transformer_blocks.{i}.{_EMBEDDERS[module]}.{kind}": tensor for i in range(blocks)}
            elif inside is not None and inside[2] == "attn.qkv":
                for part, third in zip(_QKV, tensor.chunk(3), strict=True):
                    found[f"transformer_blocks.{inside[1]}.{part}.{kind}"] = third
            elif inside is not None and inside[2] in _INSIDE:
                found[f"transformer_blocks.{inside[1]}.{_INSIDE[inside[2]]}.{kind}"] = tensor
            elif name != "pos_embed":
                raise ValueError(f"{name} has no place in the diffusers layout")
        return found

    def to_ours(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Maps theirs to ours.

        Raises:
            UserError: the blocks' embedders differ, as after fine-tuning in diffusers.
        """
        found: dict[str, Tensor] = {}
        for kind in ("weight", "bias"):
            for ours, theirs in _OUTSIDE.items():
                found[f"{ours}.{kind}"] = tensors[f"{theirs}.{kind}"]
            for ours, theirs in _EMBEDDERS.items():
                if f"transformer_blocks.0.{theirs}.{kind}" in tensors:
                    found[f"{ours}.{kind}"] = _only(tensors, f"{theirs}.{kind}")
            for index in range(_blocks(tensors, "transformer_blocks")):
                block = f"transformer_blocks.{index}"
                found[f"blocks.{index}.attn.qkv.{kind}"] = torch.cat(
                    [tensors[f"{block}.{part}.{kind}"] for part in _QKV]
                )
                for ours, theirs in _INSIDE.items():
                    found[f"blocks.{index}.{ours}.{kind}"] = tensors[f"{block}.{theirs}.{kind}"]
        return found

    def model_fields(self, shapes: Mapping[str, Shape]) -> dict[str, Any]:
        """Reads the sizes off the shapes; ``config_fields`` knows what is not to be seen there."""
        wanted = (
            "pos_embed.proj.weight",
            "proj_out_2.weight",
            f"transformer_blocks.0.{_TABLE}",
            "transformer_blocks.0.ff.net.0.proj.weight",
        )
        if any(name not in shapes for name in wanted):
            return {}
        patch, last, table, fc1 = (shapes[name] for name in wanted)
        return sizes(patch, last, table, fc1, _blocks(shapes, "transformer_blocks"))


LAYOUT = Diffusers()


def transformer_config(config: ModelConfig) -> dict[str, Any]:
    """Returns the arguments of the ``DiTTransformer2DModel`` that holds our network, null classes filled up."""
    return {
        "num_attention_heads": config.num_heads,
        "attention_head_dim": config.hidden_size // config.num_heads,
        "in_channels": config.in_channels,
        "out_channels": config.out_channels,
        "num_layers": config.depth,
        "sample_size": config.input_size,
        "patch_size": config.patch_size,
        "num_embeds_ada_norm": max(config.num_classes, NULL_CLASS),
        "norm_type": "ada_norm_zero",
        "norm_eps": NORM_EPS,
        "activation_fn": "gelu-approximate",
        "attention_bias": True,
        "norm_elementwise_affine": False,
    }


def config_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of ``ModelConfig`` that a diffusers ``config.json`` tells beyond the shapes.

    Raises:
        UserError: it describes another network.
    """
    fixed = {
        "norm_type": "ada_norm_zero",
        "activation_fn": "gelu-approximate",
        "attention_bias": True,
        "norm_elementwise_affine": False,
    }
    for key, value in fixed.items():
        if config.get(key, value) != value:
            raise UserError(f"config.json: {key} is {config[key]!r}; a DiT of the paper has {value!r}")
    known = {"input_size": config.get("sample_size"), "num_heads": config.get("num_attention_heads")}
    return {key: value for key, value in known.items() if value is not None}


def fill_null_classes(tensors: Mapping[str, Tensor], num_classes: int) -> dict[str, Tensor]:
    """Returns tensors whose label tables have the null class also in the row where ``DiTPipeline`` looks for it.

    Args:
        tensors: in the layout of diffusers.
        num_classes: classes of the data; the null class is the row behind them.
    """
    missing = NULL_CLASS - num_classes
    if missing <= 0:
        return dict(tensors)
    filled: dict[int, Tensor] = {}  # the tables are one tensor, named once per block
    for name, tensor in tensors.items():
        if name.endswith(_TABLE) and tensor.data_ptr() not in filled:
            filled[tensor.data_ptr()] = torch.cat([tensor, tensor[-1:].expand(missing, -1)])
    return {name: filled[tensor.data_ptr()] if name.endswith(_TABLE) else tensor for name, tensor in tensors.items()}


def rows_in_use(name: str, rows: int, num_classes: int | None) -> int:
    """Returns how many leading rows of a tensor are in use: of a label table that was filled up, not all.

    Args:
        name: the tensor's name in the layout of diffusers.
        rows: rows it has.
        num_classes: classes that the exported network has; None when unknown.
    """
    filled = num_classes is not None and num_classes < NULL_CLASS and rows == NULL_CLASS + 1
    return num_classes + 1 if num_classes is not None and filled and name.endswith(_TABLE) else rows


def match_timesteps(transformer: torch.nn.Module) -> None:
    """Makes a diffusers DiT compute the timestep frequencies of the paper's code, in place.

    diffusers' config cannot say so: loading weights alone leaves the frequencies at ``10000^(-k / 127)``.
    """
    for module in transformer.modules():
        if hasattr(module, "downscale_freq_shift"):
            setattr(module, "downscale_freq_shift", 0)  # noqa: B010 (modules declare no such attribute)


def _blocks(names: Collection[str], prefix: str) -> int:
    return len({match[1] for name in names if (match := re.match(rf"{prefix}\.(\d+)\.", name))})


def _only(tensors: Mapping[str, Tensor], theirs: str) -> Tensor:
    """Returns the tensor that every block holds a copy of."""
    first = tensors[f"transformer_blocks.0.{theirs}"]
    for index in range(1, _blocks(tensors, "transformer_blocks")):
        name = f"transformer_blocks.{index}.{theirs}"
        if not torch.equal(tensors[name], first):
            apart = (tensors[name] - first).abs().max().item()
            raise UserError(
                f"{name} differs from that of block 0 by up to {apart:.3g}: blocks with embedders of their own, "
                "as after fine-tuning in diffusers, are not the paper's network and cannot be loaded"
            )
    return first
