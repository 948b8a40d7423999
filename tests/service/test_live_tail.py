"""The curve inside a segment: one record per checkpoint, a live tail before it, and MLflow told each window once."""

from __future__ import annotations

import pickle
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from finished_study import BUDGET, RUNG, begin, tiny_study
from small_studies import expansion

from dit_core.gflops import count
from service.engine.ledger import Ledger
from service.engine.runner import SegmentRun
from service.engine.segment import Segment
from service.engine.stretch import TAIL, OpenStretch
from service.engine.wire import Live
from service.mlflow_sync import MlflowSync, default_tracking_uri
from service.mlflow_sync.connection import connect
from service.mlflow_sync.content import CurveFeed
from service.preflight import Prepared, prepare
from service.records.backend import FolderBackend
from service.records.kinds import Hardware
from service.records.store import Store


class Killed(BaseException):
    """Ends a segment where it is, as a signal would: nothing more is recorded."""


def run(segment: Segment, store: Store, *, stop_after: int | None = None, kill_after: int | None = None) -> list[Live]:
    """Runs a segment and returns every live state it told; it is stopped, or killed, after so many windows."""
    told: list[Live] = []

    def tell(live: Live) -> None:
        told.append(live)
        if kill_after is not None and len(live.tail) >= kill_after:
            raise Killed

    windows = iter(range(1, 1000))
    try:
        SegmentRun(segment, store, tell, lambda: next(windows) == stop_after)()
    except Killed:
        return told
    assert kill_after is None, "nothing was killed"
    return told


def study(**changes: Any) -> Prepared:
    """One arm; five windows of 64 images to the only milestone."""
    return prepare(expansion({}, seeds=(0,), rungs=(), budget=320, **changes))


def first(prepared: Prepared, store: Store) -> Segment:
    segment = Ledger(prepared, store).next()
    assert segment is not None
    return segment


def test_a_stretch_is_recorded_once_before_its_checkpoint(tmp_path: Path) -> None:
    store, prepared = Store(tmp_path / "store"), study(checkpoint_images=192)
    segment = first(prepared, store)
    told = run(segment, store)
    (one, two) = store.curve(segment.train_id)
    assert [(s.start, s.images, [p.images for p in s.points]) for s in (one, two)] == [
        (0, 192, [64, 128, 192]), (192, 320, [256, 320])
    ]  # fmt: skip
    for piece in (one, two):
        assert piece.seconds == piece.points[-1].seconds and sorted(p.seconds for p in piece.points)[0] > 0
        assert piece.hardware is not None and piece.hardware.device.startswith(("cpu: ", "cuda: "))
    assert one.began + one.seconds <= two.began
    assert [len(live.tail) for live in told if live.phase == "training"] == [0, 1, 2, 0, 0, 1, 0]
    metrics = store.evaluations(segment.train_id, segment.trial_config(), [320])[320]
    assert {metric.hardware for metric in metrics.values()} == {one.hardware}  # type: ignore[attr-defined]


def test_a_stop_and_a_divergence_close_a_stretch(tmp_path: Path) -> None:
    store, prepared = Store(tmp_path / "store"), study()
    segment = first(prepared, store)
    run(segment, store, stop_after=2)
    assert [(piece.start, piece.images) for piece in store.curve(segment.train_id)] == [(0, 128)]
    run(segment, store)
    assert [(piece.start, piece.images) for piece in store.curve(segment.train_id)] == [(0, 128), (128, 320)]

    wild = first(study(training={"learning_rate": 1e3}), store)
    run(wild, store)
    diverged = store.divergence(wild.train_id)
    assert diverged is not None
    assert [piece.images for piece in store.curve(wild.train_id)] == [diverged.images]


def test_the_tail_is_what_the_record_will_say(tmp_path: Path) -> None:
    store, prepared = Store(tmp_path / "store"), study()
    segment = first(prepared, store)
    cost = count(segment.trial_config().model)
    told = run(segment, store)
    feed = CurveFeed(store, segment.train_id, cost, 320)
    feed.look()
    recorded = list(feed.rows())
    assert len(recorded) == 5 * 5 + 2 == len(set(recorded))  # and, at the end, seconds and memory
    empty = Store(tmp_path / "empty")
    longest = max((live.tail for live in told), key=len)
    assert [point.images for point in longest] == [64, 128, 192, 256]
    for live in told:
        travelled = pickle.loads(pickle.dumps(live))
        assert travelled == live
        rows = set(CurveFeed(empty, segment.train_id, cost, 320).rows(travelled.tail))
        assert rows <= set(recorded)
        assert len(rows) == max(0, 5 * len(live.tail) - 1), "the first window's speed comes with the record"


def test_a_long_tail_is_cut_and_the_record_is_whole() -> None:
    from dit_core.events import CurvePoint, Progress

    stretch = OpenStretch(0, 1e9, Hardware(device="cpu: x", torch="2"))
    for step in range(TAIL + 10):
        stretch.add(Progress(step, step + 1, (CurvePoint(step + 1, 1.0, 1.0, 0.0),), 0.5))
    assert len(stretch.tail) == TAIL and stretch.tail[-1].images == TAIL + 10
    record = stretch.record()
    assert len(record.points) == TAIL + 10 and record.seconds == 0.5 * (TAIL + 10)
    assert record.time(record.points[-1]) == stretch.tail[-1].time


