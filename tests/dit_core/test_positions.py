"""How tokens know where they are: each variant against its closed form, and what it must leave alone."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from random_weights import batch, random_dit, randomise, small
from torch import Tensor
from torchvision.models.swin_transformer import ShiftedWindowAttention

from dit_core.config import TrialConfig
from dit_core.errors import UserError, parse
from dit_core.gflops import count
from dit_core.model.common import Common
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.model.embedders import position_table
from dit_core.model.layers import SelfAttention
from dit_core.model.positions import RelativeBias, offsets, rotary, rotate, sequence_offsets, sequence_rotation
from dit_core.parts import BLOCKS, POSITIONS

ALL = POSITIONS.names()


def config_of_heads(width: int, **changes: Any) -> ModelConfig:
    return small(num_heads=4, hidden_size=4 * width, **changes)


@pytest.mark.parametrize("width", [4, 8, 18])
def test_attention_scores_depend_on_the_offset_between_tokens_alone(width: int) -> None:
    """With one query and one key vector at every place, the scores are a function of (row, column) differences."""
    config = config_of_heads(width)
    side = config.input_size // config.patch_size
    torch.manual_seed(0)
    q, k = (torch.randn(width).expand(1, 1, side**2, width) for _ in range(2))
    rotation = rotary(config).unsqueeze(1)
    scores = (rotate(q, rotation) @ rotate(k, rotation).transpose(-1, -2))[0, 0]
    by_offset: dict[tuple[int, int], list[float]] = {}
    for one, other in product(range(side**2), repeat=2):
        offset = (one // side - other // side, one % side - other % side)
        by_offset.setdefault(offset, []).append(scores[one, other].item())
    assert len(by_offset) == (2 * side - 1) ** 2
    for found in by_offset.values():
        assert max(found) - min(found) < 1e-5 * width
    means = [sum(found) / len(found) for found in by_offset.values()]
    assert min(abs(a - b) for i, a in enumerate(means) for b in means[:i]) > 1e-5  # rows are told from columns


@pytest.mark.parametrize(("width", "left"), [(8, 0), (18, 2), (7, 3)])
def test_rotation_by_hand(width: int, left: int) -> None:
    config = config_of_heads(width) if width % 2 == 0 else small(num_heads=4, hidden_size=28)
    side, quarter = 4, width // 4
    torch.manual_seed(0)
    x = torch.randn(2, 3, side**2, width)
    turned = rotate(x, rotary(config).unsqueeze(1))
    for row, column in product(range(side), repeat=2):
        token = row * side + column
        for pair in range(2 * quarter):
            place = column if pair < quarter else row
            angle = place * 10000 ** (-(pair % quarter) / quarter)
            plane = torch.complex(x[:, :, token, pair], x[:, :, token, pair + 2 * quarter])
            expected = plane * complex(math.cos(angle), math.sin(angle))
            found = torch.complex(turned[:, :, token, pair], turned[:, :, token, pair + 2 * quarter])
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert width - 4 * quarter == left
    assert torch.equal(turned[..., 4 * quarter :], x[..., 4 * quarter :])
    assert torch.equal(turned[:, :, 0], x[:, :, 0])
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))


def test_rotation_of_a_sequence_gathers_per_image_and_leaves_extra_tokens_unturned() -> None:
    table = rotary(config_of_heads(8))
    keep = torch.tensor([[3, 0], [15, 7]])
    rotation = sequence_rotation(table, keep, extra=2)
    assert rotation.shape == (2, 2, 4, 4)
    for image, kept in enumerate(keep.tolist()):
        for place, token in enumerate(kept):
            assert torch.equal(rotation[:, image, place], table[:, token])
    x = torch.randn(2, 5, 4, 8)
    assert torch.equal(rotate(x, rotation)[:, :, 2:], x[:, :, 2:])
    assert torch.equal(sequence_rotation(table, None, extra=0), table.unsqueeze(1))


def shuffled(x: Tensor, order: Tensor) -> Tensor:
    """Returns images of 8x8 whose sixteen 2x2 patches are reordered."""
    patches = x.reshape(len(x), -1, 4, 2, 4, 2).permute(0, 2, 4, 1, 3, 5).reshape(len(x), 16, -1, 2, 2)[:, order]
    return patches.reshape(len(x), 4, 4, -1, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(len(x), -1, 8, 8)


@pytest.mark.parametrize("block", BLOCKS.names())
@pytest.mark.parametrize("position", ALL)
def test_only_without_positions_is_an_image_a_set_of_patches(position: str, block: str) -> None:
    config = small(position=position, block=block)
    model = random_dit(config)
    x, t, y = batch(config)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        apart = (model(shuffled(x, order), t, y) - shuffled(model(x, t, y), order)).abs().max().item()
    assert (apart < 1e-5) == (position == "none")
    assert apart < 1e-5 or apart > 1e-4


@pytest.mark.parametrize("position", ALL)
def test_positions_change_nothing_else_at_the_start_and_cost_no_multiplication(position: str) -> None:
    weights = {}
    for name in ("sincos", position):
        torch.manual_seed(0)
        weights[name] = DiT(small(position=name)).state_dict()
    theirs = weights[position]
    own = {name for name in theirs if name == "pos_embed" or name.endswith("attn.bias.table")}
    assert all(torch.equal(weights["sincos"][name], value) for name, value in theirs.items() if name not in own)
    assert ("pos_embed" in theirs) == (position not in ("rotary", "relative", "none"))
    assert len(own - {"pos_embed"}) == (3 if position == "relative" else 0)
    assert set(weights["sincos"]) - set(theirs) <= {"pos_embed"}
    assert count(small(position=position)).parts == count(small()).parts


@pytest.mark.parametrize("side", [4, 7])
def test_attention_with_relative_positions_is_that_of_torchvisions_swin_transformer(side: int) -> None:
    """One window as large as the image, not shifted."""
    ours = SelfAttention(small(position="relative", input_size=2 * side))
    randomise(ours, 0)
    theirs = ShiftedWindowAttention(48, [side, side], [0, 0], 4)
    theirs.qkv.load_state_dict(ours.qkv.state_dict())
    theirs.proj.load_state_dict(ours.proj.state_dict())
    theirs.relative_position_bias_table.data.copy_(ours.bias.table)
    x = torch.randn(3, side**2, 48, generator=torch.Generator().manual_seed(1))
    places = Common(offsets_NSS=sequence_offsets(offsets(small(input_size=2 * side)), None))
    with torch.no_grad():
        found, expected = ours(x, places), theirs(x.reshape(3, side, side, 48)).reshape(3, side**2, 48)
        ours.bias.table.zero_()
        assert (ours(x, places) - expected).abs().max() > 1e-2
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_the_bias_of_a_sequence_goes_with_its_tokens_and_extra_tokens_have_none() -> None:
    config = small(position="relative")
    bias, whole = RelativeBias(config), offsets(config)
    randomise(bias, 0)
    keep = torch.tensor([[3, 0, 9], [15, 7, 7]])
    found = bias(sequence_offsets(whole, keep), 5)
    assert found.shape == (2, 4, 5, 5)
    assert torch.equal(found[:, :, 3:], torch.zeros(2, 4, 2, 5)) and torch.equal(
        found[..., 3:], torch.zeros(2, 4, 5, 2)
    )
    for image, (one, other) in product(range(2), product(range(3), repeat=2)):
        row, column = (keep[image, one] // 4 - keep[image, other] // 4, keep[image, one] % 4 - keep[image, other] % 4)
        assert torch.equal(found[image, :, one, other], bias.table[(row + 3) * 7 + column + 3])


def test_relative_positions_start_as_none() -> None:
    torch.manual_seed(0)
    relative = DiT(small(position="relative"))
    torch.manual_seed(0)
    none = DiT(small(position="none"))
    for model in (relative, none):
        torch.nn.init.normal_(model.decoder.linear.weight, generator=torch.Generator().manual_seed(0))
        for block in model.blocks:
            block.adaLN_modulation.linear.bias.data.fill_(0.5)
    with torch.no_grad():
        torch.testing.assert_close(relative(*batch(small())), none(*batch(small())), rtol=1e-5, atol=1e-6)
    relative(*batch(small())).square().mean().backward()
    assert all(block.attn.bias.table.grad.abs().amin() > 0 for block in relative.blocks), "every offset learns"


def test_a_learned_table_is_random_at_first_and_learns() -> None:
    torch.manual_seed(0)
    model = DiT(ModelConfig(hidden_size=128, depth=1, num_heads=4, position="learned"))
    assert model.pos_embed is not None and model.pos_embed.shape == (1, 256, 128)
    assert model.pos_embed.std().item() == pytest.approx(0.02, rel=0.05)
    config = small(position="learned")
    model = random_dit(config)
    model(*batch(config)).square().mean().backward()
    assert model.pos_embed is not None and model.pos_embed.grad is not None
    assert (model.pos_embed.grad.abs().amax(dim=-1) > 0).all()


def test_the_sum_of_table_and_rotation_has_both() -> None:
    model = DiT(small(position="sincos-plus-rotary"))
    assert model.pos_embed is not None and torch.equal(model.pos_embed, position_table(48, 4))
    assert model.rotation is not None and torch.equal(model.rotation, rotary(small()))
    assert "rotation" not in model.state_dict()


@pytest.mark.parametrize("position", ALL)
def test_residuals_keep_their_precision_under_autocast_with_positions_or_not(position: str) -> None:
    config = small(position=position)
    model = random_dit(config)
    types: list[torch.dtype] = []
    for block in model.blocks:
        block.register_forward_hook(lambda _, args, out: types.extend((args[0].dtype, out.dtype)))
    exact = model(*batch(config))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = model(*batch(config))
    assert set(types) == {torch.float32}
    assert (rough.float() - exact).norm() < 0.05 * exact.norm()


@pytest.mark.slow
@pytest.mark.parametrize("position", ["rotary", "relative"])
def test_positions_of_attention_compile_to_one_graph(position: str) -> None:
    config = small(position=position, block="in-context", registers=2, depth=1)
    model = random_dit(config)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(*batch(config)), model(*batch(config)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position": "rotery"}, r"model\.position: unknown value 'rotery'; allowed: sincos, .*mean 'rotary'"),
        (
            {"position": "rotary", "num_heads": 16},
            r"model\.position: 'rotary' turns pairs .* a head has 3; allowed",
        ),
        ({"position": "sincos", "hidden_size": 54, "num_heads": 3}, r"model\.hidden_size: 54 is not a multiple of 4"),
    ],
)
def test_impossible_positions_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        parse(TrialConfig, {"model": {**small().model_dump(), **change}})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("position", ["learned", "rotary", "none"])
def test_a_width_that_only_the_table_of_sines_cannot_have(position: str) -> None:
    config = small(position=position, hidden_size=54, num_heads=3)
    assert random_dit(config)(*batch(config)).shape == (6, 8, 8, 8)
