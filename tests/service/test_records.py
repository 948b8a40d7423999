"""Records of every kind: written once, refused when anything in them is not as it was written, made again beside."""

from __future__ import annotations

import json
import math
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from dit_core.identity import digest
from service.records.backend import FolderBackend
from service.records.envelope import CorruptRecord, Record, seal, unseal
from service.records.kinds import (
    Claim,
    DefinitionRecord,
    DivergenceRecord,
    EvaluationRecord,
    Failure,
    GivenUp,
    Hardware,
    Point,
    RunRecord,
    SegmentTime,
    Stretch,
    TrialRecord,
)
from service.records.records import Records

GPU = Hardware(device="cuda: NVIDIA H100", torch="2.14.1", workers=4)
ODD = {
    "nan": math.nan,
    "deep": [{"inf": -math.inf}, [math.inf, "Infinity"]],
    "$float": "mine",
    "text": "NaN",
    "no": None,
}
RECORDS: tuple[Record, ...] = (
    TrialRecord(config={"model": {"depth": 3}, "training": {"learning_rate": 1e-4}, "later": {"field": True}}),
    Stretch(start=0, images=128, began=1.795e9, seconds=2.5, hardware=GPU, points=(
        Point(images=64, loss=math.nan, mse=math.inf, vb=-0.1, seconds=1.0),
        Point(images=128, loss=0.1, mse=0.2, vb=0.3, seconds=2.5),
    )),
    EvaluationRecord(eval_id="e" * 64, images=128, name="fid", value=math.inf, floor=None, details=ODD, study="tiny"),
    DivergenceRecord(images=64, reason="the loss is nan"),
    DefinitionRecord(study={"name": "tiny"}, train_ids={"baseline seed=0": "a" * 64}, source="x.yaml", command="run"),
    Failure(trial="a seed=0", train_id="b" * 64, until=128, attempt=1, given_up=True, outcome="failed", error="no"),
    GivenUp(study="tiny", trial="a seed=0", until=128, attempt=3, error="no"),
    RunRecord(interrupted=False, messages=("one", "two"), timings=(SegmentTime(segment="s", train=1.0),)),
    Claim(pid=7, host="here"),
)  # fmt: skip
KINDS = [record.kind for record in RECORDS]


def same(left: Record, right: Record) -> bool:
    """Whether two records are equal; NaN equals itself here."""
    return type(left) is type(right) and repr(left) == repr(right)