# -- MLflow -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty tracking database; making one takes seconds."""
    store = Store(tmp_path_factory.mktemp("mlflow") / "store")
    connect(default_tracking_uri(store))
    return store.path / "mlflow.db"


@pytest.fixture
def store(database: Path, tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    shutil.copy(database, made.path / "mlflow.db")
    return made


def syncing(prepared: Prepared, store: Store) -> MlflowSync:
    sync = MlflowSync(None, prepared, store)
    sync.check()
    return sync


def history(store: Store, sync: MlflowSync, trial: str = "baseline seed=0") -> dict[str, list[tuple[int, int, float]]]:
    client = connect(default_tracking_uri(store))
    (found,) = client.search_runs([sync.experiment_id], f"tags.trial = '{trial}'")
    return {
        key: sorted((m.step, m.timestamp, m.value) for m in client.get_metric_history(found.info.run_id, key))
        for key in found.data.metrics
    }


@pytest.mark.slow
def test_a_kill_after_the_tail_was_logged_leaves_every_window_once(store: Store) -> None:
    prepared = study()
    segment = first(prepared, store)
    sync = syncing(prepared, store)
    told = run(segment, store, kill_after=3)
    assert list(store.curve(segment.train_id)) == []
    assert sync.sync([told[-1]]), sync.problem
    before = history(store, sync)
    assert [step for step, _, _ in before["train_loss"]] == [64, 128, 192] and "train_seconds" not in before

    told = run(segment, store)  # trains the same windows again, at other times
    for again in (sync, syncing(prepared, store)):  # the same process, and another one
        for live in told:
            assert again.sync([live]), again.problem
        assert again.finish() is None
        after = history(store, again)
        assert after["train_loss"][:3] == before["train_loss"]
        for key, rows in after.items():
            steps = [step for step, _, _ in rows]
            assert len(steps) == len(set(steps)), f"{key} was logged twice"
        assert [step for step, _, _ in after["train_loss"]] == [64, 128, 192, 256, 320]
        assert [step for step, _, _ in after["images_per_second"]] == [64, 128, 192, 256, 320]
        assert [step for step, _, _ in after["train_seconds"]] == [320]


class Counted(FolderBackend):
    """Counts what is read of records and grids; ``study.yaml`` and the like are for people."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: Counter[str] = Counter()

    def get(self, key: str) -> bytes | None:
        data = super().get(key)
        if data is not None and key.endswith((".json", ".png")):
            self.reads[key] += 1
        return data


def counting(store: Store) -> Counter[str]:
    store.records.backend = backend = Counted(store.path)
    return backend.reads


def segments(prepared: Prepared, store: Store) -> Iterator[None]:
    """Runs the study segment by segment."""
    ledger = Ledger(prepared, store)
    while (segment := ledger.next()) is not None:
        ledger.settle(segment, SegmentRun(segment, store, lambda live: None, lambda: False)())
        yield


@pytest.mark.slow
def test_the_sync_reads_every_record_once(store: Store) -> None:
    prepared = begin(tiny_study(seeds=[0]), store)
    watched = Store(store.path)
    reads = counting(watched)
    sync = syncing(prepared, watched)
    assert sync.sync(), sync.problem  # reads what the study has for people
    for _ in segments(prepared, store):
        before = sum(reads.values())
        assert sync.sync(), sync.problem
        # the trial's begin, one stretch, one evaluation and its grid; or the divergence in place of the last two; and
        # a decision, when one has followed
        assert sum(reads.values()) - before <= 5
        before = sum(reads.values())
        assert sync.sync(), sync.problem
        assert sum(reads.values()) == before, "nothing is new, so nothing is read"
    records = {key: number for key, number in reads.items() if key.endswith((".json", ".png"))}
    assert sync.finish() is None
    definitions = [number for key, number in records.items() if "/definitions/" in key]
    assert definitions == [2], "once for where the study came from, once for what was changed after it had begun"
    assert len(records) > 20 and sorted(records.values()) == [1] * (len(records) - 1) + [2]
    again = {key.split("/")[-2] for key, number in reads.items() if number > 1}
    assert again == {"definitions"}, "what was read is remembered when damage is looked for at the end"
    everything = {key for key in reads if "/curve/" in key}
    assert len(everything) == len(list(store.path.glob("trials/*/curve/*.json"))) >= 6
    assert {RUNG, BUDGET} == set(prepared.expansion.study.milestones)


@pytest.mark.parametrize("arms", [2, 20])
def test_settling_a_segment_reads_as_much_in_a_large_study(arms: int, tmp_path: Path) -> None:
    deltas = {f"arm {index}": {"training": {"learning_rate": 1e-3 + 1e-5 * index}} for index in range(arms)}
    prepared = prepare(expansion(deltas, seeds=(0,), rungs=(64,), budget=128, policy="none"))
    store = Store(tmp_path / "store")
    ledger = Ledger(prepared, store)
    segment = ledger.next()
    assert segment is not None
    result = SegmentRun(segment, store, lambda live: None, lambda: False)()
    reads = counting(store)
    ledger.settle(segment, result)
    assert sum(reads.values()) == 1, "the new evaluation"
