"""Whether a node sees the driver's store: it looks for what the driver has just written there."""

from __future__ import annotations

import ray

from dit_core.errors import UserError
from service.records.store import Store


def store_trouble(store: str, nonce: str) -> str:
    """Why this node cannot work in the store: one sentence with node and place, or nothing when it can.

    Args:
        store: the store as the driver names it.
        nonce: what the driver has written there.
    """
    node = ray.util.get_node_ip_address()
    try:
        if Store(store, create=False).nonce_seen(nonce):
            return ""
        why = "there is another one"
    except (OSError, UserError) as error:
        why = str(error)
    return f"node {node} does not see the driver's store {store} ({why}); all nodes must see it under the same name"
