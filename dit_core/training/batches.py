"""One rank's share of a training batch, drawn as a function of the step, the next one prepared in the background."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor

from dit_core.config import TrialConfig
from dit_core.data.base import ImageDataset
from dit_core.diffusion.times import draw_times
from dit_core.training import distributed
from dit_core.training.randomness import chances, image_order, normal


class Batch(NamedTuple):
    """What one training step needs, for this rank's n images.

    Attributes:
        x0: (n, C, H, W) float32 images or latents.
        y: (n,) int64 labels, some replaced by the null label.
        t: (n,) times: int64 steps, or float32 in [0, 1) for flow.
        noise: (n, C, H, W) float32.
    """

    x0: Tensor
    y: Tensor
    t: Tensor
    noise: Tensor


def draw(config: TrialConfig, dataset: ImageDataset, step: int, device: torch.device) -> Batch:
    """Returns this rank's share of the batch of training step ``step`` (0 is the first).

    Args:
        config: the trial.
        dataset: its training images.
        step: the training step.
        device: where the tensors go.
    """
    size, seed = config.training.batch_size, config.seed
    share = size // distributed.world_size()
    mine = slice(distributed.rank() * share, (distributed.rank() + 1) * share)
    shape = (size, dataset.channels, dataset.size, dataset.size)

    flip = chances(size, 0.5, seed, "flip", step)[mine] if config.data.random_flip else None
    posterior = normal(shape, seed, "posterior", step)[mine] if dataset.needs_noise else None
    x0, y = dataset.batch(image_order(step * size, size, len(dataset), seed)[mine], flip, posterior)
    dropped = chances(size, config.training.class_dropout, seed, "dropout", step)[mine]
    batch = (
        x0,
        torch.where(dropped, config.model.num_classes, y),
        draw_times(config.diffusion, size, seed, step)[mine],
        normal(shape, seed, "noise", step)[mine],
    )
    if device.type == "cuda":
        return Batch(*(tensor.pin_memory().to(device, non_blocking=True) for tensor in batch))
    return Batch(*(tensor.to(device) for tensor in batch))


def prefetched(make: Callable[[int], Batch], steps: Iterable[int]) -> Generator[tuple[int, Batch]]:
    """Yields (step, batch); one background thread makes the next batch meanwhile. An error in ``make`` is raised here.

    Closing the iterator ends the thread.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        pending = None
        for step in steps:
            following = step, pool.submit(make, step)
            if pending is not None:
                yield pending[0], pending[1].result()
            pending = following
        if pending is not None:
            yield pending[0], pending[1].result()
