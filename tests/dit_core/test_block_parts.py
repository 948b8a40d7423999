"""The parts that a block is made of: norms, query-key norm, pointwise networks, gates; each changes that alone."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers.models.attention import FeedForward
from random_weights import batch, random_dit, randomise, small
from torch import Tensor, nn

from dit_core.config import TrialConfig
from dit_core.errors import UserError, parse
from dit_core.gflops import count
from dit_core.model.attention import attend, widened
from dit_core.model.dit import DiT
from dit_core.model.layers import SelfAttention
from dit_core.model.mlps import Mlp, SwiGlu, swiglu_width
from dit_core.parts import BLOCKS, GATE_INITS, MLPS, NORMS
from dit_core.training.state import initial_network

CHANGES: list[dict[str, Any]] = [{"norm": "rmsnorm"}, {"qk_norm": True}, {"norm": "rmsnorm", "qk_norm": True},
                                 {"norm": "groupnorm"},
                                 {"mlp": "swiglu"}]  # fmt: skip


def initial(**changes: Any) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return initial_network(small(**changes)).state_dict()


@pytest.mark.parametrize(("block", "change"), list(product(BLOCKS, CHANGES)))
def test_a_part_changes_the_output_and_its_own_weights_alone(block: str, change: dict[str, Any]) -> None:
    plain, other = initial(block=block), initial(block=block, **change)
    apart = {name for name in plain.keys() | other.keys() if not _same(plain.get(name), other.get(name))}
    wanted = {"norm": (".norm", "final_norm"), "qk_norm": ("head_norms",), "mlp": ("mlp.fc1", "mlp.fc2.weight")}
    assert all(any(part in name for key in change for part in wanted[key]) for name in apart)
    same = change == {"norm": "groupnorm"}  # it learns what a layer norm learns
    same |= change == {"norm": "rmsnorm"} and block.startswith("adaln")  # their norms learn nothing
    assert bool(apart) != same
    config = small(block=block, **change)
    with torch.no_grad():
        difference = (random_dit(config)(*batch(config)) - random_dit(small(block=block))(*batch(config))).abs().max()
    assert difference > 1e-2


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    return one is not None and other is not None and one.shape == other.shape and torch.equal(one, other)


@pytest.mark.parametrize("change", CHANGES)
def test_parts_cost_what_the_plain_ones_do(change: dict[str, Any]) -> None:
    for sizes in ({}, {"hidden_size": 1152, "depth": 2, "num_heads": 16}):
        plain, other = count(small(**sizes)), count(small(**sizes, **change))
        assert other.parts["mlp"] == pytest.approx(plain.parts["mlp"], rel=0.02)
        assert {**other.parts, "mlp": 0} == {**plain.parts, "mlp": 0}


@pytest.mark.parametrize("affine", [False, True])
def test_norms_by_hand(affine: bool) -> None:
    torch.manual_seed(0)
    x = 3 + 2 * torch.randn(5, 7, 24)
    centred = x - x.mean(-1, keepdim=True)
    grouped = x.reshape(5, 7, 8, 3)  # 32 groups do not divide 24 channels, 8 do
    spread, mean = torch.var_mean(grouped, (1, 3), correction=0, keepdim=True)
    by_hand = {
        "groupnorm": ((grouped - mean) / (spread + 1e-6).sqrt()).reshape(5, 7, 24),
        "layernorm": centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt(),
        "rmsnorm": x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt(),
    }
    assert set(by_hand) == set(NORMS)
    for name, expected in by_hand.items():
        norm = NORMS.get(name)(24, affine)
        torch.testing.assert_close(norm(x), expected)
        names = {key for key, _ in norm.named_parameters()}
        assert names == (({"weight"} if name == "rmsnorm" else {"weight", "bias"}) if affine else set())


@pytest.mark.parametrize(("block", "decoder"), list(product(BLOCKS, ["linear", "ddt"])))
def test_the_norm_is_everywhere_of_the_kind_that_was_asked_for(block: str, decoder: str) -> None:
    model = DiT(small(block=block, decoder=decoder, norm="rmsnorm", qk_norm=True))
    kinds = [type(module) for module in model.modules() if isinstance(module, (nn.LayerNorm, nn.RMSNorm))]
    assert set(kinds) == {nn.RMSNorm}
    assert isinstance(model.final_norm.norm, nn.RMSNorm)


def test_group_norm_has_32_groups_where_they_divide_the_width_and_looks_at_one_image() -> None:
    assert [NORMS.get("groupnorm")(width, False).num_groups for width in (1152, 1024, 768, 384, 72, 48, 7)] == [
        32, 32, 32, 32, 8, 16, 1,
    ]  # fmt: skip
    x = torch.randn(3, 16, 64, generator=torch.Generator().manual_seed(0))
    norm = NORMS.get("groupnorm")(64, False)
    torch.testing.assert_close(norm(x), F.group_norm(x.mT, 32, eps=1e-6).mT)
    other = torch.cat((x[:1], 5 * x[1:]))
    assert torch.equal(norm(other)[:1], norm(x)[:1])


@pytest.mark.parametrize("norm", [name for name in NORMS if NORMS.about(name).per_token])
def test_normed_queries_and_keys_bound_the_scores(norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every normed vector of head width K has a length of at most sqrt(K), so a score is at most sqrt(K)."""
    seen: list[Tensor] = []
    attend = F.scaled_dot_product_attention

    def watched(q: Tensor, k: Tensor, v: Tensor, **_: object) -> Tensor:
        seen.append(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5)
        return attend(q, k, v)

    monkeypatch.setattr(F, "scaled_dot_product_attention", watched)
    torch.manual_seed(0)
    x = 100 * torch.randn(2, 16, 48)
    for qk_norm in (False, True):
        SelfAttention(small(norm=norm, qk_norm=qk_norm))(x)
    free, normed = seen
    assert free.abs().max() > 100
    assert normed.abs().max() <= 12**0.5 * (1 + 1e-5)
    assert normed.abs().max() > 1


