"""A disk that is full or cannot be written to: writers say so in one sentence, wait, and go on when there is room."""

from __future__ import annotations

import contextlib
import errno
import re
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from dit_core.errors import UserError
from service.records.backend import Backend
from service.records.records import Records

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_T = TypeVar("_T")


class NoRoom(UserError):
    """There was no room, and the run was asked to end before there was."""


def no_room(error: BaseException) -> bool:
    """Whether an error says that a disk is full, a quota used up, or a file system mounted read-only.

    A library that writes files by itself (safetensors) tells the number within its text only.
    """
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    found = re.search(r"\(os error (\d+)\)", str(error))
    return found is not None and int(found[1]) in _NO_ROOM


def why(error: BaseException) -> str:
    """Says in a few words what is wrong."""
    number = error.errno if isinstance(error, OSError) else None
    return "it cannot be written to" if number == errno.EROFS else "there is no room left"


class Patience:
    """Waits for room.

    Args:
        where: the store, for the sentence.
        tell: told the sentence when a wait begins, and an empty one when it is over; and in between, again and again.
        stopping: whether the wait should end without room.
    """

    def __init__(self, where: str, tell: Callable[[str], None], stopping: Callable[[], bool]) -> None:
        self._where, self._tell, self._stopping = where, tell, stopping
        self._pause = FIRST_PAUSE

    def wait(self, error: BaseException) -> None:
        """Waits a while after an error that says that there is no room; longer each time.

        Raises:
            NoRoom: the wait should end.
        """
        sentence = f"waiting for the store's disk ({self._where}): {why(error)}; it goes on by itself when it can write"
        until = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        while time.monotonic() < until:
            self._tell(sentence)
            if self._stopping():
                raise NoRoom(f"store: cannot write to {self._where}: {why(error)}; what is recorded is kept") from error
            time.sleep(min(0.5, max(0.0, until - time.monotonic())))

    def over(self) -> None:
        """Says that there is room again."""
        if self._pause != FIRST_PAUSE:
            self._pause = FIRST_PAUSE
            self._tell("")

    def patiently(self, write: Callable[[], _T]) -> _T:
        """Writes, again and again until there is room.

        Raises:
            NoRoom: the wait should end.
            OSError: something else is wrong.
        """
        while True:
            try:
                written = write()
            except OSError as error:
                if not no_room(error):
                    raise
                self.wait(error)
            else:
                self.over()
                return written


class PatientBackend:
    """A backend whose writers wait for room.

    Args:
        backend: where keys lie.
        patience: how to wait.
    """

    def __init__(self, backend: Backend, patience: Patience) -> None:
        self.inner, self._patience = backend, patience

    def put(self, key: str, data: bytes, *, durably: bool = True) -> bool:
        """Writes once; see ``Backend.put``."""
        return self._patience.patiently(lambda: self.inner.put(key, data, durably=durably))

    def get(self, key: str) -> bytes | None:
        """Reads; see ``Backend.get``."""
        return self.inner.get(key)

    def list(self, prefix: str) -> list[str]:
        """Lists; see ``Backend.list``."""
        return self.inner.list(prefix)

    def write(self, key: str, data: bytes) -> None:
        """Replaces; see ``Backend.write``."""
        self._patience.patiently(lambda: self.inner.write(key, data))

    def delete(self, key: str) -> None:
        """Removes; see ``Backend.delete``."""
        self._patience.patiently(lambda: self.inner.delete(key))


@contextlib.contextmanager
def waiting_for_room(records: Records, patience: Patience) -> Iterator[None]:
    """Makes what is written in the block wait for room."""
    before = records.backend
    records.backend = PatientBackend(before.inner if isinstance(before, PatientBackend) else before, patience)
    try:
        yield
    finally:
        records.backend = before
