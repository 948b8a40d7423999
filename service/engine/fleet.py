"""Starts the lanes, watches them, starts them again, adds and retires some, and ends them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search_spaces.study import Resources
from service.engine import causes, cluster, groups
from service.engine.failures import LanesFailed
from service.engine.host import Host
from service.engine.lane_spec import LaneSpec
from service.engine.lane_state import Limits
from service.engine.lifeline import lost_nodes
from service.engine.messages import LaneOrder, LaneView, Orders, Overview
from service.engine.naming import RunName

NODE_SILENCE = 10.0
"""Seconds without a heartbeat after which it is tried whether the lane's nodes can still be reached."""
FUTILE_STARTS = 2
"""Hosts in a row that end without their workers having come up, before the lane is given up."""
WAITING_IS_SAID = 120.0
"""Seconds that a lane may take to come up before it is said what it waits for; a cold one takes 15 to 30, on a busy
machine more."""
DYING_SECONDS = 10.0
"""Seconds for which what a killed host has started may go on making placement groups, at most."""
QUIET_LOOKS = 4
"""Looks in a row, a quarter of a second apart, without a placement group, after which none is expected any more."""


@dataclass
class _Lane:
    """A place for a worker group; ``up`` are seconds by incarnation, ``joined`` is of this start."""

    name: str
    added: float
    starts: int = 0
    host: Any = None
    run: Any = None
    waiting_since: float = 0.0
    waiting_said: bool = False
    first_up: float = 0.0
    joined: bool = False
    futile: int = 0
    why: str = ""
    cause: str = ""
    dead: str = ""
    retires: bool = False
    up: dict[str, float] = field(default_factory=dict)
    nodes: set[str] = field(default_factory=set)


