"""Where a store may lie, which keys it has, and what is said of everything else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny_study import dit_ablate

from dit_core.errors import UserError
from service import Client
from service.records.backend import FolderBackend
from service.records.claims import claim_study
from service.records.envelope import CorruptRecord
from service.records.kinds import Claim, DivergenceRecord
from service.records.place import S3Place, place_of
from service.records.records import Records
from service.records.store import Store
from service.records.study_files import is_defined


def test_a_bucket_without_the_extra_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(UserError) as raised:
        Store("s3://runs/mine")
    assert str(raised.value) == (
        "store: s3://runs/mine needs boto3, which is not installed; install it with pip install 'dit-ablate[s3]'"
    )


@pytest.mark.parametrize(
    ("given", "bucket", "prefix"),
    [
        ("s3://runs", "runs", ""),
        ("s3://runs/", "runs", ""),
        ("s3://my.runs-1/team/a b/", "my.runs-1", "team/a b"),
    ],
)
def test_a_bucket_with_a_prefix_is_a_place(given: str, bucket: str, prefix: str) -> None:
    place = place_of(given)
    assert place == S3Place(bucket, prefix) and place_of(str(place)) == place


def test_a_folder_is_a_place_with_a_colon_in_it_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert place_of("run:1") == tmp_path / "run:1" and place_of("~/x") == Path.home() / "x"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (3, "store: 3 is no place for a store; a store is a folder or s3://BUCKET/PREFIX"),
        (b"x", "store: b'x' is no place for a store; a store is a folder or s3://BUCKET/PREFIX"),
        ("", "store: '' is no place for a store; a store is a folder or s3://BUCKET/PREFIX"),
        ("a\0b", r"store: 'a\x00b' is no folder's name; a store is a folder or s3://BUCKET/PREFIX"),
        ("gs://b/x", "did you mean 's3://b/x'?"),
        ("http://host/x", "did you mean 's3://host/x'?"),
        ("hdfs://name/x", "did you mean 's3://name/x'?"),
        ("s3:/b/x", "did you mean 's3://b/x'?"),
        ("s3:///b/x", "did you mean 's3://b/x'?"),
        (Path("s3://b/x"), "did you mean 's3://b/x'?"),
        ("S3://b/x", "did you mean 's3://b/x'?"),
        ("file:///data/a%20b", "did you mean '/data/a b'?"),
        ("s3://My_Bucket/x", "did you mean 's3://my-bucket/x'?"),
        ("s3://", "store: '' in 's3://' is no bucket's name"),
        ("s3://runs/a/../b", "did you mean 's3://runs/a/b'?"),
        ("s3://runs/a//b", "did you mean 's3://runs/a/b'?"),
        ("s3://runs/a?versionId=1", "did you mean 's3://runs/a/versionId=1'?"),
        ("s3://KEY:SECRET@runs/a", "names a user; give s3://BUCKET/PREFIX, and credentials as AWS_ACCESS_KEY_ID"),
        ("http://me:SECRET@runs/a", "is no place for a store"),
    ],
)
def test_another_place_is_refused_in_one_sentence(
    given: object, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        Client(store=given)  # type: ignore[arg-type]
    assert sentence in str(error.value) and str(error.value).startswith("store: ")
    assert ":SECRET" not in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 250
    if isinstance(given, str) and given and "\0" not in given:
        done = dit_ablate("status", "--store", given)
        assert done.exit_code == 2 and sentence in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == [], "nothing is made"


OUTSIDE = ("../x", "a/../../x", "/etc/x", "a//x", "a/./x", "a/", "", "a\0b", "a\\..\\b", "a/\n", "x" * 300)


@pytest.mark.parametrize("key", OUTSIDE)
def test_no_key_leads_out_of_a_store(key: str, tmp_path: Path) -> None:
    backend = FolderBackend(tmp_path / "store")
    for use in (backend.get, backend.delete, lambda key: backend.put(key, b""), lambda key: backend.write(key, b"")):
        with pytest.raises(UserError, match=r"^store: .* is no name in a store"):
            use(key)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["..", "../other", "a/b", "a\0b", "a\nb", ""])
def test_a_study_is_not_looked_for_outside(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert not is_defined(store, name)
    if name and "\0" not in name:
        done = dit_ablate("status", name, "--store", store.path)
        assert done.exit_code == 2 and done.stderr.count("\n") == 1 and done.stderr.startswith("error: "), done.stderr


def test_a_record_in_the_place_of_another_is_damaged(tmp_path: Path) -> None:
    records = Records(FolderBackend(tmp_path))
    records.put("trials/a/diverged.json", DivergenceRecord(images=1, reason="a"))
    (tmp_path / "trials" / "b").mkdir()
    copied = (tmp_path / "trials" / "a" / "diverged.json").read_bytes()
    (tmp_path / "trials" / "b" / "diverged.json").write_bytes(copied)
    with pytest.raises(CorruptRecord, match=r"^trials/b/diverged\.json: the record of another place, 'trials/a/div"):
        records.get("trials/b/diverged.json", DivergenceRecord)
    assert records.put("trials/b/diverged.json", DivergenceRecord(images=2, reason="b")).content.images == 2
    assert (tmp_path / "trials" / "b" / "diverged~1.json").exists()


def test_a_number_far_beyond_costs_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    claim_study(store, "tiny")
    key = "studies/tiny/claims/200000.json"
    (store.path / key).write_bytes(b"stray")
    asked: list[str] = []
    records = store.records
    get = records.backend.get
    records.backend.get = lambda key: asked.append(key) or get(key)  # type: ignore[method-assign, func-returns-value]
    assert store.last_run("tiny") == 200000 and store.runs("tiny") == {}
    assert len(asked) < 30
    assert "it and the 199,997 numbers after it are missing" in records.damaged["studies/tiny/claims/0002.json"]
    records = Records(FolderBackend(store.path))
    assert records.append("studies/tiny/claims/", Claim(pid=1, host="here")) == 200001
