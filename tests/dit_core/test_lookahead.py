"""Noise drawn ahead is the noise that would have been drawn."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor

from dit_core.diffusion.lookahead import Lookahead
from dit_core.runtime.randomness import normal

CPU = torch.device("cpu")


class Draws:
    """Draws as an evaluation does, and remembers who asked for what."""

    def __init__(self) -> None:
        self.made: list[tuple[int, str]] = []

    def __call__(self, index: int) -> Tensor:
        self.made.append((index, threading.current_thread().name))
        return normal((3, 2), 0, "step", index)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("noise")]


def test_every_step_gets_its_noise_and_all_but_the_first_is_drawn_in_the_background() -> None:
    draws = Draws()
    with Lookahead(draws, CPU) as noise:
        for index in (4, 3, 2, 1):
            assert torch.equal(noise(index), normal((3, 2), 0, "step", index))
        assert threads()
    assert [index for index, _ in draws.made] == [4, 3, 2, 1]
    assert [name.startswith("noise") for _, name in draws.made] == [False, True, True, True]
    assert not threads()


def test_a_sampler_that_leaves_steps_out_gets_the_right_noise() -> None:
    with Lookahead(Draws(), CPU) as noise:
        for index in (9, 4, 5, 1):
            assert torch.equal(noise(index), normal((3, 2), 0, "step", index))


def test_a_sampler_without_noise_starts_no_thread() -> None:
    draws = Draws()
    with Lookahead(draws, CPU):
        assert not threads()
    assert not draws.made


def test_an_error_reaches_the_step_that_it_belongs_to_and_the_thread_ends() -> None:
    def draw(index: int) -> Tensor:
        if index == 2:
            raise ZeroDivisionError("two")
        return torch.zeros(1)

    with pytest.raises(ZeroDivisionError, match="two"), Lookahead(draw, CPU) as noise:
        noise(3)
        noise(2)
    assert not threads()
