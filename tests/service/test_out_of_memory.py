"""A training that runs out of memory goes on from its checkpoint with fewer images at once; and what is said before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from observed import losses
from small_studies import expansion

from dit_core.training import loop
from service.engine import run_segments
from service.engine.micro_batches import MicroBatches
from service.engine.segment import Segment
from service.engine.wire import FAILED, SegmentResult
from service.preflight import prepare
from service.records.store import Store


def full_above(images: int, from_step: int, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """From a step on, a device has room for so many images at once; returns the steps and sizes that were tried."""
    tried: list[tuple[int, int]] = []
    accumulate = loop.accumulate

    def limited(config: Any, process: Any, network: Any, step: int, batch: Any, micro_batch: int) -> torch.Tensor:
        tried.append((step, micro_batch))
        if step >= from_step and (micro_batch or len(batch.x0)) > images:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return accumulate(config, process, network, step, batch, micro_batch)

    monkeypatch.setattr(loop, "accumulate", limited)
    return tried


def test_it_goes_on_from_its_checkpoint_with_half_as_many_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(expansion({}, seeds=(0,), rungs=(), checkpoint_images=64))
    undisturbed, store = Store(tmp_path / "undisturbed"), Store(tmp_path / "store")
    run_segments(prepared, undisturbed, executor="local")
    tried = full_above(8, 5, monkeypatch)
    outcome = run_segments(prepared, store, executor="local", max_attempts=1)
    assert not outcome.failed and not store.failures("tiny"), "it is nobody's failure"
    assert [(step, size) for step, size in tried if step == 5] == [(5, 0), (5, 16), (5, 8)]
    assert tried[:6] == [(step, 0) for step in range(6)]
    assert tried[6:8] == [(4, 16), (5, 16)], "from the checkpoint after step 3"
    assert tried[8:] == [(step, 8) for step in range(4, 12)]
    assert outcome.messages == (
        "baseline seed=0: out of memory with 32 images at once on each worker; goes on from its checkpoint with 16 at "
        "once (training.micro_batch: 16 begins with that)",
        "baseline seed=0: out of memory with 16 images at once on each worker; goes on from its checkpoint with 8 at "
        "once (training.micro_batch: 8 begins with that)",
    )
    found, expected = losses(store, prepared, "baseline seed=0"), losses(undisturbed, prepared, "baseline seed=0")
    assert [point[0] for point in found] == [point[0] for point in expected] == list(range(64, 385, 64))
    for left, right in zip(found, expected, strict=True):
        assert left[1:] == pytest.approx(right[1:], rel=1e-5)


def test_what_does_not_fit_one_by_one_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = full_above(0, 0, monkeypatch)
    store = Store(tmp_path / "store")
    outcome = run_segments(prepare(expansion({}, seeds=(0,), rungs=())), store, executor="local", max_attempts=1)
    assert [size for _, size in tried] == [0, 16, 8, 4, 2, 1]
    assert "out of memory" in outcome.failed["baseline seed=0"]
    assert [failure.cause for failure in store.failures("tiny")] == ["out of memory"]


@pytest.mark.parametrize(("size", "half"), [(33, 17), (2, 1), (1, 0), (0, 0)])
def test_sizes_are_halved_down_to_one(size: int, half: int) -> None:
    segment, sizes = Segment("t", "weights", 64, {}), MicroBatches()
    said = sizes.halve(segment, SegmentResult(FAILED, micro_batch=size))
    assert (said is not None) == bool(half)
    assert sizes.of("weights") == half
    assert sizes.of("other weights") == 0
