"""A study on S3: the numbers of the same study on a disk, on an empty cache, whatever command looks at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from observed import evaluations
from s3_server import client, s3_server
from tiny_study import dit_ablate, write_study

from dit_core.data.paths import cache_folder
from dit_core.training.checkpoint import Checkpoints, CorruptCheckpoint
from search_spaces.load import load_study
from service import Client
from service.engine import run_segments
from service.records.store import Store
from service.records.whereabouts import recorded

pytestmark = pytest.mark.slow

PLACE = "s3://studies/team/a"
BUDGET = 640
"""Long enough to be killed in the middle of."""


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, s3_server() as environment:
        for name, value in environment.items():
            patch.setenv(name, value)
        client().create_bucket(Bucket="studies")
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    ablations = [{"axis": "patch_size", "values": [4]}]
    return write_study(folder, ablations=ablations, seeds=[0], policy="none", checkpoint_images=64)


def curves(store: Store, identities: dict[str, str]) -> dict[str, list[tuple[int, float]]]:
    return {name: [(p.images, p.loss) for p in store.curve_points(of)] for name, of in identities.items()}


def test_a_study_on_s3_is_the_study_on_a_disk(server: None, study: Path, tmp_path: Path) -> None:
    on_disk = Client(store=tmp_path / "store").start(load_study(study))
    run_segments(on_disk.prepared, on_disk.store, executor="local")

    done = dit_ablate("run", study, "--store", PLACE, "--executor", "local")
    assert done.exit_code == 0, done.stderr
    flat = " ".join(done.stdout.split())
    assert f"MLflow's database lies on this machine only, in {cache_folder()}/stores/" in flat
    assert f"{PLACE}/studies/tiny/report/report.html" in flat and f"--store {PLACE}" in flat
    assert f"MLflow dit-ablate ui --store {PLACE} " in flat, "its database is found by the store"
    on_s3 = Store(PLACE)
    assert on_s3.scratch.is_relative_to(tempfile.gettempdir()) and (on_s3.path / "mlflow.db").is_file()
    identities = dict(on_disk.prepared.train_ids)
    assert curves(on_s3, identities) == curves(on_disk.store, identities) and all(curves(on_s3, identities).values())
    assert evaluations(on_s3, on_disk.prepared) == evaluations(on_disk.store, on_disk.prepared)

    keys = {key["Key"] for key in client().list_objects_v2(Bucket="studies")["Contents"]}
    disk = {
        path.relative_to(tmp_path / "store").as_posix() for path in (tmp_path / "store").rglob("*") if path.is_file()
    }
    wanted = {name for name in disk if name.startswith("trials/") and "grids" not in name}
    assert wanted <= {key.removeprefix("team/a/") for key in keys} and any("checkpoints" in name for name in wanted)
    assert "team/a/studies/tiny/report/report.html" in keys and "team/a/studies/tiny/live.json" not in keys
    assert not any("partial" in key for key in keys)
    assert not Path("s3:").exists()


def test_every_command_reads_it_and_another_machine_goes_on(
    server: None, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (("status",), ("report", "tiny"), ("plan", "tiny"), ("stop", "tiny")):
        done = dit_ablate(*command, "--store", PLACE)
        assert done.exit_code == 0, done.stderr
    weights = tmp_path / "weights.pt"
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "empty"))  # another machine
    done = dit_ablate("export", "tiny", "--to", weights, "--layout", "official", "--store", PLACE)
    assert done.exit_code == 0 and weights.is_file(), done.stderr

    shutil.rmtree(tmp_path / "empty")
    longer = Client(store=PLACE).start(study, budget_images=384)
    straight = Client(store=tmp_path / "store").start(study, budget_images=384)
    outcome = run_segments(longer.prepared, longer.store, executor="local")
    run_segments(straight.prepared, straight.store, executor="local")
    assert evaluations(longer.store, longer.prepared) == evaluations(straight.store, straight.prepared)
    identities = dict(longer.prepared.train_ids)
    assert curves(longer.store, identities) == curves(straight.store, identities)
    trained = {status.train_id: longer.store.curve(status.train_id) for status in outcome.statuses}
    assert all(stretches[-1].images == 384 for stretches in trained.values())
    assert all(sum(s.images - s.start for s in stretches) == 384 for stretches in trained.values()), "nothing twice"


def test_a_killed_driver_is_followed_by_one_on_another_machine(server: None, study: Path, tmp_path: Path) -> None:
    place, straight = "s3://studies/killed", Client(store=tmp_path / "store").start(study, budget_images=BUDGET)
    run_segments(straight.prepared, straight.store, executor="local")
    code = "import sys; from service import Client; s = Client(store=sys.argv[1]).start(sys.argv[2], budget_images={})"
    code += "; from service.engine import run_segments; run_segments(s.prepared, s.store, executor='local')"
    environment = {**os.environ, "DIT_ABLATE_CACHE": str(tmp_path / "first")}
    driver = subprocess.Popen([sys.executable, "-c", code.format(BUDGET), place, str(study)], env=environment)
    until = time.monotonic() + 600
    bucket = client()
    while "partial" not in str(bucket.list_objects_v2(Bucket="studies", Prefix="killed/trials/")):
        assert driver.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    driver.kill()
    driver.wait()

    resumed = Client(store=place).start(study, budget_images=BUDGET)
    assert not resumed.store.path.is_relative_to(tmp_path / "first")
    outcome = run_segments(resumed.prepared, resumed.store, executor="local")
    assert {str(status.state) for status in outcome.statuses} == {"completed"}
    assert evaluations(resumed.store, resumed.prepared) == evaluations(straight.store, straight.prepared)
    identities = dict(straight.prepared.train_ids)
    assert curves(resumed.store, identities) == curves(straight.store, identities)


@pytest.mark.slow  # it needs what the tests above have trained
def test_a_damaged_published_checkpoint_is_passed_over(server: None, tmp_path: Path) -> None:
    store = Store(PLACE)
    (key, *_) = [key for key in store.records.list("trials/")] or store.records.names("trials/")
    identity = key.rpartition("/")[2]
    mirror = store.mirror(identity)
    assert mirror is not None
    newest = max(mirror.names())
    assert mirror.fetch(newest, tmp_path / newest) == ""
    (tmp_path / newest).write_bytes((tmp_path / newest).read_bytes()[:-1])
    client().put_object(
        Bucket="studies", Key=f"team/a/trials/{identity}/checkpoints/{newest}",
        Body=(tmp_path / newest).read_bytes(), Metadata={"sha256": "0" * 64},
    )  # fmt: skip
    checkpoints = Checkpoints(tmp_path / "cache", mirror)
    _, path = checkpoints.found()[0]
    with pytest.raises(CorruptCheckpoint, match="does not match its SHA-256"):
        checkpoints.fetch(path)


def test_a_copied_prefix_is_another_store(server: None) -> None:
    bucket = client()
    original = Store(PLACE).id
    for item in bucket.list_objects_v2(Bucket="studies", Prefix="team/a/")["Contents"]:
        source = {"Bucket": "studies", "Key": item["Key"]}
        bucket.copy_object(Bucket="studies", Key=item["Key"].replace("team/a/", "team/b/"), CopySource=source)
    copy = Store("s3://studies/team/b")
    assert copy.id != original and "is a copy of s3://studies/team/a" in copy.notes[0]
    again = Store("s3://studies/team/b")
    assert (again.id, again.notes) == (copy.id, []) and Store(PLACE).id == original
    assert [item.id for item in recorded(copy.records)] == [original, copy.id]
