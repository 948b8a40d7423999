"""Why a run over Ray cannot go on. Imports nothing heavy."""

from __future__ import annotations


class LanesFailed(RuntimeError):
    """The run cannot go on; the message says why, and that nothing computed is lost."""


class ClusterGone(LanesFailed):
    """The cluster does not answer any more: nothing can be asked of it, not even to end."""
