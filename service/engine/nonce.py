"""Whether a node sees the driver's store: it reads what the driver has just written there."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import ray

from dit_core.errors import UserError
from service.records.backend import Backend, FolderBackend
from service.records.store import Store

PATIENCE_SECONDS = 3.0
"""How long a network file system may take to show what another node has just written."""


def write_nonce(store: Store, key: str) -> str:
    """Writes something new under ``key`` and returns it."""
    nonce = uuid.uuid4().hex
    store.records.backend.write(key, nonce.encode())
    return nonce


def store_trouble(store: str, key: str, nonce: str) -> str:
    """Why this node cannot work in the store: one sentence with node and path, or nothing when it can.

    Args:
        store: the store as the driver names it.
        key: where the driver has written the nonce.
        nonce: what it has written.
    """
    node = ray.util.get_node_ip_address()
    until = time.monotonic() + PATIENCE_SECONDS
    try:
        # opening a folder as a store would make one where there is none
        backend: Backend = Store(store).records.backend if "://" in store else FolderBackend(Path(store))
        while (found := backend.get(key)) != nonce.encode():
            if time.monotonic() > until:
                there = "there is no such store" if found is None else "there is another one"
                return (
                    f"node {node} does not see the driver's store {store}: {there}; "
                    "a store must be shared by all nodes, under the same path"
                )
            time.sleep(0.2)
    except (OSError, UserError) as error:
        return f"node {node} cannot read the store {store}: {error}"
    return ""
