"""One rank's share of a training batch, a function of the step.

For a GPU, the next batch's images and small draws come from a background thread. The noise is made on the device by the
caller's thread, see ``runtime/noise.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from dit_core.config import TrialConfig
from dit_core.data.base import ImageDataset
from dit_core.diffusion.times import draw_times
from dit_core.model.common import Dropped
from dit_core.runtime import distributed
from dit_core.runtime.noise import normals
from dit_core.runtime.randomness import chances, image_order, shuffles
from dit_core.training.dropout import draw_dropout
from dit_core.training.masking import kept_tokens

T = TypeVar("T")

_AT_ONCE = 2**16
"""Normals that the processor makes in one call for several steps: a call costs as much as some thousand of them."""


class Batch(NamedTuple):
    """What one training step needs, for this rank's n images.

    Attributes:
        x0: (n, C, H, W) float32 images or latents.
        y: (n,) int64 labels, some replaced by the null label.
        t: (n,) times: int64 steps, or float32 in [0, 1) for flow.
        noise: (n, C, H, W) float32.
        kept: (n, S) int64 tokens that run through the network's blocks, ascending; None for all.
        masked: (n, T - S) int64, the other tokens, ascending.
        attention_dropout: of the attention weights of all blocks; None for none.
        mlp_dropout: of what the pointwise networks of all blocks put out; None for none.
        features: (n, T, F) float32 to align tokens with; None for none.
    """

    x0: Tensor
    y: Tensor
    t: Tensor
    noise: Tensor
    kept: Tensor | None = None
    masked: Tensor | None = None
    attention_dropout: Dropped | None = None
    mlp_dropout: Dropped | None = None
    features: Tensor | None = None


class _Read(NamedTuple):
    """What a step needs and the CPU provides: images as they are kept, and the small draws.

    Attributes:
        x: (n, C, H, W) float32, see ``Inputs``.
        std: (n, C, H, W) float32 or None, see ``Inputs``.
        y: as in ``Batch``, like ``t``, ``kept``, ``masked`` and ``features``.
    """

    x: Tensor
    std: Tensor | None
    y: Tensor
    t: Tensor
    kept: Tensor | None
    masked: Tensor | None
    features: Tensor | None


def batches(
    config: TrialConfig, dataset: ImageDataset, steps: Iterable[int], device: torch.device
) -> Generator[tuple[int, Batch]]:
    """Yields training steps (0 is the first) and this rank's share of their batches; for a GPU, read in the background.

    What dropout leaves out is not drawn yet: it takes more room than all else, so ``part_of`` draws each part its own.

    Args:
        config: the trial.
        dataset: its training images.
        steps: the training steps.
        device: where the tensors go, and where the noise is made.
    """
    noise = _training_noise(config, device)
    with closing(prefetched(lambda step: _read(config, dataset, step, device), steps, device)) as found:
        for step, read in found:
            yield step, _with_noise(config, step, read, noise)


def draw(config: TrialConfig, dataset: ImageDataset, step: int, device: torch.device) -> Batch:
    """Returns this rank's share of the batch of one step; see ``batches``."""
    whole = _with_noise(config, step, _read(config, dataset, step, device), _training_noise(config, device))
    return part_of(config, step, whole, slice(None))


def part_of(config: TrialConfig, step: int, batch: Batch, rows: slice) -> Batch:
    """Returns some of this rank's images of a step, and what dropout leaves out of them.

    Args:
        config: the trial.
        step: the training step.
        batch: this rank's share of it, as ``batches`` yields it.
        rows: which of its images.
    """
    part = Batch._make(None if tensor is None else tensor[rows] for tensor in batch)
    first = step * config.training.batch_size + _mine(config).start
    positions = torch.arange(first, first + len(batch.x0), device=batch.x0.device)[rows]
    attention, mlp = draw_dropout(config, positions)
    return part._replace(attention_dropout=attention, mlp_dropout=mlp)


