"""Workers are killed in mid-segment, trials cannot run: the rest goes on, to the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from long_studies import long_study, states
from observed import evaluations, losses
from processes import kill
from ray_actors import train_workers

from service.engine import Snapshot, run_segments
from service.preflight import Prepared, prepare
from service.records.store import Store

STEPS = 120
END = 128 * STEPS


def block(store: Store, prepared: Prepared) -> Path:
    """Makes the arm ``careful`` impossible to train."""
    path = store.trial_dir(prepared.train_ids["careful seed=0"]) / "checkpoints"
    path.parent.mkdir(parents=True)
    path.write_text("a file where a folder must go")
    return path


def baseline_at(snapshot: Snapshot) -> int:
    """Images the baseline's segment has seen, 0 while it does not train."""
    live = snapshot.live.get("baseline seed=0")
    if live is None or live.phase != "training":
        return 0
    assert not live.images or live.loss is not None, "progress reaches the driver while a segment runs"
    return live.images


def test_one_worker_lanes(ray_cluster, undisturbed, tmp_path: Path) -> None:
    """The lanes' workers are killed in mid-segment, and one trial cannot run: the other goes on."""
    prepared, store = prepare(long_study()), Store(tmp_path / "store")
    blocked = block(store, prepared)
    killed: list[int] = []

    def kill_once(snapshot: Snapshot) -> None:
        if not killed and baseline_at(snapshot) > 128 * 5:
            killed.extend(train_workers(ray_cluster.dashboard))
            for pid in killed:
                kill(pid)

    outcome = run_segments(prepared, store, address=ray_cluster.address, on_update=kill_once)
    assert killed, "nothing was killed: the segment was too short"
    assert states(outcome) == {"baseline": "completed", "careful": "failed"}
    assert any("the lane's workers died" in message for message in outcome.messages)
    kinds = [failure.outcome for failure in store.failures("tiny")]
    assert kinds.count("lost") >= 1 and kinds.count("failed") >= 1
    assert losses(store, prepared, "baseline seed=0") == losses(*undisturbed, "baseline seed=0")
    assert evaluations(store, prepared)["baseline seed=0", END] == evaluations(*undisturbed)["baseline seed=0", END]

    # mended, the same study runs what it lacks
    blocked.unlink()
    run_segments(prepared, store, executor="local")
    assert losses(store, prepared, "careful seed=0") == losses(*undisturbed, "careful seed=0")


def test_a_lane_of_two_workers(ray_cluster, undisturbed, tmp_path: Path) -> None:
    """One of two workers is killed, then a trial raises on both: the group is started again each time.

    What two workers train is what one trains.
    """
    prepared, store = prepare(long_study(workers=2)), Store(tmp_path / "store")
    block(store, prepared)
    killed: list[int] = []

    def kill_once(snapshot: Snapshot) -> None:
        if not killed and baseline_at(snapshot) > 128 * 5:
            workers = train_workers(ray_cluster.dashboard)
            assert len(workers) == 2
            killed.append(workers[-1])
            kill(workers[-1])

    outcome = run_segments(prepared, store, address=ray_cluster.address, on_update=kill_once, max_attempts=2)
    assert killed, "nothing was killed: the segment was too short"
    assert states(outcome) == {"baseline": "completed", "careful": "failed"}
    failures = store.failures("tiny")
    assert {failure.outcome for failure in failures if failure.trial == "baseline seed=0"} == {"lost"}
    assert {failure.outcome for failure in failures if failure.trial == "careful seed=0"} == {"failed"}
    mine, theirs = losses(store, prepared, "baseline seed=0"), losses(*undisturbed, "baseline seed=0")
    assert [images for images, *_ in mine] == [images for images, *_ in theirs]
    # the number of workers changes the order of sums, nothing else; the difference grows from step to step
    for steps, near in ((40, 1e-4), (STEPS, 1e-3)):
        first, reference = ([loss for images, loss, _ in found if images <= 128 * steps] for found in (mine, theirs))
        assert first == pytest.approx(reference, rel=near)
    assert prepared.train_ids.items() <= undisturbed[1].train_ids.items(), (
        "the number of workers is not part of a trial's identity"
    )
    assert outcome.lanes == 1
