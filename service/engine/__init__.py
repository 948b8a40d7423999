"""Runs a study's segments: on lanes over Ray, or in the calling process."""

from service.engine.outcome import Live, OnUpdate, Outcome, Snapshot
from service.engine.run import run_segments
from service.engine.watch import read_live, request_stop

__all__ = ["Live", "OnUpdate", "Outcome", "Snapshot", "read_live", "request_stop", "run_segments"]
