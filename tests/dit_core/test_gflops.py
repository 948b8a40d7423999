"""Cost of every model in the paper, to every digit, and costs of what the paper does not have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import golden_counts
import pytest
import torch
from torch import Tensor, nn

from dit_core import counting, gflops, kept_counts
from dit_core.counting import OTHER, PARTS, macs_by_part
from dit_core.gflops import count, training_gmacs
from dit_core.model.config import ModelConfig
from dit_core.model.mlps import Mlp
from dit_core.paper import paper_row
from dit_core.parts import BLOCKS, DECODERS

torch.set_num_threads(1)
ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "paper_models.json").read_text())["models"]


def config_of(row: dict[str, Any]) -> ModelConfig:
    return ModelConfig(**{key: row[key] for key in ("patch_size", "hidden_size", "depth", "num_heads", "block")})


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_every_model_of_the_paper_costs_what_the_paper_says(row: dict[str, Any]) -> None:
    cost = count(config_of(row))
    assert round(cost.gmacs, 4) == row["gmacs"]
    assert cost.gmacs == pytest.approx(row["printed_gflops"], abs=0.02)
    assert sum(cost.parts.values()) == pytest.approx(cost.gmacs, rel=1e-12)
    assert tuple(cost.parts) == PARTS
    assert cost.params / 1e6 == pytest.approx(row["printed_params_m"], abs=1)
    if "trainable_params" in row:
        assert cost.trainable_params == row["trainable_params"]


def test_all_sixteen_rows_are_there() -> None:
    assert len(ROWS) == 16
    assert {row["block"] for row in ROWS} == set(BLOCKS) - {"adaln-single"}  # PixArt-alpha's


def test_the_largest_model_has_exactly_the_official_parameters() -> None:
    cost = count(ModelConfig())
    assert (cost.params, cost.trainable_params) == (675_129_632, 674_834_720)


def test_parts_of_the_largest_model_by_hand() -> None:
    tokens, width, depth = 256, 1152, 28
    by_hand = {
        "patchify": tokens * 4 * 2 * 2 * width,
        "attention": depth * (4 * tokens * width**2 + 2 * tokens**2 * width),
        "mlp": depth * 8 * tokens * width**2,
        "conditioning": 256 * width + width**2 + depth * 6 * width**2 + 2 * width**2,
        "decoder": tokens * width * 2 * 2 * 8,
    }
    parts = count(ModelConfig()).parts
    assert parts == pytest.approx({part: macs / 1e9 for part, macs in by_hand.items()}, rel=1e-12)


def test_cross_attention_is_booked_as_conditioning_and_adds_the_papers_fifteen_percent() -> None:
    cost, baseline = count(ModelConfig(block="cross-attention")), count(ModelConfig())
    assert cost.parts["attention"] == baseline.parts["attention"]
    assert cost.parts["conditioning"] / baseline.gmacs == pytest.approx(0.16, abs=0.01)


@pytest.mark.parametrize("decoder", DECODERS.names())
def test_a_decoder_changes_only_its_own_part(decoder: str) -> None:
    small = {"hidden_size": 64, "depth": 2, "num_heads": 4}
    linear, other = (count(ModelConfig(**small, decoder=name)) for name in ("linear", decoder))
    assert {part: v for part, v in linear.parts.items() if part != "decoder"} == {
        part: v for part, v in other.parts.items() if part != "decoder"
    }
    assert (other.parts["decoder"] > linear.parts["decoder"]) == (decoder != "linear")


def test_decoders_by_hand() -> None:
    # 4 patches of 2x2 on a 4x4 input of 1 channel, 2 channels out, width 16
    config = {"input_size": 4, "in_channels": 1, "hidden_size": 16, "depth": 1, "num_heads": 2, "num_classes": 3}
    by_hand = {
        "linear": 4 * 16 * 8,
        "mlp": 4 * 16 * 16 + 4 * 16 * 8,
        "conv": 4 * 16 * 8 + 16 * 9 * 2 * 2,
        "conv-upsample": 4 * 16 * (4 * 16) + 16 * 9 * 16 * 16 + 16 * 9 * 16 * 2,
        # patches, two blocks (attention, MLP, six vectors per token), two vectors per token, the linear
        "ddt": 4 * 4 * 16 + 2 * (4 * 4 * 16**2 + 2 * 4**2 * 16 + 8 * 4 * 16**2 + 4 * 6 * 16**2)
        + 4 * 2 * 16**2 + 4 * 16 * 8,
    }  # fmt: skip
    assert set(by_hand) == set(DECODERS)
    for decoder, macs in by_hand.items():
        assert count(ModelConfig(**config, decoder=decoder)).parts["decoder"] * 1e9 == pytest.approx(macs)


def test_a_part_unknown_to_the_counter_is_counted_and_named() -> None:
    class Inner(nn.Module):
        cost_part = "memory"

        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.empty(5, 7))

        def forward(self, x_ND: Tensor) -> Tensor:
            return x_ND @ self.table

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.mlp, self.last = Inner(), Mlp(7, 11), nn.Linear(7, 2)

        def forward(self, x_ND: Tensor) -> Tensor:
            return self.last(self.mlp(self.inner(x_ND)))

    with torch.device("meta"):
        parts = macs_by_part(Outer(), (torch.empty(3, 5),))
    assert parts == {**dict.fromkeys(PARTS, 0), "memory": 3 * 5 * 7, "mlp": 2 * 3 * 7 * 11, OTHER: 3 * 7 * 2}


def test_training_costs_three_forward_passes_an_image() -> None:
    cost = count(ModelConfig())
    assert training_gmacs(cost, 256) == pytest.approx(cost.gmacs * 256 * 3)


def test_counting_again_is_free_and_a_caller_cannot_spoil_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first = count(ModelConfig())
    first.parts.clear()
    monkeypatch.setattr(counting, "DiT", lambda *_: pytest.fail("the network is built again"))
    assert count(ModelConfig()).parts


def test_a_count_is_kept_for_other_processes_and_a_damaged_one_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path))
    config = ModelConfig(input_size=8, in_channels=1, hidden_size=16, depth=1, num_heads=2)
    gflops._count.cache_clear()
    first = count(config)
    (path,) = tmp_path.glob("gflops/*.json")
    gflops._count.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(counting, "DiT", lambda *_: pytest.fail("the network is built again"))
        assert count(config) == first
    path.write_text('{"params": ')
    gflops._count.cache_clear()
    assert count(config) == first
    gflops._count.cache_clear()


def test_what_another_machine_has_counted_is_taken_where_nothing_is_known_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ModelConfig(input_size=8, in_channels=1, hidden_size=16, depth=1, num_heads=2, mask_token=True)
    here, counts = count(config, 0.5), gflops.counts_of(config, 0.5)
    assert len(counts) == 2, "a forward pass of evaluation, and one in training"
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path))
    monkeypatch.setattr(kept_counts, "_told", {})
    monkeypatch.setattr(counting, "DiT", lambda *_: pytest.fail("the network is built again"))
    kept_counts.tell(counts)
    gflops._count.cache_clear()
    assert count(config, 0.5) == here and not list(tmp_path.iterdir())
    gflops._count.cache_clear()


@pytest.mark.slow
def test_counts_change_only_with_their_version() -> None:
    hint = (
        "what networks are counted to cost has changed, or a network is new; if it has changed on purpose, raise "
        "dit_core.kept_counts.VERSION, or the numerics of the part in dit_core.parts; then run "
        "`PYTHONPATH=tests/helpers python -m golden_counts`; if not, find out why"
    )
    assert golden_counts.counted() == golden_counts.stored(), hint


def test_printed_figures() -> None:
    for row in ROWS:
        size, patch = row["name"].split()[0].split("/")
        printed = paper_row(size, int(patch), row["block"])
        assert printed is not None
        assert (printed["gflops"], printed["params_m"]) == (row["printed_gflops"], row["printed_params_m"])
    assert paper_row("XL", 2) == {"model": "XL/2", "gflops": 118.64, "params_m": 675, "fid50k_400k": 19.47}
    assert paper_row("XL", 2, "in-context") == {
        "model": "XL/2 in-context",
        "gflops": 119.37,
        "params_m": 449,
        "fid50k_400k": 35.24,
    }
    assert paper_row("S", 2, "adaln") is None
    assert paper_row("XL", 2, decoder="conv") is None
    assert paper_row("XL", 1) is None
