"""One modulation for all blocks (PixArt-alpha): adaLN-Zero in everything but where its six vectors come from."""

from __future__ import annotations

import pytest
import torch
from random_weights import batch, random_dit, randomise, small

from dit_core.gflops import count
from dit_core.model.common import Common
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.parts import BLOCKS


def test_a_block_is_an_adaln_zero_block_with_the_sum_of_table_and_shared_vectors() -> None:
    """An adaLN-Zero block whose modulation has the table for a bias computes the same."""
    config = small(block="adaln-single")
    model = random_dit(config)
    torch.manual_seed(0)
    x, t, y = torch.randn(2, 16, 48), torch.randn(2, 48), torch.randn(2, 48)
    for block in model.blocks:
        twin = BLOCKS.get("adaln-zero")(small())
        state = {name: value for name, value in block.state_dict().items() if name != "scale_shift_table"}
        shared = model.shared.adaLN_modulation.linear
        state["adaLN_modulation.linear.weight"] = shared.weight
        state["adaLN_modulation.linear.bias"] = shared.bias + block.scale_shift_table.flatten()
        twin.load_state_dict(state)
        out = block(x, t, y, Common(shared=model.shared(t, y)))
        torch.testing.assert_close(out, twin(x, t, y), rtol=1e-4, atol=1e-5)
        assert (out - x).abs().max() > 0.1


def test_the_modulation_is_regressed_once_for_all_blocks() -> None:
    config = small(block="adaln-single")
    model = random_dit(config)
    calls: list[tuple[int, ...]] = []
    model.shared.register_forward_hook(lambda _, args, out: calls.append(tuple(out.shape)))
    model(*batch(config))
    assert calls == [(6, 6, 48)]


def test_tables_make_blocks_differ_and_all_of_them_learn() -> None:
    config = small(block="adaln-single")
    model = random_dit(config)
    out = model(*batch(config))
    out.square().mean().backward()
    for block in model.blocks:
        assert (block.scale_shift_table.grad.abs().amax(dim=1) > 0).all()
    with torch.no_grad():
        model.blocks[1].scale_shift_table.add_(0.5)
        assert (model(*batch(config)) - out).abs().max() > 1e-2


def test_it_starts_as_the_identity() -> None:
    torch.manual_seed(0)
    model = DiT(small(block="adaln-single"))
    x, t, y = torch.randn(2, 16, 48), torch.randn(2, 48), torch.randn(2, 48)
    for block in model.blocks:
        assert torch.equal(block(x, t, y, Common(shared=model.shared(t, y))), x)


def test_a_block_without_the_shared_vectors_says_what_is_missing() -> None:
    block = BLOCKS.get("adaln-single")(small(block="adaln-single"))
    randomise(block, 0)
    with pytest.raises(ValueError, match=r"needs the output of AdaLNSingleBlock\.shared"):
        block(torch.randn(2, 16, 48), torch.randn(2, 48), torch.randn(2, 48))


def test_what_it_saves_by_hand() -> None:
    """XL/2 keeps one of 28 modulations and gains 28 tables; PixArt-alpha counts a quarter of the parameters saved."""
    single, zero = count(ModelConfig(block="adaln-single")), count(ModelConfig())
    width, depth = 1152, 28
    assert zero.params - single.params == (depth - 1) * (6 * width**2 + 6 * width) - depth * 6 * width
    assert 0.25 < (zero.params - single.params) / zero.params < 0.35
    by_hand = 256 * width + width**2 + 6 * width**2 + 2 * width**2
    assert single.parts["conditioning"] * 1e9 == pytest.approx(by_hand)
    assert {**single.parts, "conditioning": 0} == {**zero.parts, "conditioning": 0}