@pytest.mark.parametrize("width", [18, 20, 72])
def test_heads_widened_for_a_fused_kernel_attend_as_before(width: int) -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, 5, width, requires_grad=True) for _ in range(3))
    bias = torch.randn(1, 3, 5, 5)
    for extra in (None, bias):
        plain, wide = attend(q, k, v, extra), widened(q, k, v, extra)
        torch.testing.assert_close(wide, plain)
        for left, right in zip(*(torch.autograd.grad(x.square().sum(), (q, k, v)) for x in (wide, plain)), strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


def test_query_key_norm_by_hand() -> None:
    attention = SelfAttention(small(norm="rmsnorm", qk_norm=True))
    randomise(attention, 0)
    torch.manual_seed(0)
    x = torch.randn(2, 16, 48)
    q, k, v = (x @ attention.qkv.weight.T + attention.qkv.bias).reshape(2, 16, 3, 4, 12).unbind(2)
    norms = attention.head_norms
    q = q / (q.square().mean(-1, keepdim=True) + 1e-6).sqrt() * norms.q.weight
    k = k / (k.square().mean(-1, keepdim=True) + 1e-6).sqrt() * norms.k.weight
    weights = torch.softmax(torch.einsum("nthk,nshk->nhts", q, k) / 12**0.5, dim=-1)
    attended = torch.einsum("nhts,nshk->nthk", weights, v).reshape(2, 16, 48)
    expected = attended @ attention.proj.weight.T + attention.proj.bias
    torch.testing.assert_close(attention(x), expected, rtol=1e-4, atol=1e-5)


def test_cross_attention_norms_its_queries_and_keys_too() -> None:
    names = set(initial(block="cross-attention", qk_norm=True)) - set(initial(block="cross-attention"))
    for attention in ("attn", "cross_attn"):
        assert f"blocks.0.{attention}.head_norms.q.weight" in names
        assert f"blocks.0.{attention}.head_norms.k.weight" in names


@pytest.mark.parametrize(("width", "hidden"), [(24, 96), (72, 288), (384, 1536), (1152, 4608), (100, 150), (16, 1)])
def test_swiglu_has_as_many_parameters_as_the_plain_network_to_the_nearest_hidden_unit(width: int, hidden: int) -> None:
    def size(module: nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    with torch.device("meta"):
        plain, gated = size(Mlp(width, hidden)), size(SwiGlu(width, hidden))
    one_unit = 3 * width + 2
    assert abs(gated - plain) <= one_unit / 2 or swiglu_width(width, hidden) == 1
    assert gated == swiglu_width(width, hidden) * one_unit + width


def test_the_hidden_width_of_xl_is_two_thirds() -> None:
    assert swiglu_width(1152, 4608) == 3072


def test_pointwise_networks_by_hand() -> None:
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(0))
    gated = MLPS.get("swiglu")(12, 48)
    assert isinstance(gated, SwiGlu)
    randomise(gated, 0)
    h = x @ gated.fc1.weight.T + gated.fc1.bias
    gate, value = h[..., :32], h[..., 32:]
    expected = (gate * torch.sigmoid(gate) * value) @ gated.fc2.weight.T + gated.fc2.bias
    torch.testing.assert_close(gated(x), expected)


@pytest.mark.parametrize("name", [name for name in MLPS if name != "swiglu"])
def test_activations_are_those_of_diffusers_and_pytorch(name: str) -> None:
    """ReLU as in PyTorch's own encoder layer, which diffusers' feed-forward does not have."""
    mlp = MLPS.get(name)(12, 48)
    randomise(mlp, 0)
    x = 3 * torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(0))
    if name == "relu":
        layer = nn.TransformerEncoderLayer(12, 2, 48, dropout=0.0, activation="relu")
        first, second, theirs = layer.linear1, layer.linear2, layer._ff_block
    else:
        named = {"gelu": "gelu-approximate", "gelu-exact": "gelu", "silu": "linear-silu"}[name]
        theirs = FeedForward(12, activation_fn=named)
        first, second = theirs.net[0].proj, theirs.net[2]
    first.load_state_dict(mlp.fc1.state_dict())
    second.load_state_dict(mlp.fc2.state_dict())
    torch.testing.assert_close(mlp(x), theirs(x), rtol=0, atol=1e-6)
    others = [MLPS.get(other)(12, 48) for other in MLPS if other not in (name, "swiglu")]
    for other in others:
        other.load_state_dict(mlp.state_dict())
        assert (other(x) - mlp(x)).abs().max() > 1e-4