@pytest.mark.parametrize("record", RECORDS, ids=KINDS)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    back = unseal(seal(record, "2026-11-26T11:00:00+00:00"), type(record), "key")
    assert same(back.content, record)
    assert back.written == "2026-11-26T11:00:00+00:00"
    json.loads(seal(record), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_no_two_kinds_are_called_alike() -> None:
    assert len(set(KINDS)) == len(KINDS) == 9


@pytest.mark.parametrize("record", RECORDS, ids=KINDS)
def test_every_flipped_bit_is_refused_or_changes_nothing(record: Record) -> None:
    data = seal(record)
    generator = random.Random(0)
    for bit in generator.sample(range(8 * len(data)), min(1500, 8 * len(data))):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            found = unseal(bytes(flipped), type(record), "key")
        except CorruptRecord:
            continue
        assert same(found.content, record) and found.written == unseal(data, type(record), "key").written


def sealed_again(data: bytes, **changes: Any) -> bytes:
    """The envelope with other fields under a checksum that fits; None leaves one out."""
    envelope = {key: value for key, value in {**json.loads(data), **changes}.items() if value is not None}
    envelope.pop("sha256")
    return json.dumps({**envelope, "sha256": digest(envelope)}).encode()


DAMAGES = {
    "empty": lambda data: b"",
    "torn": lambda data: data[: len(data) // 2],
    "no JSON": lambda data: b"{torn",
    "no text": lambda data: b"\xff\xfe\x00" + data,
    "a list": lambda data: b"[1, 2]",
    "a number": lambda data: b"7",
    "deeply nested": lambda data: b"[" * 100_000,
    "no checksum": lambda data: json.dumps({k: v for k, v in json.loads(data).items() if k != "sha256"}).encode(),
    "another checksum": lambda data: json.dumps({**json.loads(data), "sha256": "0" * 64}).encode(),
    "content a string": lambda data: sealed_again(data, content="text"),
    "no content": lambda data: sealed_again(data, content=None),
    "other fields": lambda data: sealed_again(data, content={"something": "else"}),
    "fields of other types": lambda data: sealed_again(data, content={k: [{}] for k in json.loads(data)["content"]}),
    "written missing": lambda data: sealed_again(data, written=None),
    "written no time": lambda data: sealed_again(data, written="yesterday"),
    "written a number": lambda data: sealed_again(data, written=12),
    "another kind": lambda data: sealed_again(data, kind="something"),
    "another format": lambda data: sealed_again(data, format=3),
    "a folder in its place": None,
    "a link to nowhere": None,
    "unreadable": None,
}


def damage(path: Path, how: str) -> None:
    change = DAMAGES[how]
    data = path.read_bytes()
    path.unlink()
    if change is not None:
        path.write_bytes(change(data))
    elif how == "a folder in its place":
        path.mkdir()
    else:  # a link to itself is what nobody can read, root included
        path.symlink_to(path.name if how == "unreadable" else "nowhere.json")


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("record", RECORDS, ids=KINDS)
def test_a_damaged_record_is_refused_and_made_again_beside(record: Record, how: str, tmp_path: Path) -> None:
    records = Records(FolderBackend(tmp_path))
    records.put("a/key.json", record)
    damage(tmp_path / "a" / "key.json", how)
    before = (tmp_path / "a" / "key.json").read_bytes() if DAMAGES[how] is not None else None
    with pytest.raises(CorruptRecord, match=r"^a/key\.json: .+"):
        records.get("a/key.json", type(record))
    assert records.find("a/key.json", type(record)) is None and set(records.damaged) == {"a/key.json"}
    assert same(records.put("a/key.json", record).content, record)
    found = records.get("a/key.json", type(record))
    assert found is not None and same(found.content, record)
    if before is not None:
        assert (tmp_path / "a" / "key.json").read_bytes() == before, "what is damaged is left as it is"


def test_the_first_writer_wins(tmp_path: Path) -> None:
    records = Records(FolderBackend(tmp_path))
    first, second = DivergenceRecord(images=1, reason="first"), DivergenceRecord(images=2, reason="second")
    assert records.put("d.json", first).content == records.put("d.json", second).content == first
    assert records.get("d.json", DivergenceRecord).content == first


def test_numbers_are_given_once_each_whoever_writes(tmp_path: Path) -> None:
    numbers: list[int] = []

    def write(pid: int) -> None:
        records = Records(FolderBackend(tmp_path))
        numbers.extend(records.append("claims/", Claim(pid=pid, host="here")) for _ in range(10))

    threads = [threading.Thread(target=write, args=(pid,)) for pid in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 41))
    found = Records(FolderBackend(tmp_path)).numbered("claims/", Claim)
    assert found.last == 40 and sorted(claim.pid for claim in found.contents) == sorted([0, 1, 2, 3] * 10)


class Late(FolderBackend):
    """An object store whose listing never shows what has just been written."""

    def list(self, prefix: str) -> list[str]:
        return []


def test_a_late_listing_hides_nothing_and_overwrites_nothing(tmp_path: Path) -> None:
    for pid in range(3):
        assert Records(Late(tmp_path)).append("claims/", Claim(pid=pid, host="here")) == pid + 1
    assert [claim.pid for claim in Records(Late(tmp_path)).numbered("claims/", Claim).contents] == [0, 1, 2]


def test_a_damaged_or_missing_number_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    records = Records(FolderBackend(tmp_path))
    for pid in range(1, 6):
        records.append("claims/", Claim(pid=pid, host="here"))
    (tmp_path / "claims" / "0002.json").write_text("{torn")
    (tmp_path / "claims" / "0004.json").unlink()
    again = Records(FolderBackend(tmp_path))
    found = again.numbered("claims/", Claim)
    assert [*found.found] == [1, 3, 5] and found.last == 5
    assert set(again.damaged) == {"claims/0002.json", "claims/0004.json"}
    assert "missing" in again.damaged["claims/0004.json"]
    assert again.append("claims/", Claim(pid=6, host="here")) == 6
    assert [*again.numbered("claims/", Claim, first=5).found] == [5, 6]


class Shut(FolderBackend):
    """A folder that this user may not look into (root, who runs the tests, may look into every one)."""

    def get(self, key: str) -> bytes | None:
        raise PermissionError(13, "Permission denied", key)

    def list(self, prefix: str) -> list[str]:
        raise PermissionError(13, "Permission denied", prefix)


def test_a_folder_that_cannot_be_read_is_told_and_ends_the_counting(tmp_path: Path) -> None:
    records = Records(Shut(tmp_path))
    found = records.numbered("studies/tiny/runs/", RunRecord)
    assert (found.contents, found.last) == ([], 0)
    assert records.list("studies/") == []
    assert any("cannot be read (Permission denied)" in problem for problem in records.damaged.values())
