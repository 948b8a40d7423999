"""Whether a cluster can run a study: asked of every node, before anything is trained."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import ray

from dit_core.errors import UserError
from search_spaces.study import Resources
from service.engine import node_check
from service.engine.all_reduce import AllReduce
from service.engine.cluster import cluster
from service.records.store import Store
from service.redact import redacted

SECONDS = 30.0
"""How long nodes and MLflow may take to answer, all together."""
LEAST_FREE = 2 * 1024**3
"""Bytes below which a folder counts as full: a checkpoint of the largest network takes more."""


@dataclass(frozen=True)
class Finding:
    """What one check has found.

    Attributes:
        right: whether it is as it should be.
        text: a sentence that names what, and where.
    """

    right: bool
    text: str


def examine(address: str | None, store: Store | None, tracking_uri: str | None) -> Iterator[Finding]:
    """Examines a cluster.

    Args:
        address: as ``service.engine.cluster.cluster`` takes it.
        store: the store that every node must see; None leaves that out.
        tracking_uri: of an MLflow server; None leaves that out.

    Yields:
        What each check has found.
    """
    with cluster(address, None, Resources()) as shared, ThreadPoolExecutor(1) as beside, ExitStack() as ends:
        until = time.monotonic() + SECONDS
        # all that takes time is begun at once: MLflow answers, and workers come up, while nodes are asked
        mlflow = None if tracking_uri is None else beside.submit(_mlflow, tracking_uri)
        nodes = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
        where = f"Ray at {ray.get_runtime_context().gcs_address}" if shared else "an own Ray on this machine"
        yield Finding(True, f"{where} has {len(nodes)} node{'' if len(nodes) == 1 else 's'}")
        probe = None if store is None else node_check.StoreProbe(store.place, store.nonce_written())
        reduces = [(name, having, ends.enter_context(reduce)) for name, having, reduce in _collectives(nodes)]
        well: set[str] = set()
        try:
            for identity, finding in _nodes(nodes, probe, until):
                if finding.right:
                    well.add(nodes[identity]["NodeManagerAddress"])
                yield finding
        finally:
            if store is not None and probe is not None:
                store.nonce_removed(probe.nonce)
        for name, having, reduce in reduces:
            members = [address for address in having if address in well]
            if members:
                yield _added_up(name, members, reduce, until)
        if mlflow is not None:
            yield mlflow.result()


def _nodes(nodes: dict[str, Any], probe: Any, until: float) -> Iterator[tuple[str, Finding]]:
    wanted = node_check.versions()
    answers = {identity: node_check.ask(identity, probe) for identity in nodes}
    for identity, answer in answers.items():
        address = nodes[identity]["NodeManagerAddress"]
        if not ray.wait([answer], timeout=max(0.0, until - time.monotonic()))[0]:
            yield identity, Finding(False, f"node {address} does not answer within {SECONDS:.0f} s")
            continue
        report, why = node_check.read(address, answer)
        wrong = [why] if why else []
        if report is not None:
            wrong += node_check.differences(address, report, wanted)
            wrong += [
                f"node {address} has {free / 1024**3:.1f} GiB free in {folder}"
                for folder, free in report.free.items()
                if free < LEAST_FREE
            ]
        kinds = {"CPU", "GPU"} & set(nodes[identity]["Resources"])
        has = ", ".join(f"{nodes[identity]['Resources'][kind]:g} {kind}" for kind in sorted(kinds)) or "no CPU"
        store = " and the store" if probe is not None else ""
        yield (
            identity,
            Finding(False, "; ".join(wrong))
            if wrong
            else Finding(True, f"node {address}: {has}; packages, code{store} as here, disk free"),
        )


def _collectives(nodes: dict[str, Any]) -> Iterator[tuple[str, Collection[str], AllReduce]]:
    """Starts workers for every backend: its name, the addresses of the nodes that can take part, the workers."""
    for kind, backend in (("CPU", "gloo"), ("GPU", "NCCL")):
        having = {key: node["NodeManagerAddress"] for key, node in nodes.items() if node["Resources"].get(kind, 0) >= 1}
        if having:
            yield backend, having.values(), AllReduce(having, kind == "GPU")


def _added_up(backend: str, addresses: Collection[str], reduce: AllReduce, until: float) -> Finding:
    wrong = reduce.over(addresses, max(1.0, until - time.monotonic()))
    text = "; ".join(f"node {address}: {why}" for address, why in wrong.items())
    return Finding(not wrong, f"all-reduce over {backend} on {', '.join(addresses)}: {text or 'right'}")


def _mlflow(uri: str) -> Finding:
    from service.mlflow_sync.address import absolute
    from service.mlflow_sync.connection import connect

    try:
        connect(absolute(uri))
    except UserError as error:
        return Finding(False, redacted(str(error)))
    return Finding(True, f"MLflow answers at {redacted(uri)}")