def _read(config: TrialConfig, dataset: ImageDataset, step: int, device: torch.device) -> _Read:
    size, seed, mine = config.training.batch_size, config.seed, _mine(config)
    flip = chances(size, 0.5, seed, "flip", step)[mine] if config.data.random_flip else None
    indices = image_order(step * size, size, len(dataset), seed)[mine]
    inputs = dataset.batch(indices, flip)
    aligned = dataset.features if config.training.alignment_weight else None
    dropped = chances(size, config.training.class_dropout, seed, "dropout", step)[mine]
    read = _Read(
        inputs.x,
        inputs.std,
        torch.where(dropped, config.model.num_classes, inputs.y),
        draw_times(config.diffusion, size, seed, step)[mine],
        *_split_tokens(config, step, mine),
        None if aligned is None else aligned.batch(indices, flip),
    )
    return _Read._make(None if tensor is None else _on(device, tensor) for tensor in read)


class TrainingNoise:
    """The noise of a rank's images by step: a function of their positions in the endless training sequence.

    The processor makes small noise for several steps at once. Steps are asked for in their order.

    Args:
        seed: the trial's seed.
        batch: images of a global batch.
        mine: the rank's place in it.
        device: where the noise is made.
    """

    def __init__(self, seed: int, batch: int, mine: slice, device: torch.device) -> None:
        self._seed, self._batch, self._mine, self._device = seed, batch, mine, device
        self._made: dict[tuple[str, int], Tensor] = {}

    def __call__(self, stream: str, step: int, like: Tensor) -> Tensor:
        """Returns the noise of one step, of the shape of ``like``, (n, C, H, W)."""
        if (stream, step) not in self._made:
            count = max(1, _AT_ONCE // like.numel()) if self._device.type == "cpu" else 1
            steps = torch.arange(step, step + count, device=self._device)[:, None]
            positions = steps * self._batch + torch.arange(self._mine.start, self._mine.stop, device=self._device)
            made = normals(positions.flatten(), like.shape[1:], self._seed, stream).split(len(like))
            self._made.update(zip(((stream, step + ahead) for ahead in range(count)), made, strict=True))
        return self._made.pop((stream, step))


def _training_noise(config: TrialConfig, device: torch.device) -> TrainingNoise:
    return TrainingNoise(config.seed, config.training.batch_size, _mine(config), device)


def _with_noise(config: TrialConfig, step: int, read: _Read, noise: TrainingNoise) -> Batch:
    x0 = read.x
    if read.std is not None:
        x0 = torch.addcmul(x0, read.std, noise("posterior", step, x0))
    made = noise("noise", step, x0)
    return Batch(x0, read.y, read.t, made, read.kept, read.masked, features=read.features)


def _mine(config: TrialConfig) -> slice:
    """Returns this rank's place in the global batch."""
    share = config.training.batch_size // distributed.world_size()
    return slice(distributed.rank() * share, (distributed.rank() + 1) * share)


def _split_tokens(config: TrialConfig, step: int, mine: slice) -> tuple[Tensor | None, Tensor | None]:
    training, tokens = config.training, config.model.num_tokens
    if training.mask_ratio == 0:
        return None, None
    kept = kept_tokens(tokens, training.mask_ratio)
    order = shuffles(training.batch_size, tokens, config.seed, "mask", step)[mine]
    return order[:, :kept].sort().values, order[:, kept:].sort().values


def _on(device: torch.device, tensor: Tensor) -> Tensor:
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def prefetched(make: Callable[[int], T], steps: Iterable[int], device: torch.device) -> Generator[tuple[int, T]]:
    """Yields (step, what ``make`` makes of it); for a GPU, one background thread makes the next one meanwhile.

    On the CPU they are made when they are wanted: a thread more than there are cores costs the step more than the batch
    does. An error in ``make`` is raised here. Closing the iterator ends the thread.
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
