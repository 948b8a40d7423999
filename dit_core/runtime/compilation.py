"""``torch.compile`` as a setting of a trial.

On the CPU the whole network is compiled, which fuses most. On a GPU every block is compiled by itself: blocks of one
shape share one compilation, within a network, across trials and, through PyTorch's cache on disk, across lanes. That
of a whole XL/2 is 28 times as much to compile for little more to gain: its time goes into the blocks' kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from dit_core.errors import UserError

Kernel = TypeVar("Kernel", bound=Callable[..., Tensor])

_SHAPES = 64
"""Shapes that a process compiles for before it gives up; PyTorch's own limit is 8."""


def compile_(network: nn.Module, blocks: Iterable[nn.Module], device: torch.device) -> None:
    """Has a network run through ``torch.compile`` from now on; its parameters keep their names.

    It is compiled for every shape it meets (one that is generalised to many is slower). A worker runs trial after
    trial: those of one shape share what was compiled for the first, and many shapes do not silently run uncompiled.

    Args:
        network: the network, with whatever wraps it.
        blocks: its blocks.
        device: where it runs.
    """
    _allow_many_shapes()
    for module in blocks if by_block(device) else [network]:
        if module._compiled_call_impl is None:
            module.compile(dynamic=False)


def by_block(device: torch.device) -> bool:
    """Whether blocks are compiled one by one rather than the whole network."""
    return device.type == "cuda"


@contextmanager
def eager(when: bool = True) -> Iterator[None]:
    """Runs what is compiled as it was written."""
    if not when:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def fused(function: Kernel) -> Kernel:
    """Returns a function of tensors compiled once for every number of rows and columns."""
    _allow_many_shapes()
    return cast(Kernel, torch.compile(function, dynamic=True))


def works(device: torch.device) -> bool:
    """Returns whether ``torch.compile`` works here, by compiling a sum; the answer is kept for the process."""
    return _problem(device) is None


def _allow_many_shapes() -> None:
    import torch._dynamo  # takes a second, which trials that do not compile need not wait for

    limits = torch._dynamo.config
    limits.recompile_limit = max(_SHAPES, limits.recompile_limit)


def check(device: torch.device) -> None:
    """Makes sure that ``torch.compile`` works here, by compiling a sum; the answer is kept for the process.

    Raises:
        UserError: it does not, for instance because there is no C++ compiler.
    """
    problem = _problem(device)
    if problem is not None:
        raise UserError(
            f"training.compile: torch.compile does not work on the {device.type} of this machine ({problem}); it "
            "needs a C++ compiler and Python's headers (Debian: apt install g++ python3-dev), or set "
            "training.compile to false"
        )


@cache
def _problem(device: torch.device) -> str | None:
    try:
        torch.compile(_sum, dynamic=False)(torch.ones(32, device=device))
    except Exception as error:  # whatever a compiler, linker or loader has to say
        return _first_line(error)
    return None


def _sum(x: Tensor) -> Tensor:
    return x.sin() + x


def _first_line(error: BaseException) -> str:
    """Returns the first line of what is at the bottom of ``error``."""
    while error.__cause__ is not None:
        error = error.__cause__
    inner = getattr(error, "inner_exception", error)
    lines = [line.strip() for line in str(inner).splitlines() if line.strip()]
    return f"{type(inner).__name__}: {lines[0]}" if lines else type(inner).__name__
