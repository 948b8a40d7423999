"""Random numbers that belong to one image each: functions of (seed, stream, position, step), made where they are used.

The generator is Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), keyed by the
seed and the stream. Its counter holds the block within the image (32 bits), the image's position in training or
evaluation (64 bits) and the step where one is needed (32 bits). A rank makes the noise of its own images only.

The integers are equal on every device. Normals come from them by Box and Muller's transform. The uniforms are the exact
float64 (word + 1/2) / 2^32, never 0 or 1, so that normals reach 6.76 standard deviations; logarithm, root, sine, cosine
and the product are float64, and the result is rounded to float32 once. Float64 libraries may differ in the last bits,
which the rounding hides but for about one normal in 10^8: that one differs by one float32 unit in the last place.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dit_core.runtime import compilation

Key = tuple[int, int]
Words = NDArray[np.uint64]

_MASK = 0xFFFFFFFF
_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10
_UNIT = 2.0**-32
_COLUMN = np.array(_MULTIPLIERS, np.uint64)[:, None]
_PIECE = 2**14
"""Blocks that the processor makes at once: few enough for its cache."""


def normals(positions: Tensor, shape: Sequence[int], seed: int, stream: str, step: int = 0) -> Tensor:
    """Returns standard normal noise of images, on the device of ``positions``.

    A GPU makes it in one kernel where ``torch.compile`` works, and in two hundred where not. Call it from the thread
    that also runs compiled networks: a compiled function must not be called while another thread compiles.

    Args:
        positions: (n,) int64, at least 0: the images' positions in the endless sequence of training images, in the
            evaluation, or whatever else ``stream`` counts.
        shape: an image's shape.
        seed: the trial's seed.
        stream: what is drawn, e.g. ``noise``.
        step: which of several draws for the same image, at least 0 and below 2^32.

    Returns:
        (n, *shape) float32.
    """
    size, key = math.prod(shape), _key(seed, stream)
    blocks = -(-size // 4)
    if positions.device.type == "cpu":
        found = _on_the_processor(positions.numpy(), blocks, key, step)
    else:
        found = _elsewhere(positions, blocks, key, step)
    return found.flatten(1)[:, :size].reshape(len(positions), *shape)


def integers_at(positions: Tensor, below: int, seed: int, stream: str) -> Tensor:
    """Returns one integer per image, uniform on 0 .. below - 1 but for 2^-32.

    Args:
        positions: (n,) int64 on the CPU, at least 0.
        below: at least 1, below 2^31.
        seed: the trial's seed.
        stream: what is drawn, e.g. ``eval-labels``.

    Returns:
        (n,) int64.
    """
    even, _ = _words(positions.numpy(), 1, _key(seed, stream), 0)
    return torch.from_numpy((even[0] * np.uint64(below) >> 32).astype(np.int64))


def kept_at(positions: Tensor, shape: Sequence[int], dropped: float, seed: int, stream: str, step: int = 0) -> Tensor:
    """Returns which values of images stay when each is dropped by chance, on the device of ``positions``.

    A value is dropped where its word is below ``dropped * 2^32``, so equal integers make equal choices everywhere.

    Args:
        positions: as for ``normals``.
        shape: the shape of an image's values.
        dropped: the probability of being dropped, in [0, 1).
        seed: the trial's seed.
        stream: what is dropped, e.g. ``attention-dropout``.
        step: which of several draws for the same image, e.g. the block.

    Returns:
        (n, *shape) bool.
    """
    size, key, limit = math.prod(shape), _key(seed, stream), round(dropped * 2**32)
    blocks = -(-size // 4)
    if positions.device.type == "cpu":
        found = torch.empty(len(positions), 4, blocks, dtype=torch.bool)
        rows = max(1, _PIECE // blocks)
        for start in range(0, len(positions), rows):
            part = slice(start, start + rows)
            even, odd = _words(positions[part].numpy(), blocks, key, step)
            for place, words in enumerate((even[0], odd[0], even[1], odd[1])):
                found[part, place] = torch.from_numpy(words >= limit).view(-1, blocks)
    else:
        device = positions.device
        scalars = _scalar(step, device), *_key_on(device, key), _scalar(limit, device)
        found = _choice(device)(torch.arange(blocks, device=device)[None], positions[:, None], *scalars)
    return found.flatten(1)[:, :size].reshape(len(positions), *shape)


@lru_cache(maxsize=256)
def _key(seed: int, stream: str) -> Key:
    digest = hashlib.sha256(repr((seed, stream)).encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")


def philox(c0: Tensor, c1: Tensor, c2: Tensor, c3: Tensor, k0: Tensor, k1: Tensor) -> tuple[Tensor, ...]:
    """Returns the four words of every counter (c0, c1, c2, c3) under the key (k0, k1).

    All are int64 tensors that broadcast, with 32 bits in every element. A product of two of them wraps around; the sign
    that its upper half then has is masked.
    """
    for _ in range(_ROUNDS):
        left, right = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1 = (right >> 32 ^ c1 ^ k0) & _MASK, right & _MASK
        c2, c3 = (left >> 32 ^ c3 ^ k1) & _MASK, left & _MASK
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


def philox_in_place(even: Words, odd: Words, key: Key) -> None:
    """As ``philox``, with a third of the time on the processor, where small arrays cost as much as they have calls.

    Args:
        even: (2, n) uint64, the words 0 and 2 of the counters; becomes those of the results.
        odd: (2, n) uint64, the words 1 and 3; likewise.
        key: two words.
    """
    product = np.empty_like(even)
    upside_down = product[::-1]
    for round_key in _round_keys(key):
        np.multiply(even, _COLUMN, out=product)
        np.right_shift(upside_down, 32, out=even)
        np.bitwise_xor(odd, round_key, out=odd)
        np.bitwise_xor(even, odd, out=even)
        np.bitwise_and(upside_down, _MASK, out=odd)


@lru_cache(maxsize=256)
def _round_keys(key: Key) -> Words:
    keys = [[(word + turn * weyl) & _MASK for word, weyl in zip(key, _WEYL, strict=True)] for turn in range(_ROUNDS)]
    return np.array(keys, np.uint64)[:, :, None]


def _words(positions: NDArray[np.int64], blocks: int, key: Key, step: int) -> tuple[Words, Words]:
    """Returns words 0 and 2, and words 1 and 3, of every block of every image, both (2, n * blocks)."""
    even, odd = (np.empty((2, len(positions) * blocks), np.uint64) for _ in range(2))
    (block, high), (low, steps) = (words.reshape(2, len(positions), blocks) for words in (even, odd))
    block[:], high[:], low[:], steps[:] = np.arange(blocks), positions[:, None] >> 32, positions[:, None] & _MASK, step
    philox_in_place(even, odd, key)
    return even, odd


def _on_the_processor(positions: NDArray[np.int64], blocks: int, key: Key, step: int) -> Tensor:
    """Returns (n, 4, blocks) float32, a piece at a time."""
    found = torch.empty(len(positions), 2, 2, blocks, dtype=torch.float32)
    rows = max(1, _PIECE // blocks)
    for start in range(0, len(positions), rows):
        part = slice(start, start + rows)
        even, odd = (torch.from_numpy(words.view(np.int64)) for words in _words(positions[part], blocks, key, step))
        radius = even.double().add_(0.5).mul_(_UNIT).log_().mul_(-2).sqrt_()
        angle = odd.double().add_(0.5).mul_(2 * math.pi * _UNIT)
        for place, normal in enumerate((radius * angle.cos(), radius.mul_(angle.sin_()))):
            found[part, place] = normal.view(2, -1, blocks).transpose(0, 1)
    return found.flatten(1, 2)


def _elsewhere(positions: Tensor, blocks: int, key: Key, step: int) -> Tensor:
    """Returns (n, 4, blocks) float32; nothing is copied to the device."""
    device = positions.device
    block = torch.arange(blocks, device=device)
    return _kernel(device)(block[None], positions[:, None], _scalar(step, device), *_key_on(device, key))


def _scalar(value: int, device: torch.device) -> Tensor:
    return torch.full((1, 1), value, dtype=torch.int64, device=device)


@lru_cache(maxsize=256)
def _key_on(device: torch.device, key: Key) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):  # it is used inside and outside of inference mode
        return _scalar(key[0], device), _scalar(key[1], device)


@cache
def _kernel(device: torch.device) -> Callable[..., Tensor]:
    return _compiled(_of_tensors, device)


def _of_tensors(block: Tensor, position: Tensor, step: Tensor, k0: Tensor, k1: Tensor) -> Tensor:
    """Returns (n, 4, blocks) float32 from (1, blocks), (n, 1) and three (1, 1) int64 tensors; to be compiled."""
    w0, w1, w2, w3 = philox(block, position & _MASK, position >> 32, step, k0, k1)
    first, second = _radius(w0), _radius(w2)
    left, right = _angle(w1), _angle(w3)
    planes = [first * left.cos(), second * right.cos(), first * left.sin(), second * right.sin()]
    return torch.stack(planes, 1).float()


@cache
def _choice(device: torch.device) -> Callable[..., Tensor]:
    return _compiled(_of_chances, device, _scalar(_MASK // 3, device))


def _compiled(plain: Callable[..., Tensor], device: torch.device, *more: Tensor) -> Callable[..., Tensor]:
    """Returns one of the functions below in one kernel, or as it is where there is none or it computes other numbers.

    PyTorch 2.9's compiler, on the CPU at least, gets the integers wrong where they are computed by themselves.

    Args:
        plain: the function.
        device: where it will run.
        *more: what it takes after the key.
    """
    if not compilation.works(device):
        return plain
    kernel = compilation.fused(plain)
    columns, rows = torch.arange(100, device=device), torch.arange(5, device=device) + 2**32 - 3
    probe = (columns[None], rows[:, None], _scalar(3, device), *_key_on(device, (123, _MASK)), *more)
    with torch.no_grad():
        same = torch.allclose(kernel(*probe).float(), plain(*probe).float(), rtol=1e-5, atol=1e-5)
    return kernel if same else plain


def _of_chances(block: Tensor, position: Tensor, step: Tensor, k0: Tensor, k1: Tensor, limit: Tensor) -> Tensor:
    """Returns (n, 4, blocks) bool from (1, blocks), (n, 1) and four (1, 1) int64 tensors; to be compiled."""
    words = philox(block, position & _MASK, position >> 32, step, k0, k1)
    return torch.stack(words, 1) >= limit.unsqueeze(1)


def _radius(word: Tensor) -> Tensor:
    return ((word.double() + 0.5) * _UNIT).log().mul(-2).sqrt()


def _angle(word: Tensor) -> Tensor:
    return (word.double() + 0.5) * (2 * math.pi * _UNIT)
