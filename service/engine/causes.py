"""Why a segment failed, in one of a few words. Imports nothing heavy."""

from __future__ import annotations

OUT_OF_MEMORY = "out of memory"
DIVERGENCE = "divergence"
LOST_WORKER = "lost worker"
LOST_NODE = "lost node"
HANG = "hang"
INFRASTRUCTURE = "infrastructure"
USER_ERROR = "user error"
ERROR = "error"
CAUSES = (OUT_OF_MEMORY, DIVERGENCE, LOST_WORKER, LOST_NODE, HANG, INFRASTRUCTURE, USER_ERROR, ERROR)

_NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "running low on memory")
_NO_NODE = ("node has died", "its node died", "node was terminated", "node is dead", "node failure")
_NO_WORKER = ("worker process has died", "worker died", "actor died", "actor is dead", "health check")


def of_exception(error: BaseException) -> str:
    """Classifies what the training raised in this process."""
    if isinstance(error, MemoryError) or any(hint in str(error).lower() for hint in _NO_MEMORY):
        return OUT_OF_MEMORY
    return INFRASTRUCTURE if isinstance(error, OSError) else ERROR


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
