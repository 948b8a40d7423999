"""Ends a run in this process between two of its updates, as a kill does."""

from __future__ import annotations

from collections.abc import Callable

from service.engine import Snapshot


class Killed(BaseException):
    """Ends a run between two of its updates."""


def killing_at(moment: int) -> Callable[[Snapshot], None]:
    """Returns an ``on_update`` that raises ``Killed`` at update number ``moment``."""
    count = 0

    def kill(snapshot: Snapshot) -> None:
        nonlocal count
        count += 1
        if count == moment:
            raise Killed

    return kill
