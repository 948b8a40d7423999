"""Where a study is measured before it runs: in this process, or on a lane of Ray."""

from __future__ import annotations

from collections.abc import Callable

import torch

from service.cost.measure import measure_here, unknown_arms
from service.cost.target import Target
from service.preflight import Prepared
from service.records.results import collect
from service.records.store import Store


def measure_arms(prepared: Prepared, store: Store | None, address: str | None, tell: Callable[[str], None]) -> None:
    """Profiles every arm of whose shape nothing was recorded or profiled on such hardware.

    Args:
        prepared: the study.
        store: where its records are; None when there is no store yet.
        address: of a Ray cluster; None for this machine.
        tell: told what is being measured.

    Raises:
        UserError: the cluster cannot be reached or has no room for a lane, or an arm cannot run there.
    """
    resources = prepared.expansion.study.resources
    target = Target.here(resources)
    results = None if store is None else collect(prepared.expansion, store, prepared.train_ids)
    arms = unknown_arms(prepared, target, store, results)
    if not arms:
        return
    if address is not None or resources.workers > 1 or (target.on_gpu and not torch.cuda.is_available()):
        from service.engine.measure import measure_on_ray

        measure_on_ray(arms, resources, address, tell)
    else:
        measure_here(prepared, arms, tell)
