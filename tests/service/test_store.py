"""The store: what it refuses to be, what it keeps under which key, and how little it reads."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from small_studies import tiny_config

from dit_core.errors import UserError
from dit_core.events import CurvePoint, Diverged, Evaluated, MetricResult
from dit_core.files import temporary_path
from service.records.claims import claim_study
from service.records.kinds import Failure, Hardware, Point, Stretch
from service.records.store import Store

ID = "a" * 64
METRIC = "fd_digits_cnn"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def claimed(store: Store, study: str) -> int:
    """Begins and ends a run; returns its number."""
    claim = claim_study(store, study)
    claim.end()
    return claim.run


def stretch(start: int, images: int, losses: list[float]) -> Stretch:
    step, count = (images - start) // len(losses), len(losses)
    points = [
        Point(images=start + step * (i + 1), loss=loss, mse=loss / 2, vb=0.1, seconds=1.5 * (i + 1) / count)
        for i, loss in enumerate(losses)
    ]
    return Stretch(start=start, images=images, points=tuple(points), began=1e9, seconds=1.5)


def failure(run: int, *, given_up: bool, error: str = "it broke") -> Failure:
    return Failure(
        trial="a seed=0", train_id=ID, until=128, attempt=1, given_up=given_up, outcome="failed", error=error, run=run
    )


def test_a_store_is_made_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store"
    assert Store(path).path == Store(str(path)).path == path
    assert Store(path).format == 2
    Store(path).require_writable()


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda path: path.write_text("x"), "is a file"),
        (lambda path: (path.mkdir(), (path / "photo.png").touch()), "not empty and not a dit-ablate store"),
        (lambda path: (path.mkdir(), (path / "store.json").write_text("{}")), "was not written by dit-ablate"),
        (lambda path: (path.mkdir(), (path / "store.json").write_text("{torn")), "was not written by dit-ablate"),
        (lambda path: (path.mkdir(), (path / "store.json").mkdir()), "Is a directory"),
        (
            lambda path: (
                (path / "trials" / "a").mkdir(parents=True),
                (path / "trials" / "a" / "trial.json").write_text("{torn"),
                (path / "store.json").write_bytes(b""),
            ),
            r'if it was one, write {"kind": "dit-ablate store", "format": 2} into that file',
        ),
        (
            lambda path: (
                path.mkdir(),
                (path / "store.json").write_text('{"kind": "dit-ablate store", "format": 99}'),
            ),
            "has format 99; this version reads 1 and 2",
        ),
    ],
)
def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path, prepare, message: str) -> None:
    path = tmp_path / "thing"
    prepare(path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=message):
        Store(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_kill_while_the_store_is_made_leaves_a_folder_that_becomes_one(tmp_path: Path) -> None:
    path = tmp_path / "store"
    path.mkdir()
    temporary_path(path / "store.json").write_text("{")
    assert Store(path).format == 2 and (path / "store.json").exists()


def test_the_curve_is_kept_in_the_order_of_training(store: Store) -> None:
    store.add_stretch(ID, stretch(0, 64, [2.0, math.nan]))
    store.add_stretch(ID, stretch(64, 128, [0.5, 0.25]))
    store.add_stretch(ID, stretch(128, 192, [0.1]))
    (store.trial_dir(ID) / "curve" / "0002.json").write_text("torn")
    kept = list(store.curve(ID))
    assert [(piece.start, piece.images, piece.seconds) for piece in kept] == [(0, 64, 1.5), (128, 192, 1.5)]
    assert math.isnan(kept[0].points[1].loss)
    assert len(store.damaged) == 1 and f"trials/{ID}/curve/0002.json" in store.damaged[0]
    again, following = Store(store.path).stretches(ID, 3)
    assert again == kept[1:] and following == 4


def test_stretches_that_overlap_give_every_point_once(store: Store) -> None:
    store.add_stretch(ID, stretch(0, 64, [2.0, 1.0]))
    store.add_stretch(ID, stretch(32, 96, [1.0, 0.5]))
    assert store.curve_points(ID) == [
        CurvePoint(32, 2.0, 1.0, 0.1), CurvePoint(64, 1.0, 0.5, 0.1), CurvePoint(96, 0.5, 0.25, 0.1)
    ]  # fmt: skip


def test_evaluations_are_found_by_what_was_measured(store: Store) -> None:
    config, other = tiny_config(), tiny_config(evaluation={"sampling_steps": 4})
    details = {"samples": 64, "spread": math.nan, "classes": [math.inf, "NaN"]}
    metric = MetricResult(METRIC, 1.5, 0.5, details)
    gpu = Hardware(device="cuda: NVIDIA H100", torch="2.14.1")
    store.add_evaluation(ID, config, Evaluated(128, (metric,), b"png", 2.0, 0.5), "first", gpu)
    store.add_evaluation(ID, other, Evaluated(128, (MetricResult(METRIC, math.inf),), b"", 1.0, 1.0), "second")
    measured = store.evaluations(ID, config, (64, 128))
    assert set(measured) == {128}
    found = measured[128][METRIC]
    assert (found.value, found.floor, found.study, found.hardware) == (1.5, 0.5, "first", gpu)
    assert (found.sample_seconds, found.score_seconds) == (2.0, 0.5)
    assert math.isnan(found.details["spread"]) and found.details["classes"] == [math.inf, "NaN"]
    assert store.evaluations(ID, other, [128])[128][METRIC].value == math.inf
    assert store.grid(measured[128]) == b"png" and store.grid(store.evaluations(ID, other, [128])[128]) is None

    store.add_evaluation(ID, config, Evaluated(128, (metric,), b"else", 9.0, 9.0), "third")
    again = Store(store.path).evaluations(ID, config, [128])[128]
    assert again[METRIC].study == "first" and store.grid(again) == b"png"


def test_a_damaged_grid_is_left_out_and_told(store: Store) -> None:
    config = tiny_config()
    store.add_evaluation(ID, config, Evaluated(128, (MetricResult(METRIC, 1.0),), b"png", 0.0, 0.0), "tiny")
    (grid,) = store.trial_dir(ID).glob("grids/*.png")
    grid.write_bytes(b"other")
    assert store.grid(store.evaluations(ID, config, [128])[128]) is None
    assert "grid is missing or damaged" in store.damaged[0]


def test_divergence_is_recorded_once(store: Store) -> None:
    assert store.divergence(ID) is None
    store.add_divergence(ID, Diverged(96, "the loss is nan"))
    store.add_divergence(ID, Diverged(128, "another"))
    assert store.divergence(ID) == Diverged(96, "the loss is nan")
    (store.trial_dir(ID) / "diverged.json").write_text("torn")
    assert store.divergence(ID) == Diverged(96, "the loss is nan"), "what was read once is not read again"
    assert Store(store.path).divergence(ID) is None


def test_runs_are_numbered_and_a_later_one_supersedes_what_was_given_up(store: Store) -> None:
    assert store.last_run("tiny") == 0 and store.runs("tiny") == store.given_up("tiny") == {}
    assert claimed(store, "tiny") == 1
    store.add_failure("tiny", failure(1, given_up=False))
    assert store.given_up("tiny") == {}
    store.add_failure("tiny", failure(1, given_up=True, error="the disk is full"))
    assert store.given_up("tiny") == {"a seed=0": "the disk is full"}, "before the run has ended, and if it is killed"
    store.add_run("tiny", 1, {"interrupted": False, "elapsed": 2.0, "spent": {"train": 1.0}})
    assert claimed(store, "tiny") == 2
    assert store.given_up("tiny") == {} and Store(store.path).last_run("tiny") == 2
    assert {number: run.elapsed for number, run in store.runs("tiny").items()} == {1: 2.0}
    assert [(record.run, record.given_up) for record in store.failures("tiny")] == [(1, False), (1, True)]
    assert store.studies() == ["tiny"]


def test_what_killed_writers_left_is_removed_where_work_begins(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [temporary_path(store.trial_dir(ID) / "curve" / "0001.json"), temporary_path(store.study_dir("tiny") / "x")]
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_text("torn")
    monkeypatch.setattr("dit_core.files.process_exists", lambda pid: False)
    monkeypatch.setattr("dit_core.files._GRACE_SECONDS", 0.0)
    store.begin(ID, tiny_config())
    assert [path.exists() for path in left] == [False, True]
    claimed(store, "tiny")
    assert not left[1].exists()