@pytest.mark.parametrize("name", ["gelu-exact", "relu", "silu"])
def test_an_activation_changes_no_initial_weight_and_no_cost(name: str) -> None:
    plain, other = initial(), initial(mlp=name)
    assert list(plain) == list(other) and all(torch.equal(plain[key], other[key]) for key in plain)
    assert count(small(mlp=name)) == count(small())


GATED = [name for name in BLOCKS if BLOCKS.about(name).gated]


def test_the_blocks_with_gates() -> None:
    assert GATED == ["adaln-zero", "adaln-single"]


def conditioning(model: DiT) -> Any:
    """Returns the linear layer that regresses the gates."""
    return (model.shared or model.blocks[0]).adaLN_modulation.linear


@pytest.mark.parametrize(("block", "gate_init"), list(product(GATED, GATE_INITS)))
def test_gates_start_as_asked_and_nothing_else_moves(block: str, gate_init: str) -> None:
    torch.manual_seed(0)
    model = DiT(small(block=block, gate_init=gate_init))
    vectors = conditioning(model)(torch.randn(5, 48)).chunk(6, dim=-1)
    for index in (0, 1, 3, 4):
        assert not vectors[index].any()
    for index in (2, 5):
        gate = vectors[index]
        if gate_init == "random":
            assert 0.1 < gate.std() < 3 and abs(gate.mean()) < 0.3
        else:
            assert torch.equal(gate, torch.full_like(gate, float(gate_init == "ones")))
    plain, other = initial(block=block), initial(block=block, gate_init=gate_init)
    assert plain.keys() == other.keys()
    assert all("adaLN_modulation" in name for name in plain if not torch.equal(plain[name], other[name]))
    assert count(small(block=block, gate_init=gate_init)) == count(small(block=block))


@pytest.mark.parametrize("block", GATED)
def test_open_gates_start_as_adaln_without_modulation(block: str) -> None:
    """The same weights in an ``adaln`` block whose modulation is zero give the same residual."""
    torch.manual_seed(0)
    gated = DiT(small(block=block, gate_init="ones"))
    plain = DiT(small(block="adaln"))
    plain.load_state_dict({**plain.state_dict(), **{k: v for k, v in gated.state_dict().items() if "adaLN" not in k
                                                    and k in plain.state_dict()}})  # fmt: skip
    for module in plain.blocks:
        module.adaLN_modulation.zero()
    for model in (gated, plain):
        nn.init.normal_(model.decoder.linear.weight, generator=torch.Generator().manual_seed(1))
    out = gated(*batch(small()))
    assert out.std() > 0.1
    torch.testing.assert_close(out, plain(*batch(small())))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm": "batchnorm"}, r"model\.norm: unknown value 'batchnorm'; allowed: layernorm, rmsnorm, groupnorm"),
        (
            {"norm": "groupnorm", "qk_norm": True},
            r"model\.qk_norm: true given, but the norm 'groupnorm' mixes the tokens of an image, and queries and keys "
            r"are normed one by one; allowed: false, or one of the norms layernorm, rmsnorm",
        ),
        (
            {"mlp": "swigl"},
            r"model\.mlp: unknown value 'swigl'; allowed: gelu, swiglu, gelu-exact, relu, silu; did you mean 'swiglu'",
        ),
        ({"gate_init": "one"}, r"model\.gate_init: unknown value 'one'; allowed: zero, random, ones; .*'ones'"),
        (
            {"gate_init": "ones", "block": "adaln"},
            r"model\.gate_init: 'ones' means nothing to the block 'adaln', which has no gates; leave it at 'zero', or "
            r"take a block with gates: adaln-zero, adaln-single",
        ),
    ],
)
def test_parts_that_do_not_exist_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        parse(TrialConfig, {"model": {**small().model_dump(), **change}})
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("change", CHANGES)
def test_parts_under_autocast(change: dict[str, Any]) -> None:
    config = small(**change)
    model = random_dit(config)
    exact = model(*batch(config))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = model(*batch(config))
    assert (rough.float() - exact).norm() < 0.05 * exact.norm()


@pytest.mark.slow
def test_all_parts_together_compile_to_one_graph() -> None:
    config = small(norm="rmsnorm", qk_norm=True, mlp="swiglu", gate_init="random", depth=1)
    model = random_dit(config)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(*batch(config)), model(*batch(config)))
