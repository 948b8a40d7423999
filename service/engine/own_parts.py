"""What an own Ray goes without: servers that nobody asks, which would take 400 MB of memory.

It has one node, nothing to scale, and one user, who reads its logs in files. So it has no dashboard (ten processes), no
autoscaler's monitor and no log monitor. Nodes of a cluster that was started by others have what they have.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Iterator
from typing import Any

from ray._private import parameter, services

_WITHOUT = {"no_monitor": True, "include_log_monitor": False}


@contextlib.contextmanager
def only_what_is_needed() -> Iterator[None]:
    """Has the Ray that is started meanwhile start no server that an own Ray can do without.

    Another version of Ray, which names them differently, starts them.
    """
    made, serve = parameter.RayParams, getattr(services, "start_api_server", None)
    known = inspect.signature(made).parameters
    parameter.RayParams = functools.partial(made, **{name: on for name, on in _WITHOUT.items() if name in known})
    if serve is not None:
        services.start_api_server = _no_server
    try:
        yield
    finally:
        parameter.RayParams = made
        if serve is not None:
            services.start_api_server = serve


def _no_server(*given: Any, **more: Any) -> tuple[str | None, None]:
    """Stands in for what starts the dashboard, and says that it has no address and no process."""
    return "", None
