"""What a lane's workers run: take a segment, train it together, leave its records, take the next."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from dataclasses import replace
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch
import torch.distributed as dist

from dit_core.errors import UserError
from dit_core.runtime.distributed import world_size
from service.engine import causes
from service.engine.lane_spec import LaneSpec
from service.engine.messages import Close, HeartbeatReply, Membership, Order, Progress, Work
from service.engine.nonce import store_trouble
from service.engine.runner import SegmentRun
from service.engine.wire import LOST, Live, SegmentResult, Timing
from service.records.store import Store

POLL_SECONDS = 10.0
HEARTBEAT_SECONDS = 0.5
ORPHAN_SECONDS = 60.0
"""How long a worker waits for the dispatcher's reply, which may have to be started anew, before it counts as gone."""


class DispatcherLine:
    """This worker's line to the dispatcher: calls for its segments, and a heartbeat in a thread of its own.

    The heartbeat carries the live state, brings back whether to stop, and ends this process when nobody
    listens any more: the driver is gone, or another worker group has this lane's place. So no orphan goes on
    training. A dispatcher that died alone is started anew by Ray, which repeats the calls that were under way; it is
    then told what runs here, and the training goes on.

    Args:
        spec: the lane.
        incarnation: the worker group.
        rank: this worker's rank.
    """

    def __init__(self, spec: LaneSpec, incarnation: str, rank: int) -> None:
        self.lane, self._start, self._incarnation, self._rank = spec.lane, spec.start, incarnation, rank
        self._dispatcher = ray.get_actor(spec.dispatcher, namespace=spec.namespace)
        self._progress: Progress | None = None
        self._work: Work | None = None
        self._joined = time.time()
        self._stop = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send_heartbeats, name="heartbeat", daemon=True)
        if rank == 0:
            self.call("join", spec.start)
        self._thread.start()

    def call(self, method: str, *arguments: Any) -> Any:
        """Calls the dispatcher and returns its answer."""
        remote = getattr(self._dispatcher, method).remote
        return ray.get(remote(self.lane, self._incarnation, *arguments))

    def begin(self, work: Work) -> None:
        """Notes what is about to run here."""
        self._work = work

    def done(self, result: SegmentResult) -> None:
        """Says how what ran here has ended."""
        assert self._work is not None
        self.call("done", self._work.ticket, result)
        self._work = None

    def tell(self, ticket: int, live: Live) -> None:
        """Takes the segment's state after an event; it travels with the next heartbeat."""
        events = self._progress.events + 1 if self._progress is not None else 1
        self._progress = Progress(ticket, live, events)

    def stopping(self) -> bool:
        """Whether the segment should checkpoint and end."""
        return self._stop

    def close(self) -> None:
        """Ends the heartbeat."""
        self._ended.set()
        self._thread.join(timeout=5)

    def _send_heartbeats(self) -> None:
        heard = time.monotonic()
        while not self._ended.wait(HEARTBEAT_SECONDS):
            progress = self._progress if self._rank == 0 else None
            reference = self._dispatcher.heartbeat.remote(self.lane, self._incarnation, progress)
            try:
                reply: HeartbeatReply = ray.get(reference, timeout=ORPHAN_SECONDS)
            except ray.exceptions.GetTimeoutError:
                if time.monotonic() - heard > ORPHAN_SECONDS:
                    os._exit(1)
                continue
            except ray.exceptions.RayError:
                os._exit(1)  # the dispatcher is gone, and with it the driver
            heard = time.monotonic()
            if reply.adopt and self._rank == 0:
                reply = replace(reply, leave=not self._introduce())
            if reply.leave and not self._ended.is_set():
                os._exit(1)
            self._stop = reply.stop

    def _introduce(self) -> bool:
        """Tells a dispatcher that was started anew what this lane is; returns whether it may stay."""
        work, progress = self._work, self._progress
        progress = progress if work is not None and progress is not None and progress.ticket == work.ticket else None
        member = Membership(self._start, self._incarnation, self._joined, work, progress)
        try:
            return bool(self.call("adopt", member))
        except ray.exceptions.RayError:
            return True  # the next heartbeat finds out


def lane_loop(data: dict[str, Any]) -> None:
    """The train loop of one Ray Train worker; every rank of the lane runs it.

    Args:
        data: the fields of a ``LaneSpec``.

    Raises:
        Exception: with several workers, what the training raised on this rank: the others may hang in a
            collective, so Ray Train has to restart the group. A single worker stays up instead.
    """
    spec = LaneSpec(**data)
    rank = ray.train.get_context().get_world_rank()
    _refuse(spec, store_trouble(spec.store, spec.nonce))
    try:
        spec.outside.use()
    except UserError as error:
        _refuse(spec, str(error))
    torch.set_num_threads(spec.threads)
    if os.path.isdir(spec.directory):
        os.chdir(spec.directory)
    store = Store(spec.store, create=False)
    device = ray.train.torch.get_device()
    # NCCL gives up on a rank that waits half an hour, and needs a GPU: segments are announced over gloo
    control = dist.new_group(backend="gloo") if world_size() > 1 else None
    incarnation = _announce(uuid.uuid4().hex[:8] if rank == 0 else None, control)
    line = DispatcherLine(spec, incarnation, rank)
    try:
        while True:
            order: Order = _announce(line.call("take", POLL_SECONDS) if rank == 0 else None, control)
            if isinstance(order, Close):
                return
            if isinstance(order, Work):
                _run(order, store, line, rank, device)
    finally:
        line.close()


def _refuse(spec: LaneSpec, why: str) -> None:
    """Refuses to work here, where there is a reason to."""
    if why:
        dispatcher = ray.get_actor(spec.dispatcher, namespace=spec.namespace)
        ray.get(dispatcher.refuse.remote(spec.lane, why))
        raise RuntimeError(why)


def _run(work: Work, store: Store, line: DispatcherLine, rank: int, device: torch.device) -> None:
    def tell(live: Live) -> None:
        line.tell(work.ticket, live)

    if rank == 0:
        line.begin(work)
    run = SegmentRun(work.segment, store, tell=tell, stop=line.stopping, rank=rank, device=device)
    try:
        result = run()
    except Exception as error:  # whatever the training raises is the segment's failure, not the lane's
        lost = SegmentResult(LOST, error="a worker of the lane died", cause=causes.LOST_WORKER)
        result = replace(lost, images=run.live.images) if _peer_lost(error) else run.failed(error)
        line.begin(work)
        line.done(result)
        if world_size() > 1:
            raise
        _free_memory()
        return
    if rank == 0:
        timing = result.timing or Timing(work.segment.id)
        timed = replace(timing, lane=line.lane, handed=work.handed, warm=work.warm)
        line.done(replace(result, timing=timed))


def _announce(value: Any, control: Any) -> Any:
    """Returns rank 0's value on every rank; ``control`` is their process group, None for a single worker."""
    if control is None:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0, group=control)
    return box[0]


def _peer_lost(error: Exception) -> bool:
    """Whether the error is another worker's death as seen from here, not a mistake of the training's own."""
    if world_size() == 1:
        return False
    text = str(error).lower()
    torn = ("connection closed by peer", "connection reset by peer", "broken pipe", "gloo", "nccl")
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and any(hint in text for hint in torn))


def _free_memory() -> None:
    """Gives cached GPU memory back after a failure, which may have been for want of it."""
    with contextlib.suppress(RuntimeError):
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
