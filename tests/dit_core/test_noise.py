"""Noise of images: the published generator, the same for any batch, on any path, with the right distribution."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from dit_core.runtime import compilation, noise
from dit_core.runtime.noise import integers_at, normals, philox, philox_in_place

CPU = torch.device("cpu")
ONES = 0xFFFFFFFF

# counter, key and result of philox4x32-10 in the known answers of Random123 1.14, tests/kat_vectors
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def by_tensors(counter: tuple[int, ...], key: tuple[int, int], device: torch.device = CPU) -> list[int]:
    return [int(word) for word in philox(*(torch.tensor([value], device=device) for value in (*counter, *key)))]


def on_the_tensor_path(positions: Tensor, shape: tuple[int, ...], seed: int, stream: str, step: int = 0) -> Tensor:
    """What a GPU runs, on the device of ``positions``."""
    size = math.prod(shape)
    found = noise._elsewhere(positions, -(-size // 4), noise._key(seed, stream), step)
    return found.flatten(1)[:, :size].reshape(len(positions), *shape)


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_both_forms_give_the_published_answers(
    counter: tuple[int, ...], key: tuple[int, int], expected: tuple[int, ...]
) -> None:
    assert by_tensors(counter, key) == list(expected)
    even, odd = (np.array(words, np.uint64)[:, None] for words in (counter[::2], counter[1::2]))
    philox_in_place(even, odd, key)
    assert (*even[:, 0], *odd[:, 0]) == (*expected[::2], *expected[1::2])


def test_the_counter_is_block_position_and_step() -> None:
    position, step = (5 << 32) + 7, 11
    even, odd = noise._words(np.array([3, position]), 4, (21, 22), step)
    for column, where in enumerate((3, position)):
        for block in range(4):
            found = [int(words[row, column * 4 + block]) for row in (0, 1) for words in (even, odd)]
            assert found == by_tensors((block, where & ONES, where >> 32, step), (21, 22))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 7), (1,), (4, 32, 32)])
def test_the_tensor_path_gives_what_the_processors_path_gives(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise, "_kernel", lambda device: noise._of_tensors)
    positions = torch.tensor([0, 1, 12, 5, 2**31, 2**33 + 1, 2**62])
    for step in (0, 249, 2**32 - 1):
        found = on_the_tensor_path(positions, shape, 3, "noise", step)
        assert found.dtype == torch.float32 and found.shape == (7, *shape)
        assert torch.equal(found, normals(positions, shape, 3, "noise", step))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on the CPU")
def test_the_fused_kernel_gives_the_same_integers_and_the_same_normals_but_for_the_last_digit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = compilation.fused(noise._of_tensors)
    monkeypatch.setattr(noise, "_kernel", lambda device: kernel)
    contexts = torch.no_grad(), torch.inference_mode()
    for count, shape, step, context in zip((40, 7), ((4, 16, 16), (1, 8, 8)), (3, 0), contexts, strict=True):
        positions = torch.arange(count) + 2**32 - 5
        with context, torch.autocast("cpu", torch.bfloat16):
            found = on_the_tensor_path(positions, shape, 3, "noise", step)
        expected = normals(positions, shape, 3, "noise", step)
        assert found.dtype == torch.float32 and found.shape == expected.shape
        assert (found == expected).float().mean() > 0.9999
        assert (found - expected).abs().max() <= 2 * torch.finfo(torch.float32).eps * expected.abs().max()
    counters = [torch.arange(100) + 10**6 * word for word in range(4)]
    key = torch.tensor([123]), torch.tensor([ONES])
    fused = torch.compile(philox, dynamic=True)(*counters, *key)
    assert all(torch.equal(left, right) for left, right in zip(fused, philox(*counters, *key), strict=True))


def test_a_kernel_that_computes_other_numbers_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "works", lambda device: True)
    monkeypatch.setattr(compilation, "fused", lambda function: lambda *given: ~function(*given).bool())
    assert noise._kernel.__wrapped__(CPU) is noise._of_tensors
    assert noise._choice.__wrapped__(CPU) is noise._of_chances
    monkeypatch.setattr(compilation, "fused", lambda function: lambda *given: function(*given) * 1)
    assert noise._kernel.__wrapped__(CPU) is not noise._of_tensors
    assert noise._choice.__wrapped__(CPU) is not noise._of_chances


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_integers_and_the_same_normals_but_for_the_last_digit() -> None:
    device = torch.device("cuda")
    for counter, key, expected in KNOWN:
        assert by_tensors(counter, key, device) == list(expected)
    positions = torch.arange(64) + 2**32 - 5
    expected = normals(positions, (4, 32, 32), 3, "noise", 9)
    for found in (
        normals(positions.to(device), (4, 32, 32), 3, "noise", 9),
        noise._of_tensors(
            torch.arange(1024, device=device)[None],
            positions.to(device)[:, None],
            noise._scalar(9, device),
            *noise._key_on(device, noise._key(3, "noise")),
        ).reshape(64, 4, 32, 32),
    ):
        assert (found.cpu() == expected).float().mean() > 0.9999
        assert (found.cpu() - expected).abs().max() <= 2 * torch.finfo(torch.float32).eps * expected.abs().max()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 5)])
def test_an_images_noise_is_the_same_in_every_batch(shape: tuple[int, ...]) -> None:
    whole = normals(torch.arange(1000, 1000 + 96), shape, 0, "noise", 2)
    for size in (1, 7, 32, 95):
        parts = [normals(part, shape, 0, "noise", 2) for part in torch.arange(1000, 1000 + 96).split(size)]
        assert torch.equal(torch.cat(parts), whole)
    order = torch.randperm(96, generator=torch.Generator().manual_seed(0))
    assert torch.equal(normals(1000 + order, shape, 0, "noise", 2), whole[order])


def test_large_images_are_made_piece_by_piece_without_a_seam() -> None:
    positions = torch.arange(20)
    whole = normals(positions, (4, 64, 64), 0, "noise")  # four images are a piece
    assert torch.equal(whole, torch.cat([normals(part, (4, 64, 64), 0, "noise") for part in positions.split(3)]))


def test_position_step_seed_and_stream_each_change_everything() -> None:
    def one(position: int = 5, seed: int = 1, stream: str = "noise", step: int = 0) -> Tensor:
        return normals(torch.tensor([position]), (1, 64, 64), seed, stream, step).flatten()

    positions = [one(position) for position in (5, 6, 5 + 2**32, 5 + 2**61)]
    rest = [one(seed=2), one(seed=-1), one(stream="posterior"), one(step=1), one(step=5), one(step=2**31)]
    drawn = torch.stack([*positions, *rest])
    correlations = torch.corrcoef(drawn) - torch.eye(len(drawn))
    assert correlations.abs().max() < 5 / 64  # five standard deviations of 64 x 64 independent pairs
    assert (drawn[:, None] == drawn[None]).float().mean((0, 1, 2)).item() < 0.11  # each equals itself alone
    assert torch.equal(one(), drawn[0])


def test_neighbouring_elements_images_and_steps_are_independent() -> None:
    """Also their squares, which the two halves of a Box-Muller pair share if anything is wrong."""
    drawn = torch.stack([normals(torch.arange(500), (1, 16, 16), 0, "noise", step) for step in range(3)]).double()
    flat = drawn.reshape(3, 500, 256)
    for values in (flat, flat.square(), flat.abs()):
        values = (values - values.mean()) / values.std()
        shifted = [(values[:, :, lag:], values[:, :, :-lag]) for lag in (1, 2, 3, 63, 64, 65, 128)]
        shifted += [(values[:, lag:], values[:, :-lag]) for lag in (1, 2, 16)]
        shifted += [(values[1:], values[:-1]), (values[2:], values[:-2])]
        for left, right in shifted:
            assert abs((left * right).mean().item()) * math.sqrt(left.numel()) < 5


def test_normals_are_standard_normal() -> None:
    drawn = normals(torch.arange(4000), (1, 16, 16), 7, "noise").flatten().double()
    count = len(drawn)
    for power, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((drawn**power).mean().item() - expected) < 5 * math.sqrt(variance / count)
    for part in (drawn, drawn[::4], drawn.reshape(4000, 4, 64)[:, 2].flatten()):
        assert stats.kstest(part.numpy(), "norm").pvalue > 1e-3
    for threshold in (2.0, 3.0, 4.0):
        expected = 2 * stats.norm.sf(threshold) * count
        assert abs((drawn.abs() > threshold).sum().item() - expected) < 5 * math.sqrt(expected)
    for image in drawn.reshape(4000, 256)[:20]:
        assert stats.kstest(image.numpy(), "norm").pvalue > 1e-4


def test_no_word_gives_infinity_or_nothing() -> None:
    """The uniforms of the smallest and the largest word, which chance would not find."""
    words = torch.tensor([0, 1, ONES - 1, ONES])
    radius = noise._radius(words)
    assert radius.isfinite().all() and (radius > 0).all()
    assert radius[0].item() == pytest.approx(math.sqrt(66 * math.log(2)), rel=1e-14)  # -2 ln 2^-33
    assert radius[3].item() == pytest.approx(2**-16, rel=1e-9)  # -2 ln(1 - 2^-33)
    assert noise._angle(words)[0] > 0 and noise._angle(words)[3] < 2 * math.pi


def test_streams_are_pinned() -> None:
    """Other numbers here mean other noise everywhere: raise the numerics version if this changes on purpose."""
    assert noise._key(0, "noise") == (575540424, 1404503488)
    found = normals(torch.tensor([1, 2**40]), (1, 2, 3), 0, "noise", 4).flatten().tolist()
    assert found == pytest.approx(
        [
            -2.2501528,
            -0.36229807,
            -0.70221573,
            1.2511728,
            0.15950361,
            -0.45836645,
            0.70915139,
            0.83662021,
            0.314897,
            0.034243643,
            0.3562746,
            2.2146115,
        ],
        rel=1e-6,
    )
    assert integers_at(torch.arange(8), 1000, 0, "eval-labels").tolist() == [705, 83, 123, 35, 29, 372, 517, 233]


def test_integers_are_uniform_and_belong_to_their_position() -> None:
    found = integers_at(torch.arange(100_000), 10, 0, "eval-labels")
    assert found.dtype == torch.int64
    assert stats.chisquare(found.bincount(minlength=10).numpy()).pvalue > 1e-3
    assert torch.equal(integers_at(torch.arange(500, 600), 10, 0, "eval-labels"), found[500:600])
    assert integers_at(torch.arange(50), 1, 0, "eval-labels").tolist() == [0] * 50
    assert not torch.equal(integers_at(torch.arange(100), 10, 1, "eval-labels"), found[:100])
    assert integers_at(torch.arange(1000), 2**31 - 1, 0, "eval-labels").max() > 2**30
