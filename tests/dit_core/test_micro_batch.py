"""A step taken part by part, and with the blocks' activations computed anew: the same training, in less memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_trials import curve, only, tiny

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.diffusion.build import build_process
from dit_core.events import Checkpointed, CurvePoint, Started
from dit_core.identity import train_id
from dit_core.model.dit import DiT
from dit_core.parts import BLOCKS
from dit_core.training.batches import batches
from dit_core.training.checkpoint import Checkpoints, checksum, read
from dit_core.training.loop import run
from dit_core.training.step import accumulate

B = 32
EVERYTHING = {
    "model": {"mask_token": True, "depth": 3, "long_skips": True, "position": "relative"},
    "training": {"mask_ratio": 0.5, "attention_dropout": 0.2, "mlp_dropout": 0.1, "gradient_clip": 0.5},
}


def trial(sections: dict[str, dict[str, object]] | None = None, **training: object) -> TrialConfig:
    sections = sections or {"model": {"depth": 2}}
    merged = {"log_every_steps": 1, "learning_rate": 3e-3, **sections.get("training", {}), **training}
    return tiny(**{**sections, "training": merged})


def train(folder: Path, steps: int, config: TrialConfig, **options: object) -> list[object]:
    return list(run(config, folder, until=steps * B, evaluate=False, **options))


def state(folder: Path, steps: int) -> str:
    images = steps * B
    return checksum(read(Checkpoints(folder / "checkpoints").path(images), images), images)


Whole = tuple[dict | None, Path, list[CurvePoint]]
"""Sections of a configuration, and what training them with whole batches wrote and said."""


@pytest.fixture(scope="module", params=[None, EVERYTHING], ids=["plain", "everything"])
def undivided(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    return request.param, folder, list(curve(train(folder, 10, trial(request.param))))


@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), 5, 16])
def test_parts_of_a_batch_lose_what_the_whole_loses(tmp_path: Path, undivided: Whole, size: int) -> None:
    sections, folder, whole = undivided
    parts = list(curve(train(tmp_path, 10, trial(sections, micro_batch=size))))
    assert len(whole) == len(parts) == 10
    for left, right in zip(whole, parts, strict=True):
        assert (left.loss, left.mse, left.vb) == pytest.approx((right.loss, right.mse, right.vb), rel=1e-5)
    assert state(folder, 10) != state(tmp_path, 10), "nothing was divided"


@pytest.mark.parametrize("block", BLOCKS.names())
def test_activations_computed_anew_have_the_same_bits(tmp_path: Path, block: str) -> None:
    sections = {**EVERYTHING, "model": {**EVERYTHING["model"], "block": block}}
    kept = list(curve(train(tmp_path / "kept", 4, trial(sections))))
    anew = list(curve(train(tmp_path / "anew", 4, trial(sections, activation_checkpointing=True))))
    assert kept == anew
    assert state(tmp_path / "kept", 4) == state(tmp_path / "anew", 4)


def test_activations_are_not_kept() -> None:
    def held(config: TrialConfig) -> int:
        """Values that a step keeps for its backward pass."""
        process, model = build_process(config.diffusion), DiT(config.model)
        model.activation_checkpointing = config.training.activation_checkpointing
        ((_, batch),) = batches(config, load_dataset(config.data), [0], torch.device("cpu"))
        kept: dict[int, int] = {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            kept[tensor.data_ptr()] = tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            accumulate(config, process, model, 0, batch, config.training.micro_batch)
        weights = {parameter.data_ptr() for parameter in model.parameters()}
        return sum(size for pointer, size in kept.items() if pointer not in weights)

    deep = {"model": {"depth": 8}}
    assert held(trial(deep, activation_checkpointing=True)) < held(trial(deep)) / 3


def test_neither_is_part_of_the_identity() -> None:
    assert train_id(trial(micro_batch=8, activation_checkpointing=True), "data") == train_id(trial(), "data")


def test_a_resumed_trial_goes_on_with_the_size_of_its_checkpoint(tmp_path: Path) -> None:
    train(tmp_path / "straight", 8, trial(micro_batch=8))
    train(tmp_path / "cut", 4, trial(micro_batch=8))
    other = train(tmp_path / "cut", 8, trial(micro_batch=3))
    assert other[0] == Started(4 * B, micro_batch=8)
    assert state(tmp_path / "cut", 8) == state(tmp_path / "straight", 8)


def test_a_checkpoint_without_a_size_goes_on_whole(tmp_path: Path) -> None:
    train(tmp_path / "straight", 8, trial())
    train(tmp_path / "cut", 4, trial(micro_batch=B))  # the whole batch is no part of it
    assert train(tmp_path / "cut", 8, trial(micro_batch=3))[0] == Started(4 * B)
    assert state(tmp_path / "cut", 8) == state(tmp_path / "straight", 8)


def test_a_limit_counts_whatever_config_and_checkpoint_say_and_stays(tmp_path: Path) -> None:
    train(tmp_path, 4, trial(micro_batch=16))
    events = train(tmp_path, 8, trial(micro_batch=16), micro_batch=8)
    assert only(Started, events) == [Started(4 * B, micro_batch=8)]
    assert only(Checkpointed, events)
    assert train(tmp_path, 12, trial(micro_batch=16))[0] == Started(8 * B, micro_batch=8)
    assert train(tmp_path, 16, trial(), micro_batch=64)[0] == Started(12 * B, micro_batch=8)
