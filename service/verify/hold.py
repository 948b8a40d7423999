"""Has a study to itself while it is mended, as a run has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from service.engine.ledger import Ledger
from service.engine.watch import Watch
from service.preflight import Prepared
from service.provenance.runs import record_provenance
from service.records.kinds import GivenUp
from service.records.store import Store


@dataclass(frozen=True)
class Hold:
    """A study that is this process's for a while.

    Attributes:
        study: its name.
        run: the number of the run that the mending counts as.
        stop: whether to stop: after a signal or ``dit-ablate stop``.
    """

    study: str
    run: int
    stop: Callable[[], bool]


@contextmanager
def held(store: Store, prepared: Prepared) -> Iterator[Hold]:
    """Claims a study as a run does, so that no run goes on beside it; what the last run said of itself stays said.

    Args:
        store: the store.
        prepared: the study.

    Yields:
        The hold.

    Raises:
        UserError: a run of the study is going on.
    """
    study, began = prepared.expansion.study, time.monotonic()
    threads = torch.get_num_threads()
    ledger = Ledger(prepared, store)
    with Watch(ledger, store, None, claims_always=True) as watch:
        number = ledger.run
        given_up = store.records.numbered(GivenUp.folder(study.name, number - 1), GivenUp).contents
        before = store.runs(study.name).get(number - 1)
        record_provenance(store, study.name, number)
        for record in given_up:
            store.records.append(GivenUp.folder(study.name, number), record)
        torch.set_num_threads(study.resources.cpus_per_worker)

        def stop() -> bool:
            watch.tick([], 0, 0.0)
            return watch.stopping

        try:
            yield Hold(study.name, number, stop)
        finally:
            torch.set_num_threads(threads)
        ended = {
            "interrupted": before is not None and before.interrupted,
            "failed": {record.trial: record.error for record in given_up},
            "messages": ("what was damaged was made again",),
            "elapsed": time.monotonic() - began,
        }
        store.add_run(study.name, number, ended)
