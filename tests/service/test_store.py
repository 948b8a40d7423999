"""Records are written once, atomically, verified on reading; the store refuses what it is not."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from small_studies import tiny_config

from dit_core.errors import UserError
from dit_core.events import CurvePoint, Diverged, Evaluated, MetricResult, Progress
from service.records.store import CorruptRecord, Store, read_record, write_atomically, write_once

ID = "a" * 64


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def progress(start: int, images: int, losses: list[float]) -> Progress:
    step = (images - start) // len(losses)
    points = [CurvePoint(start + step * (i + 1), loss, loss / 2, 0.1) for i, loss in enumerate(losses)]
    return Progress(start, images, tuple(points), 1.5)


def test_a_store_is_made_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store"
    assert Store(path).path == Store(str(path)).path == path


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda path: path.write_text("x"), "is a file"),
        (lambda path: (path.mkdir(), (path / "photo.png").touch()), "not empty and not a dit-ablate store"),
        (lambda path: (path.mkdir(), (path / "store.json").write_text("{}")), "was not written by dit-ablate"),
        (lambda path: (path.mkdir(), (path / "store.json").write_text("{torn")), "was not written by dit-ablate"),
        (
            lambda path: (
                path.mkdir(),
                (path / "store.json").write_text('{"kind": "dit-ablate store", "format": 99}'),
            ),
            "has format 99; this version reads 1",
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


def test_a_record_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "record.json"
    assert write_once(path, {"value": 1})
    assert not write_once(path, {"value": 2})
    assert read_record(path)["value"] == 1
    assert [item.name for item in path.parent.iterdir()] == ["record.json"], "no temporary file is left"


@pytest.mark.parametrize("damage", ["truncate", "edit", "empty", "binary", "list"])
def test_a_damaged_record_is_noticed_and_replaced(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "record.json"
    write_once(path, {"value": 1})
    text = path.read_text()
    damaged = {"truncate": text[: len(text) // 2], "edit": text.replace('"value": 1', '"value": 7'), "empty": "",
               "list": "[1]"}  # fmt: skip
    if damage == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    else:
        path.write_text(damaged[damage])
    with pytest.raises(CorruptRecord):
        read_record(path)
    assert write_once(path, {"value": 3})
    assert read_record(path)["value"] == 3
    assert len(list(tmp_path.glob("record.json.corrupt-*"))) == 1, "what was there is kept for a look"


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"


def test_a_curve_comes_back_in_order_without_damaged_pieces(store: Store) -> None:
    store.add_progress(ID, progress(64, 128, [0.5, 0.25]))
    store.add_progress(ID, progress(0, 64, [2.0, math.nan]))
    store.add_progress(ID, progress(128, 192, [0.1]))
    (store.trial_dir(ID) / "curve" / f"{128:012d}-{192:012d}.json").write_text("torn")
    stretches = list(store.curve(ID))
    assert [(item["start"], item["images"]) for item in stretches] == [(0, 64), (64, 128)]
    assert [point.images for item in stretches for point in item["points"]] == [32, 64, 96, 128]
    assert math.isnan(stretches[0]["points"][1].loss)


def test_overlapping_stretches_give_every_point_once(store: Store) -> None:
    store.add_progress(ID, progress(0, 64, [2.0, 1.0]))
    store.add_progress(ID, progress(32, 96, [1.0, 0.5]))
    assert [(point.images, point.loss) for point in store.curve_points(ID)] == [(32, 2.0), (64, 1.0), (96, 0.5)]


def test_evaluations_belong_to_their_sampler(store: Store) -> None:
    config = tiny_config()
    other = tiny_config(evaluation={"guidance_scale": 3.0})
    metric = MetricResult("fd_digits_cnn", 12.5, 1.0, {"samples": 64})
    store.add_evaluation(ID, config, Evaluated(128, (metric,), b"png", 2.0, 0.5), "first")
    store.add_evaluation(ID, other, Evaluated(128, (MetricResult("fd_digits_cnn", math.inf),), b"", 1.0, 1.0), "second")
    found = store.evaluations(ID, config)[128]["fd_digits_cnn"]
    assert (found.value, found.floor, found.details, found.study) == (12.5, 1.0, {"samples": 64}, "first")
    assert found.sample_seconds == 2.0 and found.written.endswith("+00:00")
    assert store.evaluations(ID, other)[128]["fd_digits_cnn"].value == math.inf
    assert store.grid_path(ID, config, 128).read_bytes() == b"png"
    assert not store.grid_path(ID, other, 128).exists()
    # who comes second pays nothing and changes nothing
    store.add_evaluation(ID, config, Evaluated(128, (metric,), b"else", 9.0, 9.0), "third")
    assert store.evaluations(ID, config)[128]["fd_digits_cnn"].study == "first"
    assert store.grid_path(ID, config, 128).read_bytes() == b"png"


def test_divergence(store: Store) -> None:
    assert store.divergence(ID) is None
    store.add_divergence(ID, Diverged(96, "the loss is nan"))
    store.add_divergence(ID, Diverged(128, "another"))
    assert store.divergence(ID) == Diverged(96, "the loss is nan")
    (store.trial_dir(ID) / "diverged.json").write_text("torn")
    assert store.divergence(ID) is None


def test_numbered_records(store: Store) -> None:
    assert store.numbered("study", "failures") == []
    first = store.add_numbered("study", "failures", {"error": "a"})
    second = store.add_numbered("study", "failures", {"error": "b", "value": math.nan})
    assert (first.name, second.name) == ("0001.json", "0002.json")
    first.write_text(json.dumps({"no": "envelope"}))
    (record,) = store.numbered("study", "failures")
    assert record["error"] == "b" and math.isnan(record["value"])
    assert store.studies() == ["study"]
