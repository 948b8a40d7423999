"""Randomness as a function, not a state: every draw depends on (seed, stream, index) and on nothing before it.

These are the small draws (order, timesteps, flips); those of an image's size are in ``noise.py``. A draw is made on the
CPU for the global batch and sliced by rank, so a resumed trial continues as if it had never stopped, the number of
workers changes nothing, and arms that share a seed see the same images and timesteps.
The generator is Philox (Salmon et al., 2011), keyed by a SHA-256 of the arguments: streams cannot collide.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


def generator(seed: int, stream: str, *index: int) -> np.random.Generator:
    """Returns a fresh generator for one draw.

    Args:
        seed: the trial's seed.
        stream: what is drawn, e.g. ``timesteps``.
        *index: which draw: the step, the epoch, ...
    """
    key = hashlib.sha256(repr((seed, stream, *index)).encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=np.frombuffer(key, np.uint64)))


def torch_seed(seed: int, stream: str) -> int:
    """Returns a seed for ``torch.manual_seed``, which initialises weights."""
    return int(generator(seed, stream).integers(2**32))


def normal(count: int, seed: int, stream: str, *index: int) -> Tensor:
    """Returns (count,) float32, standard normal."""
    return torch.from_numpy(generator(seed, stream, *index).standard_normal(count, np.float32))


def integers(count: int, below: int, seed: int, stream: str, *index: int) -> Tensor:
    """Returns (count,) int64, uniform on 0 .. below - 1."""
    return torch.from_numpy(generator(seed, stream, *index).integers(below, size=count))


def uniform(count: int, seed: int, stream: str, *index: int) -> Tensor:
    """Returns (count,) float32, uniform on [0, 1)."""
    return torch.from_numpy(generator(seed, stream, *index).random(count, np.float32))


def chances(count: int, probability: float, seed: int, stream: str, *index: int) -> Tensor:
    """Returns (count,) bool, each true with ``probability``."""
    return torch.from_numpy(generator(seed, stream, *index).random(count) < probability)


def shuffles(count: int, size: int, seed: int, stream: str, *index: int) -> Tensor:
    """Returns (count, size) int64, each row a permutation of 0 .. size - 1."""
    return torch.from_numpy(generator(seed, stream, *index).random((count, size)).argsort(1))


def image_order(start: int, count: int, size: int, seed: int) -> Tensor:
    """Returns which images come at positions ``start .. start + count - 1`` of the endless training sequence.

    The sequence is one permutation of the data set per epoch, one after another, so any batch size fits any data
    set and every image is seen once per epoch.

    Args:
        start: training images seen before.
        count: images wanted.
        size: images in the data set.
        seed: the trial's seed.

    Returns:
        (count,) int64 indices.
    """
    parts = []
    while count > 0:
        epoch, offset = divmod(start, size)
        part = _permutation(seed, epoch, size)[offset : offset + count]
        parts.append(part)
        start, count = start + len(part), count - len(part)
    return torch.from_numpy(np.concatenate(parts))


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return generator(seed, "order", epoch).permutation(size)
