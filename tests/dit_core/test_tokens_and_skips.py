"""Tokens beside the image's, tokens left out, and connections past blocks."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from random_weights import batch, random_dit, small
from torch import Tensor

from dit_core.errors import UserError, parse
from dit_core.gflops import count
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.parts import BLOCKS, DECODERS, POSITIONS

ADDITIONS: list[dict[str, Any]] = [{"registers": 3}, {"long_skips": True}, {"mask_token": True}]


def initial(**changes: Any) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return DiT(small(**changes)).state_dict()


@pytest.mark.parametrize(("block", "addition"), list(product(BLOCKS, ADDITIONS)))
def test_additions_leave_every_other_initial_weight_alone(block: str, addition: dict[str, Any]) -> None:
    plain, other = initial(block=block), initial(block=block, **addition)
    assert all(torch.equal(other[name], value) for name, value in plain.items())
    new = {name.partition(".")[0] for name in other.keys() - plain.keys()}
    assert new == {{"registers": "registers", "long_skips": "skips", "mask_token": "mask_token"}[next(iter(addition))]}


def test_new_tokens_are_random_at_first() -> None:
    weights = initial(registers=200, mask_token=True, hidden_size=400)
    for name in ("registers", "mask_token"):
        assert weights[name].std().item() == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize("block", BLOCKS.names())
def test_registers_run_through_the_blocks_and_are_dropped(block: str) -> None:
    config = small(block=block, registers=3)
    model = random_dit(config)
    lengths: list[int] = []
    first: list[Tensor] = []
    model.blocks[0].register_forward_hook(lambda _, args, out: first.append(args[0]))
    model.blocks[-1].register_forward_hook(lambda _, args, out: lengths.append(out.shape[1]))
    model.decoder.register_forward_hook(lambda _, args, out: lengths.append(args[0].shape[1]))
    out = model(*batch(config))
    assert lengths == [19 + 2 * (block == "in-context"), 16]
    assert model.registers is not None
    assert torch.equal(first[0][:, -3:], model.registers.expand(6, -1, -1))
    out.square().mean().backward()
    assert model.registers.grad is not None and (model.registers.grad.abs().amax(dim=-1) > 0).all()
    with torch.no_grad():
        model.registers.add_(torch.linspace(-1, 1, 48))
        assert (model(*batch(config)) - out).abs().amax(dim=(1, 2, 3)).min() > 1e-3


def test_registers_cost_what_as_many_more_tokens_do() -> None:
    sizes = {"hidden_size": 64, "depth": 3, "num_heads": 4}
    plain, other = count(small(**sizes)), count(small(**sizes, registers=4))
    tokens, width = 16, 64
    more = {"mlp": 3 * 4 * 8 * width**2, "attention": 3 * (4 * 4 * width**2 + 2 * (20**2 - tokens**2) * width)}
    for part, macs in plain.parts.items():
        assert other.parts[part] * 1e9 == pytest.approx(macs * 1e9 + more.get(part, 0))
    assert other.params - plain.params == 4 * width


@pytest.mark.parametrize(
    ("depth", "pairs"), [(2, [(0, 1)]), (3, [(0, 2)]), (4, [(1, 2), (0, 3)]), (5, [(1, 3), (0, 4)])]
)
def test_long_skips_join_mirror_images(depth: int, pairs: list[tuple[int, int]]) -> None:
    config = small(depth=depth, long_skips=True)
    model = random_dit(config)
    outputs: dict[int, Tensor] = {}
    for index, block in enumerate(model.blocks):
        block.register_forward_hook(lambda _, args, out, index=index: outputs.update({index: out}))
    joined: list[tuple[Tensor, Tensor]] = []
    for skip in model.skips:
        skip.register_forward_hook(lambda _, args, out: joined.append(args))
    model(*batch(config))
    assert len(joined) == len(pairs) == depth // 2
    for (main, early), (start, end) in zip(joined, pairs, strict=True):
        assert torch.equal(early, outputs[start])
        assert torch.equal(main, outputs[end - 1])


def test_a_long_skip_by_hand() -> None:
    model = random_dit(small(depth=2, long_skips=True))
    torch.manual_seed(0)
    x, early = torch.randn(2, 5, 48), torch.randn(2, 5, 48)
    weight, bias = model.skips[0].weight, model.skips[0].bias
    identity = torch.cat((torch.eye(48), torch.zeros(48, 48)), dim=1)
    expected = torch.cat((x, early), dim=-1) @ (identity + weight).T + bias
    torch.testing.assert_close(model.skips[0](x, early), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block", BLOCKS.names())
def test_long_skips_start_as_the_network_without_them_and_learn(block: str) -> None:
    """Everything but the skips is random, so that neither closed gates nor the zeroed decoder hide them."""
    plain, skipping = random_dit(small(block=block)), DiT(small(block=block, long_skips=True)).eval()
    missing = skipping.load_state_dict(plain.state_dict(), strict=False)
    assert set(missing.missing_keys) == {"skips.0.weight", "skips.0.bias"} and not missing.unexpected_keys
    out = skipping(*batch(plain.config))
    assert torch.equal(out, plain(*batch(plain.config)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(skipping(*batch(plain.config)), plain(*batch(plain.config)))
    out.square().mean().backward()
    assert skipping.skips[0].weight.grad[:, :48].any() and skipping.skips[0].weight.grad[:, 48:].any()


def test_long_skips_cost_their_linears() -> None:
    plain, other = count(small(depth=5)), count(small(depth=5, long_skips=True))
    assert {part: macs for part, macs in other.parts.items() if part != "skips"} == plain.parts
    assert other.parts["skips"] * 1e9 == pytest.approx(2 * 16 * 2 * 48 * 48)


def test_long_skips_need_two_halves() -> None:
    with pytest.raises(UserError, match=r"model\.long_skips: a network of depth 1 has no two halves to connect"):
        parse(ModelConfig, {"depth": 1, "long_skips": True})


def keep_of(config: ModelConfig, images: int, kept: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.stack([torch.randperm(config.num_tokens, generator=generator)[:kept] for _ in range(images)])


@pytest.mark.parametrize(
    ("position", "block", "decoder"),
    [*product(POSITIONS, ["adaln-zero", "in-context"], ["linear"]), *product(["rotary"], ["adaln-zero"], DECODERS)],
)
def test_keeping_every_token_in_any_order_changes_nothing(position: str, block: str, decoder: str) -> None:
    config = small(position=position, block=block, decoder=decoder, registers=2, mask_token=True, long_skips=True)
    model = random_dit(config)
    x, t, y = batch(config)
    with torch.no_grad():
        torch.testing.assert_close(
            model(x, t, y, keep_of(config, 6, 16)), model(x, t, y), rtol=1e-4, atol=1e-5
        )  # shuffled: positions have to go with their tokens


@pytest.mark.parametrize("position", POSITIONS.names())
def test_tokens_left_out_are_neither_seen_nor_computed(position: str) -> None:
    config = small(position=position, mask_token=True)
    model = random_dit(config)
    x, t, y = batch(config)
    keep = keep_of(config, 6, 5)
    left_out = torch.ones(6, 16, dtype=torch.bool).scatter(1, keep, False).reshape(6, 1, 4, 4)
    pixels = left_out.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    lengths: list[int] = []
    model.blocks[0].register_forward_hook(lambda _, args, out: lengths.append(out.shape[1]))
    with torch.no_grad():
        out = model(x, t, y, keep)
        assert lengths == [5]
        assert torch.equal(model(torch.where(pixels, x + 1, x), t, y, keep), out)
        changed = model(torch.where(pixels, x, x + 1), t, y, keep)
        assert (changed != out).logical_and(~pixels).flatten(1).any(1).all()
        assert model.mask_token is not None
        model.mask_token.add_(1)
        masked = model(x, t, y, keep)
        assert torch.equal(masked == out, (~pixels).expand_as(out))


def test_the_network_of_the_kept_tokens_is_the_network_of_a_smaller_image() -> None:
    """Without positions, the kept patches of a big image are all there is of a small one."""
    big = random_dit(small(position="none", mask_token=True, patch_size=4, input_size=8))
    one = DiT(small(position="none", patch_size=4, input_size=4)).eval()
    one.load_state_dict({name: value for name, value in big.state_dict().items() if name != "mask_token"})
    x, t, y = batch(big.config)
    with torch.no_grad():
        out = big(x, t, y, torch.tensor([[2]]).expand(6, 1))
        torch.testing.assert_close(out[:, :, 4:, :4], one(x[:, :, 4:, :4], t, y), rtol=1e-4, atol=1e-5)


def test_leaving_tokens_out_needs_a_mask_token() -> None:
    config = small()
    with pytest.raises(ValueError, match=r"keep_NS: the network has no mask token .* set model\.mask_token"):
        DiT(config)(*batch(config), keep_of(config, 6, 5))


def test_everything_at_once_trains_under_autocast() -> None:
    config = small(registers=2, long_skips=True, mask_token=True, position="rotary", block="in-context", decoder="ddt")
    model = random_dit(config)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(*batch(config), keep_of(config, 6, 5))
    exact = model(*batch(config), keep_of(config, 6, 5))
    assert (out.float() - exact).norm() < 0.05 * exact.norm()
    out.float().square().mean().backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name