class Fleet:
    """The lanes of a run. Their hosts live on the driver's node, so that another node's death leaves them.

    Args:
        resources: the shape of each lane.
        spec: what every lane needs to know; ``lane`` and ``start`` are filled in.
        name: what the run is called on the cluster.
        storage: folder for Ray Train's own files; lanes leave no checkpoints there, so each node may have its own.
        limits: how long a lane may wait for room.
    """

    def __init__(
        self, resources: Resources, spec: LaneSpec, name: RunName, storage: str, limits: Limits | None = None
    ) -> None:
        self._resources, self._spec, self._name, self._storage = resources, spec, name, storage
        self._limits = limits or Limits()
        self._lanes: list[_Lane] = []
        self._starts: dict[str, int] = {}
        self._ended = 0.0  # lane seconds of lanes that are gone
        self._ended_startup = 0.0
        self._ended_up = 0.0
        self._killed = -DYING_SECONDS  # when a host was last ended that had not ended by itself
        self.most = 0

    # -- how many -----------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Lanes that are there to stay, those that do not come up included."""
        return sum(not lane.retires for lane in self._lanes)

    def resize(self, count: int) -> list[str]:
        """Adds lanes, or has some checkpoint, give their segment back and end; returns at once.

        Those that have no workers go first, then the newest.

        Args:
            count: how many are to stay.

        Returns:
            A sentence on each lane that was added to or retired from a running fleet.
        """
        said = []
        while self.size < count:
            names = {lane.name for lane in self._lanes}
            name = next(name for index in range(len(names) + 1) if (name := f"lane-{index}") not in names)
            lane = _Lane(name, time.monotonic(), self._starts.get(name, 0))
            self._lanes.append(lane)
            self._start(lane)
            said.append(f"{name} is added")
        stay = [lane for lane in self._lanes if not lane.retires]
        for lane in sorted(stay, key=_use)[: max(0, self.size - count)]:
            lane.retires = True
            said.append(f"{lane.name} is retired")
        self.most = max(self.most, self.size)
        return said

    # -- what the dispatcher is told, and what it says ------------------------------------------------

    def orders(self, stop: bool) -> Orders:
        """Returns what the dispatcher has to know of the lanes."""
        lanes = {lane.name: lane for lane in self._lanes if not lane.dead}
        return Orders(
            {name: LaneOrder(item.starts, item.why, item.cause, item.retires) for name, item in lanes.items()},
            stop,
            recall=not self.size,
        )

    def check(self, overview: Overview) -> list[str]:
        """Starts those lanes again that have ended, gone silent or hang, and lets go of those that have retired.

        Args:
            overview: the lanes as the dispatcher sees them.

        Returns:
            A sentence for each lane of which there is something to say.

        Raises:
            LanesFailed: every lane has failed to come up.
        """
        said = []
        for lane in [lane for lane in self._lanes if not lane.dead]:
            view = overview.lanes.get(lane.name, LaneView())
            up = self._note(lane, view if view.start == lane.starts else LaneView())
            why, cause = self._trouble(lane, view) if up else ("", "")
            if not why:
                why, cause = self._ending(lane)
            if lane.retires and (why or not lane.joined):
                self._remove(lane)
            elif why:
                said.append(self._again(lane, why, cause))
            elif not up:
                said.extend(self._waiting(lane))
        dead = [lane.dead for lane in self._lanes if lane.dead]
        if dead and len(dead) == len(self._lanes):
            raise LanesFailed(f"no lane comes up: {dead[0]}")
        return said

    def close(self, timeout: float = 5.0) -> None:
        """Waits for the lanes to end by themselves, then ends those that have not; leaves no placement group behind."""
        runs = [lane.run for lane in self._lanes if lane.run is not None]
        if runs:
            ray.wait(runs, num_returns=len(runs), timeout=timeout)
        for lane in self._lanes:
            self._kill(lane)
        self.sweep()
        quiet = 0
        # what waits for a group that is removed makes another one, until it dies of its host's death
        while quiet < QUIET_LOOKS and time.monotonic() - self._killed < DYING_SECONDS:
            time.sleep(0.25)
            quiet = 0 if self.sweep() else quiet + 1

    def sweep(self) -> list[str]:
        """Removes placement groups that ended hosts, of this run or a former one, or a dead run have left behind.

        Returns:
            Their names.
        """
        alive = {self._name.of(lane.name, lane.starts) for lane in self._lanes if lane.host is not None}
        own = groups.remove(lambda name: self._name.is_former(name) or (self._name.is_own(name) and name not in alive))
        return own + groups.remove_orphans()

    # -- time ---------------------------------------------------------------------------------------

    def seconds(self) -> tuple[float, float, float]:
        """Returns how long lanes existed, how much of that was before they were first up, and how long they were up."""
        now = time.monotonic()
        existed = sum(now - lane.added for lane in self._lanes)
        startup = sum((lane.first_up or now) - lane.added for lane in self._lanes)
        up = sum(sum(lane.up.values()) for lane in self._lanes)
        return self._ended + existed, self._ended_startup + startup, self._ended_up + up

    # -- one lane -----------------------------------------------------------------------------------

    def _note(self, lane: _Lane, view: LaneView) -> bool:
        """Notes what is seen of a lane; returns whether it has its workers."""
        now = time.monotonic()
        if view.up:
            if view.incarnation not in lane.up:
                lane.nodes = groups.nodes_of(self._name.of(lane.name, lane.starts))
            lane.up[view.incarnation] = time.time() - view.joined
            lane.first_up = lane.first_up or now - lane.up[view.incarnation]
            lane.joined, lane.waiting_since, lane.waiting_said = True, now, False
        return view.up

    @staticmethod
    def _trouble(lane: _Lane, view: LaneView) -> tuple[str, str]:
        """Why a lane that has its workers does not work, and the same in one word."""
        lost = lost_nodes(lane.nodes) if view.silent > NODE_SILENCE else []
        if lost:
            return f"{'node' if len(lost) == 1 else 'nodes'} {', '.join(lost)} cannot be reached", causes.LOST_NODE
        return view.trouble, view.cause

    def _again(self, lane: _Lane, why: str, cause: str) -> str:
        self._kill(lane)
        lane.futile = 0 if lane.joined else lane.futile + 1
        if lane.futile >= FUTILE_STARTS:
            lane.dead = why
            return f"{lane.name} does not come up: {why}"
        lane.why, lane.cause = why, cause
        self._start(lane)
        return f"{lane.name} is started again: {why}"

    def _waiting(self, lane: _Lane) -> list[str]:
        waited = time.monotonic() - lane.waiting_since
        gives_up = waited >= self._limits.waiting
        if not gives_up and (lane.waiting_said or waited < WAITING_IS_SAID):
            return []
        lane.waiting_said = True
        since = time.strftime("%H:%M:%S", time.localtime(time.time() - waited))
        if groups.has_room(self._name.of(lane.name, lane.starts)):
            why = f"its workers have been starting since {since}"
        else:
            why = f"waits for room since {since}: it needs {cluster.lane_needs(self._resources)}, {cluster.room()}"
        if not gives_up:
            return [f"{lane.name}: {why}"]
        self._kill(lane)
        lane.dead = f"given up after {waited:.0f} s: {why}"
        return [f"{lane.name} is {lane.dead}"]

    def _start(self, lane: _Lane) -> None:
        lane.starts += 1
        self._starts[lane.name] = lane.starts
        lane.joined, lane.waiting_since, lane.waiting_said = False, time.monotonic(), False
        name = self._name.of(lane.name, lane.starts)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        host = ray.remote(num_cpus=0)(Host)
        lane.host = host.options(name=name, scheduling_strategy=here).remote()
        spec = replace(self._spec, lane=lane.name, start=lane.starts)
        lane.run = lane.host.run.remote(spec, self._resources, name, self._storage)

    def _kill(self, lane: _Lane) -> None:
        if lane.host is not None:
            if not ray.wait([lane.run], timeout=0)[0]:
                self._killed = time.monotonic()
            ray.kill(lane.host)
        lane.host = lane.run = None

    def _remove(self, lane: _Lane) -> None:
        self._kill(lane)
        self._lanes.remove(lane)
        now = time.monotonic()
        self._ended += now - lane.added
        self._ended_startup += (lane.first_up or now) - lane.added
        self._ended_up += sum(lane.up.values())

    @staticmethod
    def _ending(lane: _Lane) -> tuple[str, str]:
        """Why the lane's host has ended, and the same in one word; nothing while it runs."""
        ready, _ = ray.wait([lane.run], timeout=0)
        if not ready:
            return "", ""
        try:
            ray.get(ready[0])
        except ray.exceptions.RayError as error:
            return _first_line(error), causes.of_lost_worker(str(error))
        return "its workers ended by themselves", causes.INFRASTRUCTURE


def _use(lane: _Lane) -> tuple[bool, bool, float]:
    """The smaller, the less is lost with the lane."""
    return not lane.dead, lane.joined, -lane.added


def _first_line(error: Exception) -> str:
    """The line of a Ray error that says what happened, without the remote traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
