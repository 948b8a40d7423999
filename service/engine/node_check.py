"""What a node of the cluster is: asked there, in a Ray task. Imports nothing heavy."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import platform
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

PACKAGES = ("torch", "ray", "numpy", "pydantic", "safetensors", "mlflow", "torchmetrics")
"""Those that must be the same everywhere, since they compute, or carry what nodes say to one another."""
FIRST_SECONDS = 30.0
"""How long the first segment waits for the nodes' answers; lanes come up meanwhile."""


@dataclass(frozen=True)
class StoreProbe:
    """How a node finds out whether it sees the driver's store.

    Attributes:
        store: the store as the driver names it.
        nonce: what the driver has written there.
    """

    store: str
    nonce: str


@dataclass(frozen=True)
class NodeReport:
    """What a node says of itself.

    Attributes:
        versions: of Python, packages and this code, by name; empty for a package that is missing.
        store_trouble: why it cannot work in the store, empty when it can or no store was asked for.
        free: free bytes, by folder.
    """

    versions: Mapping[str, str]
    store_trouble: str
    free: Mapping[str, int]


def look(probe: StoreProbe | None) -> NodeReport:
    """Looks around on this node."""
    trouble, folders = "", {tempfile.gettempdir()}
    if probe is not None:
        from service.engine.nonce import store_trouble

        trouble = store_trouble(probe.store, probe.nonce)
        folders |= {probe.store} if "://" not in probe.store else set()
    free = {}
    for folder in folders:
        with contextlib.suppress(OSError):
            free[folder] = shutil.disk_usage(folder).free
    return NodeReport(versions(), trouble, free)


def versions() -> dict[str, str]:
    """Returns the versions that count on this node."""
    found = {"Python": platform.python_version(), "the code of dit-ablate": _digest()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def _digest() -> str:
    """A short digest of this code's files."""
    root = Path(__file__).parents[2]
    sha = hashlib.sha256()
    for path in sorted(
        path for room in ("dit_ablate", "dit_core", "search_spaces", "service") for path in (root / room).rglob("*.py")
    ):
        sha.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return sha.hexdigest()[:12]


def ask(node_id: str, probe: StoreProbe | None) -> Any:
    """Has a node look around; returns the reference of its report."""
    there = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return ray.remote(num_cpus=0, max_retries=0)(look).options(scheduling_strategy=there).remote(probe)


def read(address: str, answer: Any) -> tuple[NodeReport | None, str]:
    """Returns a node's report, or why it cannot take part, in a sentence.

    Args:
        address: the node's.
        answer: the finished reference that ``ask`` returned.
    """
    try:
        report: NodeReport = ray.get(answer)
    except (ray.exceptions.RayError, ImportError) as error:
        if "No module named" not in str(error):
            return None, f"node {address} cannot be asked: {str(error).strip().splitlines()[-1]}"
        missing = str(error).rpartition("No module named")[2].strip().splitlines()[0].strip("'\" ")
        return None, (
            f"node {address} cannot import {missing}: dit-ablate is not installed there; install the same version, "
            "or start the node from the same image"
        )
    return report, report.store_trouble


def differences(address: str, report: NodeReport, wanted: Mapping[str, str]) -> list[str]:
    """What a node has in other versions than the driver, a sentence each."""
    return [
        f"node {address} has {name} {report.versions.get(name) or 'missing'}, and the driver has {want or 'none'}"
        for name, want in wanted.items()
        if report.versions.get(name, "") != want
    ]


class NodeChecks:
    """Has every node that joins look around, once. The driver's own is left out.

    Args:
        probe: how nodes find out whether they see the store.
    """

    def __init__(self, probe: StoreProbe) -> None:
        self._probe = probe
        self._asked: set[str] = {ray.get_runtime_context().get_node_id()}
        self._answers: dict[str, tuple[str, Any]] = {}
        self._patient_until = 0.0

    @functools.cached_property
    def _here(self) -> dict[str, str]:
        return versions()

    @property
    def settled(self) -> bool:
        """Whether the nodes that were there from the start have answered, or had the time to: work may begin."""
        return self._patient_until > 0 and (not self._answers or time.monotonic() > self._patient_until)

    def news(self) -> tuple[list[str], list[str]]:
        """Asks nodes that are new; returns why some that have answered cannot take part, and what is worth knowing."""
        self._patient_until = self._patient_until or time.monotonic() + FIRST_SECONDS
        alive = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
        for identity, node in alive.items():
            if identity not in self._asked and node["Resources"].get("CPU", 0) > 0:
                self._asked.add(identity)
                self._answers[identity] = node["NodeManagerAddress"], ask(identity, self._probe)
        wrong, notes = [], []
        for identity, (address, answer) in list(self._answers.items()):
            if not ray.wait([answer], timeout=0)[0]:
                continue
            del self._answers[identity]
            report, why = read(address, answer)
            if report is not None:
                notes.extend(differences(address, report, self._here))
            if why and identity in alive:
                wrong.append(why)
        return wrong, notes
