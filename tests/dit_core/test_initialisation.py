"""The initial network is the recipe's, statement by statement, and the blocks differ only where the paper says.

Recipe (the released code of arXiv 2212.09748): xavier-uniform linears with zero bias, the patch convolution viewed as a
linear; label table and timestep MLP from N(0, 0.02); zero for block adaLN, final adaLN and final linear; fixed 2-D
sin-cos positions; LayerNorm with eps 1e-6, not affine; tanh-approximated GELU; 256 timestep features.
"""

from __future__ import annotations

import math
import re
from itertools import combinations
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from dit_core.model.blocks.base import Block
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.model.embedders import position_table
from dit_core.parts import BLOCKS, DECODERS

SHAPE: dict[str, Any] = {"input_size": 8, "in_channels": 4, "hidden_size": 96, "depth": 2, "num_heads": 4,
                         "num_classes": 200}  # fmt: skip
UNLIKELY = 1e-4
"""Below this probability a sample is not taken for one of the distribution; seeds are fixed, so runs agree."""

LAST_LAYER = {"linear": "linear", "mlp": "linear", "conv": "conv", "conv-upsample": "conv2"}
OWN = {
    "in-context": {r"blocks\.\d\.norm[12]\.(weight|bias)", r"final_norm\.norm\.(weight|bias)"},
    "cross-attention": {
        r"blocks\.\d\.norm[123]\.(weight|bias)",
        r"blocks\.\d\.cross_attn\.(q|k|v|proj)\.(weight|bias)",
        r"final_norm\.norm\.(weight|bias)",
    },
    "adaln": {r"blocks\.\d\.adaLN_modulation\.linear\.(weight|bias)", r"final_norm\.adaLN_modulation\..*"},
    "adaln-zero": {r"blocks\.\d\.adaLN_modulation\.linear\.(weight|bias)", r"final_norm\.adaLN_modulation\..*"},
}
"""The paper's four blocks: the parameters through which each is conditioned, and the norms of the unmodulated ones."""
ZERO = {
    "adaln": {"final_norm.adaLN_modulation.linear.weight"},
    "adaln-zero": {
        "final_norm.adaLN_modulation.linear.weight",
        *(f"blocks.{index}.adaLN_modulation.linear.weight" for index in range(2)),
    },
}
NORMAL = {"y_embedder.embedding_table.weight", "t_embedder.mlp.0.weight", "t_embedder.mlp.2.weight"}


def network(seed: int = 0, **changes: Any) -> DiT:
    torch.manual_seed(seed)
    return DiT(ModelConfig(**{**SHAPE, **changes}))


def bound(weight: Tensor) -> float:
    """Glorot & Bengio's bound for a matrix; a convolution's is its weight's, viewed as (out, everything else)."""
    rows, columns = weight.flatten(1).shape
    return math.sqrt(6 / (rows + columns))


def likely(sample: Tensor, distribution: Any) -> bool:
    return bool(stats.kstest(sample.detach().flatten().numpy(), distribution.cdf).pvalue > UNLIKELY)


def matrices(model: DiT) -> dict[str, Tensor]:
    """The weights of every linear and convolution."""
    return {
        f"{name}.weight": module.weight
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }


@pytest.mark.parametrize("decoder", LAST_LAYER)
@pytest.mark.parametrize("block", OWN)
def test_what_is_zero_what_is_normal_and_that_the_rest_is_xavier_uniform(block: str, decoder: str) -> None:
    model = network(block=block, decoder=decoder)
    zero = {*ZERO.get(block, ()), f"decoder.{LAST_LAYER[decoder]}.weight"}
    found = matrices(model) | {"y_embedder.embedding_table.weight": model.y_embedder.embedding_table.weight}
    assert zero | NORMAL <= found.keys()
    for name, weight in found.items():
        if name in zero:
            assert not weight.any(), name
        elif name in NORMAL:
            assert likely(weight, stats.norm(0, 0.02)), name
        else:
            assert 0.98 * bound(weight) < weight.abs().max().item() <= bound(weight), name
            assert likely(weight, stats.uniform(-bound(weight), 2 * bound(weight))), name
    for name, parameter in model.named_parameters():
        if name.endswith(".bias"):
            assert not parameter.any(), name


def test_the_patch_convolution_is_viewed_as_a_linear() -> None:
    """Its fan-in is a whole patch and its fan-out the width, not the width times the patch."""
    model = network(patch_size=2)
    largest = model.x_embedder.proj.weight.abs().max().item()
    assert math.sqrt(6 / (96 + 4 * 2 * 2)) * 0.98 < largest <= math.sqrt(6 / (96 + 4 * 2 * 2))
    assert largest > 1.5 * math.sqrt(6 / (96 * 4 + 4 * 4))


