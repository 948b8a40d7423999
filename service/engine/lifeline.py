"""Whether the cluster is still there. Ray ends a process whose cluster is gone, with a dump of its state: be first."""

from __future__ import annotations

import socket
import time
from collections.abc import Collection

import ray

from service.engine.failures import ClusterGone

GONE_SECONDS = 25.0
"""How long the head may not answer: one with a persistent state may be started again meanwhile. Ray waits for 60."""
OWN_NODE_DIED = "the Ray node that this run is driven from has died"


class Lifeline:
    """Asks whether the cluster's head answers, without Ray, whose own calls would block for a minute."""

    def __init__(self) -> None:
        self._address = ray.get_runtime_context().gcs_address
        host, _, port = self._address.rpartition(":")
        self._where = host.strip("[]"), int(port)
        self._heard = time.monotonic()

    def holds(self) -> bool:
        """Whether the head answers now: what asks it for something may go ahead.

        Raises:
            ClusterGone: it has not answered for too long.
        """
        try:
            socket.create_connection(self._where, timeout=2).close()
        except OSError:
            silent = time.monotonic() - self._heard
            if silent > GONE_SECONDS:
                raise ClusterGone(
                    f"the head of the Ray cluster at {self._address} has not answered for {silent:.0f} s"
                ) from None
            return False
        self._heard = time.monotonic()
        return True

    def require_node(self) -> None:
        """Makes sure that this process's own node is one of the cluster.

        Raises:
            ClusterGone: it is not any more.
        """
        if not own_node_lives():
            raise ClusterGone(OWN_NODE_DIED)


def own_node_lives() -> bool:
    """Whether this process's own node is one of the cluster."""
    own = ray.get_runtime_context().get_node_id()
    return any(node["Alive"] and node["NodeID"] == own for node in ray.nodes())


def lost_nodes(identities: Collection[str]) -> list[str]:
    """Returns the addresses of those nodes that are dead or do not answer; Ray takes a minute to notice the latter."""
    lost = []
    for node in ray.nodes():
        if node["NodeID"] not in identities:
            continue
        try:
            if node["Alive"]:
                socket.create_connection((node["NodeManagerAddress"], node["NodeManagerPort"]), timeout=2).close()
                continue
        except OSError:
            pass
        lost.append(str(node["NodeManagerAddress"]))
    return lost
