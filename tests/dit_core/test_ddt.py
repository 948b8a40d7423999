"""The decoder that is a transformer: conditioned on the blocks' output token by token."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from random_weights import batch, random_dit, randomise, small
from torch import Tensor

from dit_core.gflops import count
from dit_core.model.common import NOTHING
from dit_core.model.decoders.base import Noised
from dit_core.model.decoders.ddt import DEPTH, TokenModulatedBlock
from dit_core.model.dit import DiT
from dit_core.parts import BLOCKS, DECODERS, MLPS, NORMS, POSITIONS

DDT = {"decoder": "ddt"}


def noised(count: int = 2) -> Noised:
    torch.manual_seed(1)
    return Noised(torch.randn(count, 4, 8, 8), torch.randn(count, 48))


def test_a_block_with_one_condition_for_all_tokens_is_an_adaln_zero_block() -> None:
    block, twin = TokenModulatedBlock(small()), BLOCKS.get("adaln-zero")(small())
    randomise(block, 0)
    twin.load_state_dict(block.state_dict())
    torch.manual_seed(0)
    x, t, y = torch.randn(2, 16, 48), torch.randn(2, 48), torch.randn(2, 48)
    condition = (t + y).unsqueeze(1).expand(-1, 16, -1)
    torch.testing.assert_close(block(x, condition, NOTHING), twin(x, t, y), rtol=1e-4, atol=1e-5)


def test_conditions_are_every_token_s_own() -> None:
    """With closed attention gates a token's output depends on its own condition alone."""
    block = TokenModulatedBlock(small())
    randomise(block, 0)
    with torch.no_grad():
        block.adaLN_modulation.linear.weight[2 * 48 : 3 * 48] = 0
        block.adaLN_modulation.linear.bias[2 * 48 : 3 * 48] = 0
        torch.manual_seed(0)
        x, c = torch.randn(1, 16, 48), torch.randn(1, 16, 48)
        other = c.clone()
        other[:, 5] += 1
        changed = (block(x, other, NOTHING) - block(x, c, NOTHING)).abs().amax(dim=-1)[0] > 1e-4
    assert changed.nonzero().flatten().tolist() == [5]


@pytest.mark.parametrize("part", ["image", "tokens", "timestep"])
def test_the_decoder_sees_the_noised_image_the_tokens_and_the_timestep(part: str) -> None:
    decoder = DECODERS.get("ddt")(small(**DDT))
    randomise(decoder, 0)
    tokens, given = torch.randn(2, 16, 48), noised()
    other = {
        "image": (tokens, given._replace(x_NCHW=given.x_NCHW + 1)),
        "tokens": (tokens + 1, given),
        "timestep": (tokens, given._replace(t_ND=given.t_ND + 1)),
    }[part]
    with torch.no_grad():
        changed = (decoder(*other) - decoder(tokens, given)).abs().flatten(1).amax(dim=1)
    assert (changed > 1e-2).all()


def test_only_the_last_layer_and_the_gates_start_closed() -> None:
    torch.manual_seed(0)
    decoder = DiT(small(**DDT)).decoder
    closed = {
        name.rsplit(".", 1)[0] for name, value in decoder.named_parameters() if "weight" in name and not value.any()
    }
    modulations = {f"blocks.{index}.adaLN_modulation.linear" for index in range(DEPTH)}
    assert closed == {"linear", "adaLN_modulation.linear", *modulations}
    decoder(torch.randn(2, 16, 48), noised()).sub(1).square().mean().backward()
    assert decoder.linear.weight.grad.any()


def test_without_what_the_network_was_given_it_says_so() -> None:
    with pytest.raises(ValueError, match="needs what the network was given"):
        DECODERS.get("ddt")(small(**DDT))(torch.randn(2, 16, 48))


@pytest.mark.parametrize("position", POSITIONS.names())
def test_the_decoder_has_the_positions_of_the_network(position: str) -> None:
    """With the blocks' output held fixed and alike everywhere, only positions tell the decoder's tokens apart."""
    model = random_dit(small(position=position, **DDT))
    given: list[Noised] = []
    model.decoder.register_forward_hook(lambda _, args, out: given.append(args[1]))
    x, t, y = batch(model.config)
    alike = x[:, :, :2, :2].repeat(1, 1, 4, 4)
    alike[:, :, :2, :2] += 3  # one patch apart: others see it at different offsets
    with torch.no_grad():
        model(alike, t, y)
        patches = model.decoder(torch.ones(6, 16, 48), given[0]).reshape(6, 8, 4, 2, 4, 2).permute(0, 2, 4, 1, 3, 5)
    rest = patches.flatten(1, 2)[:, 1:]
    spread = (rest - rest[:, :1]).abs().max().item()
    assert spread < 1e-5 if position == "none" else spread > 1e-4


@pytest.mark.parametrize(
    ("norm", "mlp", "qk_norm"),
    [case for case in product(NORMS, MLPS, [False, True]) if not case[2] or NORMS.about(case[0]).per_token],
)
def test_its_blocks_are_made_of_the_network_s_parts(norm: str, mlp: str, qk_norm: bool) -> None:
    config = small(norm=norm, mlp=mlp, qk_norm=qk_norm, **DDT)
    model = random_dit(config)

    def kinds(module: object) -> list[str]:
        return [type(part).__name__ for part in module.modules()][1:]  # type: ignore[attr-defined]

    assert kinds(model.decoder.blocks[0]) == kinds(model.blocks[0])
    assert model(*batch(config)).shape == (6, 8, 8, 8)


def test_all_of_its_work_is_the_decoder_s_and_grows_with_its_depth() -> None:
    config = small(hidden_size=64, depth=2)
    linear, ddt = count(config), count(config.model_copy(update=DDT))
    assert {**linear.parts, "decoder": 0} == {**ddt.parts, "decoder": 0}
    tokens, width = 16, 64
    block = 4 * tokens * width**2 + 2 * tokens**2 * width + 8 * tokens * width**2 + 6 * tokens * width**2
    ends = tokens * 16 * width + 2 * tokens * width**2 + tokens * width * 32
    assert ddt.parts["decoder"] * 1e9 == pytest.approx(DEPTH * block + ends)


def test_it_learns_what_the_blocks_tell_it() -> None:
    """From its zero start, training reaches every weight, those of the blocks included."""
    torch.manual_seed(0)
    config = small(**DDT)
    model = DiT(config)
    x, t, y = batch(config)
    target: Tensor = torch.cat((x, x.flip(-1)), dim=1)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = (model(x, t, y) - target).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    idle = [n for n, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert idle == []