@pytest.mark.parametrize("block", OWN)
def test_norms_positions_and_features(block: str) -> None:
    model = network(block=block)
    modulated = block.startswith("adaln")
    norms = [module for module in model.modules() if isinstance(module, nn.LayerNorm)]
    assert len(norms) == {"cross-attention": 3}.get(block, 2) * 2 + 1
    for norm in norms:
        assert norm.eps == 1e-6
        assert norm.elementwise_affine == (not modulated)
        if not modulated:
            assert torch.equal(norm.weight, torch.ones(96)) and not norm.bias.any()
    assert model.pos_embed is not None and not model.pos_embed.requires_grad
    assert torch.equal(model.pos_embed, position_table(96, 4))
    assert model.t_embedder.mlp[0].in_features == 256


def test_the_mlp_is_tanh_approximated_gelu() -> None:
    mlp = network().blocks[0].mlp
    x = torch.randn(5, 96)
    with torch.no_grad():
        hidden = x @ mlp.fc1.weight.T
        gelu = 0.5 * hidden * (1 + torch.tanh(math.sqrt(2 / math.pi) * (hidden + 0.044715 * hidden**3)))
        torch.testing.assert_close(mlp(x), gelu @ mlp.fc2.weight.T, rtol=1e-5, atol=1e-6)
        exact = torch.nn.functional.gelu(hidden) @ mlp.fc2.weight.T
        assert (mlp(x) - exact).abs().max() > 1e-5


@pytest.mark.parametrize(("one", "other"), list(combinations(OWN, 2)))
def test_blocks_share_all_parameters_but_their_own(one: str, other: str) -> None:
    left, right = network(block=one).state_dict(), network(block=other).state_dict()

    def own(block: str, names: set[str]) -> set[str]:
        return {name for name in names if any(re.fullmatch(pattern, name) for pattern in OWN[block])}

    common = left.keys() - own(one, set(left))
    assert common == right.keys() - own(other, set(right))
    assert {"x_embedder.proj.weight", "blocks.1.attn.qkv.weight", "blocks.1.mlp.fc2.weight", *NORMAL} <= common
    for name in common:
        assert left[name].shape == right[name].shape
        if left[name].any() or right[name].any():  # equal, or two samples of one distribution
            pair = (left[name].flatten().numpy(), right[name].flatten().numpy())
            assert stats.ks_2samp(*pair).pvalue > UNLIKELY, name


def test_modulations_are_as_wide_as_the_paper_says() -> None:
    widths = {name: network(block=name).blocks[0].adaLN_modulation.linear.out_features / 96 for name in ZERO}
    assert widths == {"adaln": 4, "adaln-zero": 6}


def transplanted(block: str) -> tuple[Block, tuple[Tensor, Tensor, Tensor]]:
    """A block of a kind whose attention and MLP are an in-context block's, and an input."""
    generator = torch.Generator().manual_seed(1)
    source, target = network(block="in-context").blocks[0], network(seed=2, block=block).blocks[0]
    target.attn.load_state_dict(source.attn.state_dict())
    target.mlp.load_state_dict(source.mlp.state_dict())
    inputs = (torch.randn(3, 16, 96, generator=generator), *torch.randn(2, 3, 96, generator=generator))
    return target, inputs


@torch.no_grad()
def test_without_their_conditioning_all_blocks_are_the_plain_block() -> None:
    """Modulations at zero, gates at one, cross-attention silenced: what is left is pre-norm attention and MLP."""
    plain, inputs = transplanted("in-context")
    expected = plain(*inputs)

    adaln, _ = transplanted("adaln")
    assert (adaln(*inputs) - expected).abs().max() > 1e-2  # its modulation starts like any linear
    adaln.adaLN_modulation.zero()
    torch.testing.assert_close(adaln(*inputs), expected)

    zero, _ = transplanted("adaln-zero")
    assert torch.equal(zero(*inputs), inputs[0])  # the identity
    for gate in (2, 5):
        zero.adaLN_modulation.linear.bias[gate * 96 : (gate + 1) * 96] = 1
    torch.testing.assert_close(zero(*inputs), expected)

    cross, _ = transplanted("cross-attention")
    assert (cross(*inputs) - expected).abs().max() > 1e-2
    for parameter in cross.cross_attn.proj.parameters():
        parameter.zero_()
    torch.testing.assert_close(cross(*inputs), expected)


@pytest.mark.parametrize("decoder", DECODERS.names())
@pytest.mark.parametrize("block", BLOCKS.names())
def test_every_network_starts_by_predicting_zero(block: str, decoder: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 8, 8, generator=generator)
    assert not network(block=block, decoder=decoder)(x, torch.tensor([1, 900]), torch.tensor([3, 200])).any()
