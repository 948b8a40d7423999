"""Drivers of small studies in processes of their own, as several people start them on one cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ray
from small_studies import expansion

from search_spaces.types import Expansion
from service.engine import run_segments
from service.engine.cluster import NAMESPACE
from service.preflight import prepare
from service.records.store import Store

HERE = Path(__file__).parent


def shared_study(name: str, rate: float, steps: int, seeds: int) -> Expansion:
    """A study of one arm and several seeds that takes a while; ``rate`` makes its trainings its own."""
    return expansion(
        {}, name=name, seeds=tuple(range(seeds)), rungs=(), budget=128 * steps, checkpoint_images=128 * 20,
        model={"patch_size": 2, "hidden_size": 64, "depth": 3, "num_heads": 4},
        training={"batch_size": 128, "log_every_steps": 5, "learning_rate": rate},
    )  # fmt: skip


def drive(store: str, address: str, name: str, rate: float, steps: int, seeds: int, node: str = "") -> None:
    """Runs such a study; prints what a person should know.

    Ray takes a driver for one of the head wherever both are on one machine, unless it is told the ``node``'s address.
    """
    if node:
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, _node_ip_address=node)
    outcome = run_segments(prepare(shared_study(name, rate, steps, seeds)), Store(store), address=address)
    print(*outcome.messages, sep="\n")


def start(
    folder: Path, store: Store, address: str, user: str, name: str, *study: float, node: str = ""
) -> subprocess.Popen[bytes]:
    """Starts ``drive`` in a process of its own, as ``user``; it prints to ``FOLDER/NAME.log``."""
    given = str(store.path), address, name, *study, node
    code = f"import sharing_drivers; sharing_drivers.drive(*{given!r})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent.parent), str(HERE)])}
    environment["DIT_ABLATE_USER"] = user
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=log, stderr=log)


def trained_once(store: Store, train_id: str) -> None:
    """Makes sure that no image was seen twice by a training."""
    seen = 0
    for stretch in store.curve(train_id):
        assert stretch.start == seen, f"trained from {stretch.start} after {seen}"
        seen = stretch.images
