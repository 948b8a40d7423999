"""A clock that a test sets: what a limit in seconds does is tried without any second going by."""

from __future__ import annotations

import time

import pytest


class SetClock:
    """Stands where a module has ``time``; its monotonic clock stands still until it is set.

    Attributes:
        now: what the monotonic clock shows, in seconds.
    """

    time, time_ns = staticmethod(time.time), staticmethod(time.time_ns)

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def set_clock(patch: pytest.MonkeyPatch, module: str) -> SetClock:
    """Gives a module such a clock in place of ``time`` for the duration of a test."""
    clock = SetClock()
    patch.setattr(f"{module}.time", clock)
    return clock
