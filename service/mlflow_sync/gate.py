"""The one door through which everything is written to MLflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Superseded(Exception):
    """Whoever writes must not write any more: a later run of the study has begun."""


class Gate:
    """Asks before every write whether it may be made, and counts those that were.

    MLflow takes no condition along with a write. A process that stands still between the question and the call, for so
    long that another run begins, makes this one write when it wakes up: what that is worth is said in
    ``docs/reliability.md``.

    Args:
        may_write: whether this process may still write.

    Attributes:
        made: writes so far; whoever waits sees by it that there is progress.
    """

    def __init__(self, may_write: Callable[[], bool]) -> None:
        self._may_write = may_write
        self.made = 0

    @property
    def is_open(self) -> bool:
        """Whether a write would be made now."""
        return self._may_write()

    def __call__(self, write: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls ``write`` with what follows.

        Raises:
            Superseded: it may not be called.
        """
        if not self._may_write():
            raise Superseded
        result = write(*args, **kwargs)
        self.made += 1
        return result
