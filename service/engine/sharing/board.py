"""The one actor of a cluster at which drivers say what they want and have, and read what the others do."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray.util.placement_group import placement_group_table

from service.engine.cluster import NAMESPACE
from service.engine.naming import run_in
from service.engine.sharing.advert import Capacity

NAME = "board"
EXPIRES_SECONDS = 15.0
"""An advert that is not renewed for so long is a dead driver's: its share is the others'."""
CAPACITY_SECONDS = 1.0
"""How long what is known of the cluster's nodes is used before it is asked for again."""
FOREIGN_SECONDS = 10.0
"""How long others must have held something before it is theirs: Ray learns of what is freed with a delay."""
LINGER_SECONDS = 5.0
"""How long a board stays after the last driver has gone."""
ON_THE_HEAD = {"node:__internal_head__": 0.001}


@dataclass
class _Posted:
    """An advert, and when it was last renewed (monotonic)."""

    advert: dict[str, Any]
    renewed: float


class Board:
    """Keeps the drivers' adverts for as long as they are renewed; an async Ray actor.

    It decides nothing and holds nothing that cannot be lost: a driver that finds it dead makes another one, and a few
    seconds later all have said again what they want. It outlives the driver that has made it, and ends itself when
    nobody is there any more. All times are its own: drivers' clocks do not matter.
    """

    def __init__(self) -> None:
        self._posted: dict[str, _Posted] = {}
        self._gone: dict[str, float] = {}  # user -> worker seconds of drivers that are not there any more
        self._began = time.time()
        self._newest = 0.0
        self._empty_since = time.monotonic()
        self._capacity = Capacity()
        self._held: dict[str, int] = {}
        self._taken: deque[tuple[float, tuple[float, float]]] = deque([(time.monotonic(), (0.0, 0.0))])
        self._looked = -1e9
        threading.Thread(target=self._watch, name="end", daemon=True).start()

    async def advertise(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Takes a driver's advert and returns what all of them say.

        Args:
            data: an ``Advert`` as plain data. ``since`` is 0 or what this or an earlier board has answered.

        Returns:
            A ``Notice`` as plain data.
        """
        known = self._posted.get(data["run"])
        since = known.advert["since"] if known is not None else data.get("since", 0.0)
        advert = {**data, "since": since or self._now()}
        self._newest = max(self._newest, advert["since"])
        self._posted[data["run"]] = _Posted(advert, time.monotonic())
        return {**await self.look(), "since": advert["since"]}

    async def leave(self, run: str) -> None:
        """Takes a driver's advert down."""
        self._remove(run)

    async def look(self) -> dict[str, Any]:
        """Returns a ``Notice`` as plain data, without saying anything."""
        self._expire()
        if time.monotonic() - self._looked > CAPACITY_SECONDS:
            with contextlib.suppress(Exception):  # the head may be busy; what was known before will do
                nodes, taken, self._held = await asyncio.to_thread(ask_ray, tuple(self._posted))
                self._looked = time.monotonic()
                self._capacity = Capacity(nodes, self._lasting(taken))
        seconds = dict(self._gone)
        for posted in self._posted.values():
            _add(seconds, posted.advert)
        return {
            "adverts": [{**item.advert, "held": self._held.get(run, 0)} for run, item in self._posted.items()],
            "capacity": self._capacity.to_json(),
            "began": self._began,
            "device_seconds": seconds,
        }

    def _lasting(self, taken: tuple[float, float]) -> tuple[float, float]:
        """What of this has been taken for a while."""
        now = time.monotonic()
        self._taken.append((now, taken))
        while len(self._taken) > 1 and self._taken[1][0] < now - FOREIGN_SECONDS:
            self._taken.popleft()
        return min(cpus for _, (cpus, _) in self._taken), min(gpus for _, (_, gpus) in self._taken)

    def _now(self) -> float:
        """This moment, later than every driver before."""
        return max(time.time(), self._newest + 1e-3)

    def _expire(self) -> None:
        limit = time.monotonic() - EXPIRES_SECONDS
        for run in [run for run, posted in self._posted.items() if posted.renewed < limit]:
            self._remove(run)

    def _remove(self, run: str) -> None:
        posted = self._posted.pop(run, None)
        if posted is not None:
            _add(self._gone, posted.advert)
        self._empty_since = time.monotonic()

    def _watch(self) -> None:
        """Ends this actor once nobody has been there for a while; runs in a thread of its own."""
        while True:
            time.sleep(1.0)
            limit = time.monotonic() - EXPIRES_SECONDS
            alone = all(posted.renewed < limit for posted in list(self._posted.values()))
            if alone and time.monotonic() - self._empty_since > LINGER_SECONDS:
                ray.kill(ray.get_runtime_context().current_actor)


Taken = tuple[float, float]
"""CPUs and GPUs."""


def ask_ray(runs: Collection[str]) -> tuple[tuple[Taken, ...], Taken, dict[str, int]]:
    """Asks Ray what this cluster has and who has got it.

    Args:
        runs: the drivers on the board.

    Returns:
        CPUs and GPUs of every node; what is taken by others than studies; and the lanes that each driver has got.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    free = ray.available_resources()
    held = dict.fromkeys(runs, 0)
    ours = {"CPU": 0.0, "GPU": 0.0}
    for group in placement_group_table().values():
        run = run_in(group["name"])
        if group["state"] != "CREATED" or not run:
            continue
        if run in held:
            held[run] += 1
        for bundle in group["bundles"].values():  # those of a run that has just ended are about to be free
            ours = {kind: ours[kind] + bundle.get(kind, 0.0) for kind in ours}
    have = {kind: sum(node.get(kind, 0.0) for node in nodes) for kind in ours}
    cpus, gpus = (max(0.0, have[kind] - free.get(kind, 0.0) - ours[kind]) for kind in ("CPU", "GPU"))
    return tuple((node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in nodes), (cpus, gpus), held


def find_board() -> Any | None:
    """Returns the handle of the cluster's board, None where there is none."""
    try:
        return ray.get_actor(NAME, namespace=NAMESPACE)
    except ValueError:
        return None


def open_board() -> Any:
    """Returns the handle of the cluster's board, which is made where there is none. Waits for nothing."""
    actor = ray.remote(num_cpus=0, resources=ON_THE_HEAD, max_concurrency=1000)(Board)
    return actor.options(name=NAME, namespace=NAMESPACE, lifetime="detached", get_if_exists=True).remote()


def _add(seconds: dict[str, float], advert: Mapping[str, Any]) -> None:
    user = advert.get("user", "")
    seconds[user] = seconds.get(user, 0.0) + advert.get("device_seconds", 0.0)
