"""Runs a study's segments: on lanes over Ray, or in the calling process."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.engine.outcome import OnUpdate, Outcome, Snapshot
    from service.engine.run import run_segments
    from service.engine.watch import read_live, request_stop
    from service.engine.wire import Live, LiveRun

__all__ = ["Live", "LiveRun", "OnUpdate", "Outcome", "Snapshot", "read_live", "request_stop", "run_segments"]

_WHERE = {
    "Live": "wire",
    "LiveRun": "wire",
    "OnUpdate": "outcome",
    "Outcome": "outcome",
    "Snapshot": "outcome",
    "read_live": "watch",
    "request_stop": "watch",
    "run_segments": "run",
}


def __getattr__(name: str) -> Any:
    # imported when asked for: Ray starts a process for every part of the engine, and most need little of it
    if name not in _WHERE:
        raise AttributeError(f"module 'service.engine' has no attribute {name!r}")
    return getattr(import_module(f"service.engine.{_WHERE[name]}"), name)
