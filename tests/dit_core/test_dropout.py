"""Dropout: where it acts, as in PyTorch and torchvision; what it is a function of; that it comes back bit by bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision.models.swin_transformer as swin
from random_weights import batch, random_dit, randomise, small
from small_trials import tiny
from torch import Tensor, nn

from dit_core.data import load_dataset
from dit_core.model.blocks.in_context import InContextBlock
from dit_core.model.common import Common, Dropped, drop
from dit_core.model.layers import SelfAttention
from dit_core.model.positions import offsets, sequence_offsets
from dit_core.parts import BLOCKS
from dit_core.runtime import distributed, noise
from dit_core.runtime.noise import kept_at
from dit_core.training.batches import Batch, draw
from dit_core.training.checkpoint import Checkpoints, checksum, read
from dit_core.training.loop import run

CPU = torch.device("cpu")
BOTH = {"attention_dropout": 0.3, "mlp_dropout": 0.2}


def dropped(shape: tuple[int, ...], probability: float = 0.3) -> Dropped:
    kept = kept_at(torch.arange(shape[0]), shape[1:], probability, 0, "test")
    assert 0 < kept.float().mean() < 1
    return Dropped(kept, 1 / (1 - probability))


def test_attention_weights_are_dropped_where_torchvision_drops_them(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = SelfAttention(small(position="relative"))
    randomise(ours, 0)
    theirs = swin.ShiftedWindowAttention(48, [4, 4], [0, 0], 4, attention_dropout=0.3)
    theirs.qkv.load_state_dict(ours.qkv.state_dict())
    theirs.proj.load_state_dict(ours.proj.state_dict())
    theirs.relative_position_bias_table.data.copy_(ours.bias.table)
    mask = dropped((3, 4, 16, 16))
    called: list[float] = []

    def same_mask(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
        called.append(p)
        return x if p == 0 else x * mask.kept / (1 - p)

    monkeypatch.setattr(swin.F, "dropout", same_mask)
    x = torch.randn(3, 16, 48, generator=torch.Generator().manual_seed(1))
    places = Common(offsets_NSS=sequence_offsets(offsets(small()), None))
    with torch.no_grad():
        expected = theirs(x.reshape(3, 4, 4, 48)).reshape(3, 16, 48)
        assert called == [0.3, 0.0]
        torch.testing.assert_close(ours(x, places._replace(attention_dropout=mask)), expected, rtol=0, atol=1e-5)
        assert (ours(x, places) - expected).abs().max() > 1e-2


def test_the_explicit_attention_is_the_fused_one() -> None:
    attention = SelfAttention(small())
    randomise(attention, 0)
    x = torch.randn(3, 16, 48, generator=torch.Generator().manual_seed(1))
    everything = Dropped(torch.ones(3, 4, 16, 16, dtype=torch.bool), 1.0)
    torch.testing.assert_close(attention(x, Common(attention_dropout=everything)), attention(x), rtol=0, atol=1e-5)


def test_the_pointwise_network_s_output_is_dropped_where_pytorchs_encoder_layer_drops_it() -> None:
    class Masked(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * mask.kept / 0.7

    mask = dropped((3, 16, 48))
    ours = InContextBlock(small(mlp="relu"))
    randomise(ours, 0)
    theirs = nn.TransformerEncoderLayer(48, 4, 192, dropout=0.0, batch_first=True, norm_first=True, layer_norm_eps=1e-6)
    theirs.self_attn.in_proj_weight.data.copy_(ours.attn.qkv.weight)
    theirs.self_attn.in_proj_bias.data.copy_(ours.attn.qkv.bias)
    pairs = [(theirs.self_attn.out_proj, ours.attn.proj), (theirs.linear1, ours.mlp.fc1),
             (theirs.linear2, ours.mlp.fc2), (theirs.norm1, ours.norm1), (theirs.norm2, ours.norm2)]  # fmt: skip
    for target, source in pairs:
        target.load_state_dict(source.state_dict())
    theirs.dropout2 = Masked()
    x = torch.randn(3, 16, 48, generator=torch.Generator().manual_seed(1))
    none = torch.zeros(3, 48)
    torch.testing.assert_close(ours(x, none, none, Common(mlp_dropout=mask)), theirs(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_the_right_share_is_dropped_and_the_mean_stays(probability: float) -> None:
    kept = kept_at(torch.arange(1000), (10, 20), probability, 3, "s")
    assert kept.float().mean().item() == pytest.approx(1 - probability, abs=0.004)
    x = drop(torch.ones(1000, 10, 20), Dropped(kept, 1 / (1 - probability)))
    assert x.mean().item() == pytest.approx(1, abs=0.05)
    assert x.unique().tolist() == [0.0, pytest.approx(1 / (1 - probability))]
    assert drop(x, None) is x


def test_what_is_dropped_is_a_function_of_seed_stream_position_and_block() -> None:
    positions = torch.tensor([0, 1, 12, 5, 2**31, 2**33 + 1])
    whole = kept_at(positions, (4, 7, 7), 0.4, 3, "s", 2)
    assert torch.equal(whole, torch.cat([kept_at(part, (4, 7, 7), 0.4, 3, "s", 2) for part in positions.split(4)]))
    for other in (
        kept_at(positions + 1, (4, 7, 7), 0.4, 3, "s", 2),
        kept_at(positions, (4, 7, 7), 0.4, 4, "s", 2),
        kept_at(positions, (4, 7, 7), 0.4, 3, "t", 2),
        kept_at(positions, (4, 7, 7), 0.4, 3, "s", 1),
    ):
        assert 0.3 < (whole != other).float().mean() < 0.65


@pytest.mark.parametrize("shape", [(1,), (3, 5), (4, 16, 16)])
def test_the_tensor_form_that_gpus_run_makes_the_same_choice(shape: tuple[int, ...]) -> None:
    positions, key = torch.tensor([0, 1, 2**31, 2**62]), noise._key(3, "s")
    size = torch.Size(shape).numel()
    scalars = [torch.full((1, 1), value) for value in (7, *key, round(0.3 * 2**32))]
    found = noise._of_chances(torch.arange(-(-size // 4))[None], positions[:, None], *scalars)
    expected = kept_at(positions, shape, 0.3, 3, "s", 7)
    assert torch.equal(found.flatten(1)[:, :size].reshape(4, *shape), expected)


def test_large_shapes_are_made_piece_by_piece_without_a_seam() -> None:
    whole = kept_at(torch.arange(20), (4, 64, 64), 0.5, 0, "s")
    assert torch.equal(
        whole, torch.cat([kept_at(part, (4, 64, 64), 0.5, 0, "s") for part in torch.arange(20).split(3)])
    )


@pytest.mark.parametrize("world", [2, 4])
def test_workers_drop_what_one_worker_drops(world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny(training=BOTH, model={"depth": 2})
    dataset = load_dataset(config.data)
    whole = draw(config, dataset, 5, CPU)
    parts: list[Batch] = []
    for rank in range(world):
        monkeypatch.setattr(distributed, "world_size", lambda: world)
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        parts.append(draw(config, dataset, 5, CPU))
    for name in ("attention_dropout", "mlp_dropout"):
        assert torch.equal(torch.cat([getattr(part, name).kept for part in parts], 1), getattr(whole, name).kept)
    assert not torch.equal(whole.mlp_dropout.kept[0], whole.mlp_dropout.kept[1]), "every block drops its own"
    assert not torch.equal(whole.mlp_dropout.kept, draw(config, dataset, 6, CPU).mlp_dropout.kept)


@pytest.mark.slow
@pytest.mark.parametrize("block", ["adaln-zero", "in-context"])
def test_it_compiles_to_one_graph(block: str) -> None:
    config = small(block=block, position="relative", depth=2)
    model = random_dit(config)
    tokens = 16 + BLOCKS.about(block).extra_tokens
    shapes = (2, 6, 4, tokens, tokens), (2, 6, tokens, 48)
    given = [Dropped(torch.rand(shape, generator=torch.Generator().manual_seed(0)) > 0.3, 1 / 0.7) for shape in shapes]
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(*batch(config), None, *given), model(*batch(config), None, *given))
    assert (model(*batch(config), None, *given) - model(*batch(config))).abs().max() > 1e-2


def trained(folder: Path, config: Any, *untils: int) -> str:
    for until in untils:
        list(run(config, folder, until=until, evaluate=False, device=CPU))
    return checksum(read(Checkpoints(folder / "checkpoints").path(untils[-1]), untils[-1]), untils[-1])


def test_a_training_that_stopped_comes_back_to_the_same_bits(tmp_path: Path) -> None:
    config = tiny(training=BOTH)
    straight = trained(tmp_path / "straight", config, 8 * 32)
    assert trained(tmp_path / "stopped", config, 3 * 32, 8 * 32) == straight
    assert trained(tmp_path / "plain", tiny(), 8 * 32) != straight


@pytest.mark.parametrize("block", BLOCKS.names())
def test_it_fits_every_sequence(block: str, tmp_path: Path) -> None:
    """Extra tokens, registers, tokens that are left out: the weights that are drawn are those that there are."""
    config = tiny(
        model={"block": block, "registers": 3, "mask_token": True, "depth": 2, "position": "relative"},
        training={**BOTH, "mask_ratio": 0.5},
    )
    events = list(run(config, tmp_path, until=64, evaluate=False, device=CPU))
    assert len(events) == 3
