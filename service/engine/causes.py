"""What kinds of failure there are, and where another try can help. Imports nothing heavy."""

from __future__ import annotations

import errno

from dit_core.errors import UserError
from service.engine.wire import FAILED, LOST, SegmentResult
from service.records.room import NoRoom, no_room

USER_ERROR = "user error"
OUT_OF_MEMORY = "out of memory"
NO_ROOM = "no room"
INFRASTRUCTURE = "infrastructure"
LOST_WORKER = "lost worker"
HANG = "hang"
LOST_NODE = "lost node"
TUNE_TRIAL = "Ray Tune trial"
DIVERGENCE = "divergence"
ERROR = "error"

_AWAY = {
    errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNRESET,
    errno.ECONNREFUSED, errno.ECONNABORTED, errno.EPIPE, errno.ENODEV, errno.EREMOTEIO, errno.EMFILE, errno.ENFILE,
}  # fmt: skip
_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "status_alloc")
_DEVICE = ("cuda error", "nccl", "ecc error", "device-side", "cudnn_status", "hip error")
_PAUSES = {
    NO_ROOM: 5.0,
    INFRASTRUCTURE: 5.0,
    OUT_OF_MEMORY: 5.0,
    LOST_WORKER: 1.0,
    LOST_NODE: 1.0,
    HANG: 5.0,
    TUNE_TRIAL: 1.0,
}
_LONGEST = 300.0


_NO_NODE = ("node has died", "its node died", "node was terminated", "node is dead", "node failure")
_NO_WORKER = ("worker process has died", "worker died", "actor died", "actor is dead", "health check")


def cause_of(error: BaseException) -> str:
    """Tells what kind of failure an exception is, from the innermost cause that says so."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        if (found := _own_cause(current)) != ERROR:
            return found
        current = current.__cause__ or current.__context__
    return ERROR


def _own_cause(error: BaseException) -> str:
    text = str(error).lower()
    if isinstance(error, NoRoom) or no_room(error):
        return NO_ROOM
    if isinstance(error, UserError):
        return USER_ERROR
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's
        return OUT_OF_MEMORY
    if isinstance(error, OSError):
        if error.errno == errno.ENOMEM:
            return OUT_OF_MEMORY
        return INFRASTRUCTURE if error.errno in _AWAY or isinstance(error, (ConnectionError, TimeoutError)) else ERROR
    if isinstance(error, RuntimeError):
        if any(hint in text for hint in _MEMORY):
            return OUT_OF_MEMORY
        if any(hint in text for hint in _DEVICE):
            return INFRASTRUCTURE
    return ERROR


def told_cause(result: SegmentResult) -> str:
    """Returns the cause of a failed segment; whoever lost a lane need not have told one."""
    if result.cause:
        return result.cause
    return {LOST: LOST_WORKER, FAILED: ERROR if result.retry else USER_ERROR}.get(result.kind, "")


def counts(cause: str) -> bool:
    """Whether a failure says something of its trial: a full disk does not, nor does what waited for it and ended."""
    return cause not in (NO_ROOM, TUNE_TRIAL)


def pause(cause: str, attempt: int) -> float:
    """Seconds to wait before the try after ``attempt``: longer each time where time can mend it, and none where not."""
    first = _PAUSES.get(cause, 0.0)
    return min(first * 2.0 ** (attempt - 1), _LONGEST)


def of_lost_worker(text: str) -> str:
    """Classifies the death of a worker by what Ray says of it.

    A process that the kernel killed for want of memory looks like any other that was killed: only what Ray's own memory
    monitor ends is known to have been out of memory.
    """
    text = text.lower()
    if "running low on memory" in text or "memory pressure" in text:
        return OUT_OF_MEMORY
    if any(hint in text for hint in _NO_NODE):
        return LOST_NODE
    return LOST_WORKER if any(hint in text for hint in _NO_WORKER) else ERROR
