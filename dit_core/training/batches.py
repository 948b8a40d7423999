"""One rank's share of a training batch, drawn as a function of the step; a GPU's next one in the background."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor

from dit_core.config import TrialConfig
from dit_core.data.base import ImageDataset
from dit_core.diffusion.times import draw_times
from dit_core.runtime import distributed
from dit_core.runtime.randomness import chances, image_order, normal, shuffles
from dit_core.training.masking import kept_tokens


class Batch(NamedTuple):
    """What one training step needs, for this rank's n images.

    Attributes:
        x0: (n, C, H, W) float32 images or latents.
        y: (n,) int64 labels, some replaced by the null label.
        t: (n,) times: int64 steps, or float32 in [0, 1) for flow.
        noise: (n, C, H, W) float32.
        kept: (n, S) int64 tokens that run through the network's blocks, ascending; None for all.
        masked: (n, T - S) int64, the other tokens, ascending.
    """

    x0: Tensor
    y: Tensor
    t: Tensor
    noise: Tensor
    kept: Tensor | None = None
    masked: Tensor | None = None


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
    batch = Batch(
        x0,
        torch.where(dropped, config.model.num_classes, y),
        draw_times(config.diffusion, size, seed, step)[mine],
        normal(shape, seed, "noise", step)[mine],
        *_split_tokens(config, step, mine),
    )
    return Batch._make(None if tensor is None else _on(device, tensor) for tensor in batch)


def _split_tokens(config: TrialConfig, step: int, mine: slice) -> tuple[Tensor | None, Tensor | None]:
    training, tokens = config.training, config.model.num_tokens
    if training.mask_ratio == 0:
        return None, None
    kept = kept_tokens(tokens, training.mask_ratio)
    order = shuffles(training.batch_size, tokens, config.seed, "mask", step)[mine]
    return order[:, :kept].sort().values, order[:, kept:].sort().values


def _on(device: torch.device, tensor: Tensor) -> Tensor:
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def prefetched(
    make: Callable[[int], Batch], steps: Iterable[int], device: torch.device
) -> Generator[tuple[int, Batch]]:
    """Yields (step, batch); for a GPU, one background thread makes the next batch meanwhile.

    On the CPU batches are made when they are wanted: a thread more than there are cores costs the step more than the
    batch does. An error in ``make`` is raised here. Closing the iterator ends the thread.
    """
    if device.type == "cpu":
        for step in steps:
            yield step, make(step)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        pending = None
        for step in steps:
            following = step, pool.submit(make, step)
            if pending is not None:
                yield pending[0], pending[1].result()
            pending = following
        if pending is not None:
            yield pending[0], pending[1].result()
