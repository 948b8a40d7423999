"""Watches over a run on Ray: lanes, nodes, the cluster itself, and how many lanes there should be."""

from __future__ import annotations

import threading
import time
from typing import Any

import ray

from dit_core.errors import UserError
from service.engine.failures import LanesFailed
from service.engine.fleet import Fleet
from service.engine.ledger import Ledger
from service.engine.lifeline import Lifeline
from service.engine.messages import Overview
from service.engine.node_check import NodeChecks
from service.engine.sharing.member import Member
from service.engine.target import Target
from service.engine.watch import Watch

WATCH_SECONDS = 0.5
"""Pause between two overviews of the lanes."""
RESIZE_SECONDS = 5.0
"""Pause between two looks at nodes and at how many lanes there should be; the first comes at once."""
DISPATCHER_SECONDS = 120.0
"""How long the dispatcher may take to answer: Ray starts it anew when its process dies."""


class Control:
    """The driver's loop: looks at the lanes, says what it sees, and gives orders, until Tune has finished.

    Args:
        tune: the thread that Tune runs in.
        fleet: the lanes.
        dispatcher: the dispatcher's handle.
        ledger: the study's book-keeping.
        watch: told about the state; asked whether to stop.
        target: how many lanes there should be.
        member: the study among those that share the cluster; None where nobody else can be.
        checks: what is known of the nodes.
    """

    def __init__(
        self,
        tune: threading.Thread,
        fleet: Fleet,
        dispatcher: Any,
        ledger: Ledger,
        watch: Watch,
        target: Target,
        member: Member | None,
        checks: NodeChecks,
    ) -> None:
        self._tune, self._fleet, self._dispatcher, self._ledger = tune, fleet, dispatcher, ledger
        self._watch, self._target, self._member, self._checks = watch, target, member, checks
        self._seen = Overview()
        self._lifeline = Lifeline()
        self._resized = -1e9

    def watch(self) -> None:
        """Blocks until Tune has finished.

        Raises:
            UserError: a node does not see the store.
            LanesFailed: no lane comes up, or the dispatcher does not answer.
            ClusterGone: the cluster does not answer.
        """
        while True:
            alive = self._tune.is_alive()
            while not self._lifeline.holds():
                self._tell()
                time.sleep(WATCH_SECONDS)
            self._look()
            self._advertise()
            self._tell(force=not alive)
            if not alive:
                return
            self._ledger.messages.extend(self._fleet.check(self._seen))
            self._ledger.stopping = self._ledger.stopping or self._watch.stopping
            self._resize()
            self._tune.join(WATCH_SECONDS)

    def _check_nodes(self) -> None:
        """Ends the run where a node cannot work, before there is work done; names a node that has joined later."""
        wrong, notes = self._checks.news()
        for refusal in self._seen.refusals:
            if refusal not in (*wrong, *self._ledger.messages):
                wrong.append(refusal)
        if wrong and not self._ledger.timings:
            raise UserError("; ".join(wrong))
        self._ledger.messages.extend([*wrong, *notes])

    def _look(self) -> None:
        asked = time.monotonic()
        answer = self._dispatcher.sync.remote(self._fleet.orders(self._ledger.stopping))
        while not ray.wait([answer], timeout=WATCH_SECONDS)[0]:
            self._lifeline.holds()
            if time.monotonic() - asked > DISPATCHER_SECONDS:
                raise LanesFailed(f"the run's dispatcher has not answered for {DISPATCHER_SECONDS:.0f} s")
            self._tell()
        before, self._seen = self._seen, ray.get(answer)
        if before.life not in ("", self._seen.life):
            self._ledger.messages.append("the run's dispatcher died and was started again; the lanes went on")

    def _tell(self, force: bool = False) -> None:
        seen = self._seen
        up = sum(lane.up for lane in seen.lanes.values())
        seconds = self._ledger.study.resources.workers * self._fleet.seconds()[2]
        self._watch.lanes = self._fleet.size
        self._watch.tick(seen.live, up, seconds, force=force)

    def _advertise(self) -> None:
        """Keeps the study on the board; only while the cluster answers, since a new board can be waited for."""
        if self._member is not None:
            up = sum(lane.up for lane in self._seen.lanes.values())
            self._member.tick(up, self._ledger.study.resources.workers * self._fleet.seconds()[2])
            self._watch.waiting = self._member.waiting

    def _resize(self) -> None:
        now = time.monotonic()
        if now - self._resized < RESIZE_SECONDS and self._checks.settled:
            return
        self._check_nodes()
        if now - self._resized < RESIZE_SECONDS:
            return
        self._resized = now
        self._lifeline.require_node()
        if not self._ledger.stopping:
            changes = self._fleet.resize(self._target.lanes())
            why = f": {self._member.why}" if self._member is not None and self._member.why else ""
            self._ledger.messages.extend(f"{change}{why}" for change in changes)
            self._fleet.sweep()
