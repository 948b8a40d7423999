"""Two Ray Train workers train what one trains: the number of workers changes the order of sums, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from observed import losses
from small_studies import expansion

from service.engine import run_segments
from service.preflight import prepare
from service.records.store import Store

STEPS = 50


def test_two_workers_reproduce_one(ray_cluster, tmp_path: Path) -> None:
    def study(workers: int):
        return prepare(
            expansion(
                {}, seeds=(0,), rungs=(32 * 20,), budget=32 * STEPS, workers=workers, training={"log_every_steps": 1}
            )
        )

    two, one = study(2), study(1)
    assert two.train_ids == one.train_ids, "the number of workers is not part of a trial's identity"
    many, single = Store(tmp_path / "two"), Store(tmp_path / "one")
    outcome = run_segments(two, many, address=ray_cluster.address)
    reference = run_segments(one, single, executor="local")
    assert [str(status.state) for status in outcome.statuses] == ["completed"]
    assert outcome.lanes == 1 and len(outcome.timings) == 2

    mine, theirs = (losses(store, one, "baseline seed=0") for store in (many, single))
    assert len(mine) == len(theirs) == STEPS
    for (images, loss, mse), (expected_images, expected_loss, expected_mse) in zip(mine, theirs, strict=True):
        assert images == expected_images
        assert loss == pytest.approx(expected_loss, rel=1e-5)
        assert mse == pytest.approx(expected_mse, rel=1e-5)
    (found,), (expected,) = outcome.statuses, reference.statuses
    assert found.metric.value == pytest.approx(expected.metric.value, rel=1e-3)
