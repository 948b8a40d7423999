"""Images and noise of training and evaluation: the same for 1, 2 and 4 workers, in batches of any size."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from leaving import leave
from random_weights import random_dit
from small_trials import tiny
from torch import Tensor

from dit_core import evaluation
from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.data.base import ImageDataset, Inputs, Split
from dit_core.data.config import DataConfig
from dit_core.training.batches import Batch, draw

CPU = torch.device("cpu")
BATCH, STEPS, SAMPLES = 16, (0, 1, 120), 50
SIZES = (7, 16, 50)
WORLDS = (4, 2)


class Blurred(ImageDataset):
    """Digits with a deviation around every pixel, as a VAE's posterior has."""

    def __init__(self) -> None:
        self.inner = load_dataset(tiny().data)
        self.name, self.num_classes, self.channels = "blurred", 10, 1
        self.size, self.image_shape, self.fingerprint = 8, (1, 8, 8), "blurred"

    @classmethod
    def load(cls, config: DataConfig) -> Self:
        return cls()

    def count(self, split: Split) -> int:
        return self.inner.count(split)

    def batch(self, indices: Tensor, flip: Tensor | None = None) -> Inputs:
        found = self.inner.batch(indices, flip)
        return found._replace(std=0.1 + found.x.abs())

    def reference(self, split: Split, batch_size: int = 256) -> Iterator[Tensor]:
        return self.inner.reference(split, batch_size)


def trial(size: int) -> TrialConfig:
    return tiny(
        training={"batch_size": BATCH},
        evaluation={"num_samples": SAMPLES, "batch_size": size, "sampling_steps": 4},
    )


def sampled(size: int) -> dict[str, dict[Any, Tensor]]:
    """Evaluates on this rank; returns its images by position and its noise by stream, step and position."""
    noise: dict[Any, Tensor] = {}
    images: dict[Any, Tensor] = {}
    normals, generate = evaluation.normals, evaluation.generate

    def seen_normals(positions: Tensor, shape: Any, seed: int, stream: str, step: int = 0) -> Tensor:
        found = normals(positions, shape, seed, stream, step)
        for position, values in zip(positions.tolist(), found, strict=True):
            assert (stream, step, position) not in noise, "an image's noise is drawn once"
            noise[stream, step, position] = values.clone()
        return found

    def seen_generate(config: Any, model: Any, dataset: Any, labels: Tensor, stream: str, positions: Tensor) -> Tensor:
        found = generate(config, model, dataset, labels, stream, positions)
        images.update({(stream, position): image for position, image in zip(positions.tolist(), found, strict=True)})
        return found

    evaluation.normals, evaluation.generate = seen_normals, seen_generate
    try:
        config = trial(size)
        evaluation.evaluate(config, random_dit(config.model), load_dataset(config.data), images=0)
    finally:
        evaluation.normals, evaluation.generate = normals, generate
    return {"images": images, "noise": noise}


def drawn() -> list[Batch]:
    return [draw(trial(16), Blurred(), step, CPU) for step in STEPS]


def work(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    for world in WORLDS:
        if rank < world:
            meeting = f"file://{folder}/meeting{world}"
            dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world,
                                    timeout=timedelta(seconds=300))  # fmt: skip
            torch.save({"drawn": drawn(), **{size: sampled(size) for size in SIZES}}, folder / f"{world}-{rank}.pt")
            dist.barrier()
            dist.destroy_process_group()
    leave()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[dict[Any, Any]]]:
    """What every rank of every number of workers saw."""
    folder = tmp_path_factory.mktemp("ranks")
    mp.spawn(work, args=(folder,), nprocs=max(WORLDS))
    load = {world: [folder / f"{world}-{rank}.pt" for rank in range(world)] for world in WORLDS}
    return {world: [torch.load(path, weights_only=False) for path in paths] for world, paths in load.items()}


@pytest.fixture(scope="module")
def alone() -> dict[str, dict[Any, Tensor]]:
    return sampled(SAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_a_training_batch_is_that_of_one_worker_bit_for_bit(world: int, ranks: Any) -> None:
    for index, whole in enumerate(drawn()):
        shares = [answers["drawn"][index] for answers in ranks[world]]
        for field in ("x0", "y", "t", "noise"):
            parts = [getattr(share, field) for share in shares]
            assert [len(part) for part in parts] == [BATCH // world] * world
            assert torch.equal(torch.cat(parts), getattr(whole, field)), field


def test_an_images_noise_depends_on_its_position_and_not_on_the_batch_size() -> None:
    """Step 4 of batches of 8 trains the images of the second half of step 2 of batches of 16."""
    small = tiny(training={"batch_size": 8})
    for step in (4, 5):
        whole, half = draw(trial(16), Blurred(), 2, CPU), draw(small, Blurred(), step, CPU)
        mine = slice(0, 8) if step == 4 else slice(8, 16)
        assert torch.equal(half.noise, whole.noise[mine]) and torch.equal(half.x0, whole.x0[mine])


@pytest.mark.parametrize("size", SIZES)
def test_samples_in_batches_are_those_of_one_batch(size: int, alone: dict[str, dict[Any, Tensor]]) -> None:
    same([sampled(size)], alone)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("world", WORLDS)
def test_samples_of_workers_are_those_of_one(
    world: int, size: int, ranks: Any, alone: dict[str, dict[Any, Tensor]]
) -> None:
    same([answers[size] for answers in ranks[world]], alone)


def same(parts: list[dict[str, dict[Any, Tensor]]], alone: dict[str, dict[Any, Tensor]]) -> None:
    """Asserts that the parts together are, bit for bit, what one worker draws and makes in one batch."""
    noise = [key for part in parts for key in part["noise"]]
    assert len(noise) == len(set(noise)) and set(noise) == set(alone["noise"])
    assert all(torch.equal(part["noise"][key], alone["noise"][key]) for part in parts for key in part["noise"])
    images = {key: image for part in parts for key, image in part["images"].items()}
    assert (
        set(images)
        == set(alone["images"])
        == {*(("eval", i) for i in range(SAMPLES)), *(("grid", i) for i in range(20))}
    )
    found, expected = (torch.stack([one[key] for key in alone["images"]]).int() for one in (images, alone["images"]))
    assert expected.float().std() > 20
    assert (found - expected).abs().max() <= 1 and (found != expected).float().mean() < 0.01  # 8 bits, rounded
