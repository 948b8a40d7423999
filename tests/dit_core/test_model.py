"""The network as a whole: initial state, gradients, embeddings against closed forms, shapes, precision, refusals."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dit_core.config import TrialConfig
from dit_core.errors import UserError, parse
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.model.embedders import position_table, timestep_features
from dit_core.parts import BLOCKS, DECODERS

torch.set_num_threads(1)
SMALL = {"input_size": 8, "in_channels": 1, "hidden_size": 24, "depth": 2, "num_heads": 3, "num_classes": 10}
ALL = list(product(BLOCKS, DECODERS))


def batch(config: ModelConfig, count: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, config.in_channels, config.input_size, config.input_size, generator=generator)
    return x, torch.arange(count) * 200, torch.arange(count)


@pytest.mark.parametrize(("block", "decoder"), ALL)
def test_the_initial_output_is_exactly_zero(block: str, decoder: str) -> None:
    config = ModelConfig(**SMALL, block=block, decoder=decoder)
    out = DiT(config)(*batch(config))
    assert out.shape == (4, 2, 8, 8)
    assert not out.any()


@pytest.mark.parametrize(("block", "decoder"), ALL)
def test_gradients_reach_every_trainable_parameter(block: str, decoder: str) -> None:
    torch.manual_seed(0)
    config = ModelConfig(**SMALL, block=block, decoder=decoder)
    model = DiT(config)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    x, t, y = batch(config)
    reached: set[str] = set()
    for _ in range(6):  # one step opens the decoder, one more its gates, one more those of the blocks
        optimiser.zero_grad()
        F.mse_loss(model(x, t, y), torch.ones(4, 2, 8, 8)).backward()
        reached |= {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().max() > 1e-9}
        optimiser.step()
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    # softmax does not notice a constant added to every key: the bias of a separate key projection has no effect
    idle = {name for name in trainable if name.endswith("cross_attn.k.bias")}
    assert trainable - idle <= reached
    assert "pos_embed" not in reached


@pytest.mark.parametrize("block", BLOCKS.names())
def test_a_few_steps_lower_the_loss(block: str) -> None:
    torch.manual_seed(0)
    config = ModelConfig(**SMALL, block=block)
    model = DiT(config)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    x, t, y = batch(config)
    target = torch.cat((x, x.flip(-1)), dim=1)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = F.mse_loss(model(x, t, y), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_position_table_against_its_closed_form() -> None:
    width, side = 16, 3
    table = position_table(width, side)
    assert table.shape == (1, side * side, width)
    assert table.dtype == torch.float32
    quarter = width // 4
    for row, column in product(range(side), range(side)):
        for k in range(quarter):
            frequency = 1 / 10000 ** (k / quarter)
            expected = [
                math.sin(column * frequency),
                math.cos(column * frequency),
                math.sin(row * frequency),
                math.cos(row * frequency),
            ]
            found = table[0, row * side + column, k::quarter].tolist()
            assert found == pytest.approx(expected, abs=1e-6)


def test_timestep_features_against_their_closed_form() -> None:
    t = [0, 1, 17, 999]
    features = timestep_features(torch.tensor(t))
    assert features.shape == (4, 256)
    for row, step in enumerate(t):
        for k in (0, 1, 63, 127):
            angle = step * math.exp(-math.log(10000) * k / 128)
            assert features[row, k].item() == pytest.approx(math.cos(angle), abs=2e-4)
            assert features[row, 128 + k].item() == pytest.approx(math.sin(angle), abs=2e-4)


def test_whole_and_fractional_timesteps_agree() -> None:
    assert torch.equal(timestep_features(torch.tensor([3, 7])), timestep_features(torch.tensor([3.0, 7.0])))


def test_positions_are_counted_and_frozen() -> None:
    model = DiT(ModelConfig(**SMALL))
    assert dict(model.named_parameters())["pos_embed"].requires_grad is False
    assert torch.equal(model.pos_embed, position_table(24, 4))


def test_the_null_class_has_its_own_row_and_no_label_is_dropped_in_training_mode() -> None:
    config = ModelConfig(**SMALL)
    model = DiT(config).train()
    assert model.y_embedder.embedding_table.weight.shape == (11, 24)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.1)
        x, t, y = batch(config)
        assert torch.equal(model(x, t, y), model(x, t, y))
        assert not torch.equal(model(x, t, y), model(x, t, torch.full_like(y, config.num_classes)))


def test_initial_values_follow_the_recipe() -> None:
    torch.manual_seed(0)
    config = ModelConfig(hidden_size=128, depth=2, num_heads=4, block="adaln-zero", num_classes=500)
    model = DiT(config)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
    assert model.t_embedder.mlp[0].weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.t_embedder.mlp[2].weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.y_embedder.embedding_table.weight.std().item() == pytest.approx(0.02, rel=0.05)

    def bound(weight: torch.Tensor) -> float:
        rows, columns = weight.flatten(1).shape
        return math.sqrt(6 / (rows + columns))

    block = model.blocks[0]
    layers: list[Any] = [block.attn.qkv, block.attn.proj, block.mlp.fc1, block.mlp.fc2, model.x_embedder.proj]
    for layer in layers:
        largest = layer.weight.abs().max().item()
        assert 0.95 * bound(layer.weight) < largest <= bound(layer.weight)
    for norm in (module for module in model.modules() if isinstance(module, nn.LayerNorm)):
        assert norm.eps == 1e-6
        assert not norm.elementwise_affine


def test_the_same_seed_gives_the_same_weights() -> None:
    models = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        models.append(DiT(ModelConfig(**SMALL)).state_dict())
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])
    assert not all(torch.equal(models[0][name], models[2][name]) for name in models[0])


@pytest.mark.parametrize(("block", "decoder"), ALL)
def test_bfloat16_autocast(block: str, decoder: str) -> None:
    torch.manual_seed(0)
    config = ModelConfig(**SMALL, block=block, decoder=decoder)
    model = DiT(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    exact = model(*batch(config))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = model(*batch(config))
    assert rough.dtype in (torch.bfloat16, torch.float32)
    assert (rough.float() - exact).norm() < 0.05 * exact.norm()
    rough.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters() if p.requires_grad)


def test_weights_in_bfloat16() -> None:
    config = ModelConfig(**SMALL)
    x, t, y = batch(config)
    assert DiT(config).to(torch.bfloat16)(x.to(torch.bfloat16), t, y).dtype == torch.bfloat16


@pytest.mark.slow
@pytest.mark.parametrize("block", ["in-context", "adaln-zero"])
def test_the_network_compiles_to_one_graph(block: str) -> None:
    """Traced forward and backward; generating kernels as well takes a minute and is the compiler's own business."""
    torch.manual_seed(0)
    config = ModelConfig(**SMALL, block=block)
    model = DiT(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    out = torch.compile(model, backend="aot_eager", fullgraph=True)(*batch(config))
    torch.testing.assert_close(out, model(*batch(config)))
    out.sum().backward()
    assert model.decoder.linear.weight.grad.any()


def test_without_variance_the_output_has_the_inputs_channels() -> None:
    config = ModelConfig(**{**SMALL, "in_channels": 3}, learn_sigma=False)
    assert DiT(config)(*batch(config)).shape == (4, 3, 8, 8)


def test_a_wrong_input_shape_is_refused() -> None:
    config = ModelConfig(**SMALL)
    x, t, y = batch(config)
    with pytest.raises(ValueError, match=r"expected \(N, 1, 8, 8\), got \(4, 1, 8, 4\)"):
        DiT(config)(x[..., :4], t, y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch_size": 3}, r"model\.patch_size: 3 does not divide the input size 8; allowed: 1, 2, 4, 8"),
        ({"patch_size": 16}, r"model\.patch_size: 16 does not divide the input size 8"),
        ({"num_heads": 5}, r"model\.num_heads: 5 does not divide the hidden size 24"),
        ({"hidden_size": 6}, r"model\.hidden_size: 6 is not a multiple of 4"),
        ({"mlp_ratio": 0.01}, r"model\.mlp_ratio: 0\.01 of the hidden size 24 leaves no hidden unit"),
        ({"depth": 0}, r"depth: .*greater than 0, given 0"),
        ({"blocks": "adaln"}, r"blocks: unknown field; .*did you mean 'block'"),
    ],
)
def test_a_config_that_cannot_be_built_is_refused_in_one_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        parse(TrialConfig, {"model": {**SMALL, **change}})
    assert "\n" not in str(caught.value)
