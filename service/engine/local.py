"""The lane's twin in the calling process: no Ray, one segment after another. For debugging and for tests."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from service.engine.heartbeat import TakenOver
from service.engine.ledger import Ledger
from service.engine.runner import SegmentRun
from service.engine.watch import Watch
from service.engine.wire import Live, Timing
from service.records.store import Store

WAIT_SECONDS = 0.2


def run_local(ledger: Ledger, store: Store, watch: Watch) -> float:
    """Runs every segment the policy wants, here.

    Args:
        ledger: the study's book-keeping.
        store: where records go.
        watch: told about every event; asked whether to stop.

    Returns:
        Lane seconds: how long this one lane existed.
    """
    resources = ledger.study.resources
    if resources.workers > 1:
        ledger.messages.append(f"the local executor runs one worker, not {resources.workers}")
    watch.lanes = 1
    threads = torch.get_num_threads()
    torch.set_num_threads(resources.cpus_per_worker)
    began = time.monotonic()
    try:
        while not ledger.stopping:
            segment = ledger.next()
            if segment is None:
                if ledger.finished:
                    break
                watch.tick([], 1, time.monotonic() - began)  # what is left is held up
                ledger.stopping = watch.stopping
                time.sleep(WAIT_SECONDS)
                continue
            handed, warm = time.time(), bool(ledger.timings)

            def tell(live: Live) -> None:
                watch.tick([replace(live, lane="local")], 1, time.monotonic() - began)

            def stop() -> bool:
                watch.check()
                return watch.stopping

            run = SegmentRun(segment, store, tell, stop)
            try:
                result = run()
            except TakenOver:
                raise
            except Exception as error:  # whatever the training raises is this segment's failure, not the run's
                result = run.failed(error)
            if result.timing is not None:
                timing: Timing = replace(result.timing, handed=handed, lane="local", warm=warm)
                result = replace(result, timing=timing)
            ledger.settle(segment, result)
            watch.tick([], 1, time.monotonic() - began)
            ledger.stopping = watch.stopping
    finally:
        torch.set_num_threads(threads)
    return time.monotonic() - began
