"""The network against diffusers' ``DiTTransformer2DModel``, with random weights everywhere."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import DiTTransformer2DModel
from random_weights import batch, random_dit, small
from torch import Tensor, nn

from dit_core.interop.diffusers import Diffusers, fill_null_classes, match_timesteps, transformer_config
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT

TOLERANCE = {"atol": 1e-5, "rtol": 0.0}
VARIANTS: dict[str, dict[str, Any]] = {
    "the small one": {},
    "pixels, fixed variance": {"in_channels": 1, "learn_sigma": False},
    "one big patch per quarter": {"patch_size": 4, "num_heads": 2},
    "a thousand classes": {"num_classes": 1000, "depth": 1},
    "unconditional": {"num_classes": 0},
}


def theirs(model: DiT, *, matched: bool = True, **changes: Any) -> DiTTransformer2DModel:
    """The same network in diffusers."""
    transformer = DiTTransformer2DModel(**{**transformer_config(model.config), **changes}).eval()
    tensors = fill_null_classes(Diffusers().from_ours(model.state_dict()), model.config.num_classes)
    transformer.load_state_dict(tensors, strict=True)
    if matched:
        match_timesteps(transformer)
    return transformer


@torch.no_grad()
def outputs(config: ModelConfig, **how: Any) -> tuple[Tensor, Tensor]:
    """What ours and theirs make of the same batch."""
    model = random_dit(config)
    x, t, y = batch(config)
    return model(x, t, y), theirs(model, **how)(x, timestep=t, class_labels=y).sample


def recorded(modules: list[nn.Module], found: list[Tensor]) -> None:
    """Keeps what each module returns, in the order of the calls."""
    for module in modules:
        module.register_forward_hook(lambda _, __, output: found.append(output))


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_output_is_the_same(variant: str) -> None:
    config = small(**VARIANTS[variant])
    ours, reference = outputs(config)
    assert reference.shape == (6, config.out_channels, 8, 8)
    assert reference.std() > 0.3, "an output of almost nothing would agree with anything"
    torch.testing.assert_close(ours, reference, **TOLERANCE)


@torch.no_grad()
def test_every_part_is_the_same() -> None:
    config = small()
    model = random_dit(config)
    transformer = theirs(model)
    ours: list[Tensor] = []
    reference: list[Tensor] = []
    first = transformer.transformer_blocks[0].norm1
    recorded([model.x_embedder], ours)
    recorded([transformer.pos_embed], reference)
    recorded([model.t_embedder, model.y_embedder], ours)
    recorded([first.emb.timestep_embedder, first.emb.class_embedder], reference)
    for mine, other in zip(model.blocks, transformer.transformer_blocks, strict=True):
        recorded([mine.attn, mine.mlp, mine], ours)
        recorded([other.attn1, other.ff, other], reference)
    x, t, y = batch(config)
    model(x, t, y)
    transformer(x, timestep=t, class_labels=y)
    ours[0] = ours[0] + model.pos_embed  # diffusers adds positions inside its patch embedding
    reference = reference[:-2]  # block 0's embedders run once more for the last layer
    assert len(ours) == len(reference) == 3 + 3 * config.depth
    for index, (mine, other) in enumerate(zip(ours, reference, strict=True)):
        assert other.std() > 0.05, index
        torch.testing.assert_close(mine, other, **TOLERANCE, msg=lambda text, index=index: f"part {index}: {text}")


def test_gates_and_null_rows_are_really_exercised() -> None:
    config = small()
    model = random_dit(config)
    x, t, y = batch(config)
    with torch.no_grad():
        before = model(x, t, y)
        for block in model.blocks:
            block.adaLN_modulation.zero()
        assert (model(x, t, y) - before).abs().max() > 0.1
        assert (
            model(x, t, torch.full_like(y, config.num_classes)) - model(x, t, torch.zeros_like(y))
        ).abs().max() > 0.1


def test_unmatched_timestep_frequencies_are_a_difference_of_this_size() -> None:
    ours, reference = outputs(small(), matched=False)
    apart = (ours - reference).abs()
    # frequencies differ by a factor up to 10000^(1/127 - 1/128) of their k-th power: the middle ones matter
    assert 0.01 < apart.max() < 10, apart.max()
    assert apart[0].max() < 1e-5, "at timestep 0 every frequency gives the same"


def test_the_default_epsilon_of_diffusers_is_a_difference_of_this_size() -> None:
    ours, reference = outputs(small(), norm_eps=1e-5)
    apart = (ours - reference).abs().max()
    assert 1e-6 < apart < 1e-3, apart


def test_diffusers_keeps_embedders_per_block() -> None:
    config = ModelConfig()  # DiT-XL/2
    with torch.device("meta"):
        ours = sum(parameter.numel() for parameter in DiT(config).parameters() if parameter.requires_grad)
        reference = sum(
            parameter.numel() for parameter in DiTTransformer2DModel(**transformer_config(config)).parameters()
        )
    assert round(ours / 1e6, 1) == 674.8
    assert round(reference / 1e6, 1) == 749.8
    embedders = 1001 * 1152 + (256 + 1) * 1152 + (1152 + 1) * 1152
    assert reference - ours == 27 * embedders


def test_diffusers_drops_labels_in_every_block_anew_when_training() -> None:
    config = small()
    transformer = theirs(random_dit(config)).train()
    found: list[Tensor] = []
    recorded([block.norm1.emb.class_embedder for block in transformer.transformer_blocks], found)
    x, t, y = (tensor.repeat(20, *[1] * (tensor.dim() - 1)) for tensor in batch(config))
    torch.manual_seed(0)
    transformer(x, timestep=t, class_labels=y)
    blocks = found[: config.depth]
    assert not torch.equal(blocks[0], blocks[1]), "the blocks of one step would see one label"
