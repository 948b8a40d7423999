"""The one way to run a study: on Ray, or in the calling process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from dit_core.errors import unknown
from service.engine.lane_state import Limits
from service.engine.ledger import Ledger
from service.engine.outcome import OnUpdate, Outcome
from service.engine.proposer import Proposer
from service.engine.retention import Retention
from service.engine.watch import Watch
from service.preflight import Prepared
from service.provenance.runs import record_provenance
from service.records.kinds import GivenUp
from service.records.store import Store
from service.search import proposer_of
from service.tuning.proposer import tuning_proposer
from service.user import user

EXECUTORS = ("ray", "local")


def run_segments(
    prepared: Prepared,
    store: Store,
    *,
    executor: Literal["ray", "local"] | str = "ray",
    address: str | None = None,
    ray_temp_dir: str | Path | None = None,
    on_update: OnUpdate | None = None,
    max_attempts: int = 3,
    limits: Limits | None = None,
    proposer: Proposer | None = None,
    leave: Sequence[GivenUp] = (),
) -> Outcome:
    """Runs whatever the study still lacks in the store. Running it again continues; a finished study does nothing.

    It claims the study first; a run that is refused has written nothing. While it runs, ``studies/<name>/live.json``
    says so, and a request under ``stops/`` beside it, or a SIGINT, SIGTERM or SIGHUP, makes running segments
    checkpoint and end.

    Args:
        prepared: the study.
        store: where checkpoints and records go.
        executor: ``ray`` (lanes) or ``local`` (this process, one segment after another).
        address: of a running Ray cluster, ``host:port``; see ``service.engine.cluster.cluster``.
        ray_temp_dir: folder for an own Ray's files.
        on_update: called in the calling thread with a ``Snapshot``, as ``Watch`` says.
        max_attempts: how often a segment may fail before its trial is given up for this run.
        limits: when a lane counts as dead or hung.
        proposer: proposes new arms where the policy asks for some; None takes the study's own search or tuning.
        leave: trials that an earlier run has given up and this one leaves out, which it records as its own.

    Returns:
        What the run did, also kept as ``studies/<name>/runs/<number>.json``.

    Raises:
        UserError: the cluster cannot be reached or has no room for a lane, another process runs this study, or has
            taken it over, or it was asked to end while there was no room on the disk.
        LanesFailed: no lane comes up.
    """
    if executor not in EXECUTORS:
        raise unknown("executor", executor, EXECUTORS)
    proposer = proposer or proposer_of(prepared.expansion.study) or tuning_proposer(prepared, store)
    ledger = Ledger(prepared, store, max_attempts, proposer, leave)
    # what a cap has left is recorded, also where there is nothing to run for it
    with Watch(ledger, store, on_update, claims_always=bool(ledger.capped)) as watch:
        time: dict[str, Any] = {}
        if ledger.run:
            ledger.on_settled = Retention(ledger, store).tidy
            ledger.begin()
            record_provenance(store, ledger.study.name, ledger.run)
            if executor == "local":
                from service.engine.local import run_local  # PyTorch: who only reads a study need not wait for it

                seconds = run_local(ledger, store, watch)
                time = {"lanes": 1, "lane_seconds": seconds}
            else:
                from service.engine.driver import run_on_ray

                spent = run_on_ray(ledger, store, watch, address=address, temp_dir=ray_temp_dir, limits=limits)
                time = {"lanes": spent.lanes, "lane_seconds": spent.total, "startup_seconds": spent.startup}
        outcome = Outcome(
            statuses=ledger.statuses(),
            stops=ledger.stops,
            interrupted=ledger.stopping and bool(ledger.left) and not ledger.cap_reached,
            failed=dict(ledger.failed),
            capped=ledger.capped if ledger.cap_reached or not ledger.stopping else (),
            cap=ledger.cap,
            messages=tuple(ledger.messages),
            elapsed=watch.elapsed,
            timings=tuple(ledger.timings),
            user=user(),
            device_seconds=watch.device_seconds,
            **time,
        )
        if time:
            store.add_run(ledger.study.name, ledger.run, outcome.to_json())
        watch.tick([], 0, 0.0, force=True)
    return outcome
