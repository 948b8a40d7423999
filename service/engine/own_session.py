"""An own Ray runs in sessions of its own: what is sent to the run's whole process group reaches the run alone.

Batch systems, terminals and shells signal whole groups. Ray's servers would end at once, and the lanes with them,
before the checkpoints are written that the signal was to lead to. They end with the run all the same: Linux kills them
when it dies, however that happens.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

from ray._private import services


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Starts what Ray starts meanwhile in sessions of their own."""
    start = getattr(services, "ConsolePopen", None)
    if start is None:  # another version of Ray: its servers share the run's group, and its signals
        yield
        return
    services.ConsolePopen = functools.partial(start, start_new_session=True)
    try:
        yield
    finally:
        services.ConsolePopen = start
