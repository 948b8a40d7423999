"""Every run records where it comes from, once, and nothing in it is a secret."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from test_records import damage
from tiny_study import dit_ablate
from whole_store import make_whole

import service
from service.provenance import checkout as checkouts
from service.provenance.checkout import Checkout, checkout
from service.provenance.environment import VARIABLES, allowed
from service.provenance.record import Provenance
from service.provenance.runs import origin_sentences, provenance, record_provenance
from service.provenance.trials import TrialOrigins
from service.records.claims import claim_study
from service.records.store import Store


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    done = subprocess.run(["git", *names, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A checkout with a change, and a file that Git does not know."""
    folder = tmp_path / "code"
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "part.py").write_text("one = 1\n")
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", "https://me:hunter2@example.org/code.git")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    (folder / "package" / "part.py").write_text("one = 2  # mlflow at https://me:hunter2@example.org\n")
    (folder / "package" / "secrets.txt").write_text("hunter3")
    return folder / "package" / "part.py"


def test_a_checkout_gives_commit_and_difference_without_secrets(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = checkout(code)
    assert found.commit == git(code.parent, "rev-parse", "HEAD")
    assert found.remote == "https://me:***@example.org/code.git"
    assert "-one = 1" in found.diff and "+one = 2" in found.diff and found.diff_bytes > 0
    assert "hunter" not in found.diff, "neither an address's password nor a file that Git does not know"
    monkeypatch.setattr(checkouts, "DIFF_BYTES", 40)
    cut = checkout(code)
    assert len(cut.diff) <= 40 and cut.diff_bytes == found.diff_bytes


def test_code_that_no_checkout_tracks_has_no_commit(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checkout(code.with_name("secrets.txt")) == Checkout()
    (tmp_path / "alone.py").write_text("")
    assert checkout(tmp_path / "alone.py") == Checkout()
    monkeypatch.setenv("PATH", "")
    assert checkout(code) == Checkout(), "Git is not here"


def test_the_environment_is_recorded_by_a_list_of_what_may_be() -> None:
    secrets = {"AWS_SECRET_ACCESS_KEY": "x", "MLFLOW_TRACKING_PASSWORD": "x", "RAY_AUTH_TOKEN": "x", "HF_TOKEN": "x"}
    assert allowed({**secrets, "OMP_NUM_THREADS": "2", "HOME": "/root"}) == {"OMP_NUM_THREADS": "2"}
    assert not [
        name for name in VARIABLES if any(word in name for word in ("KEY", "TOKEN", "SECRET", "PASS", "URL", "URI"))
    ]


def test_a_run_records_its_origin_once_and_all_it_computes_names_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    commits = {checkout(Path(service.__file__)).commit}
    path, prepared = make_whole(tmp_path)
    store = Store(path)
    (only,) = provenance(store, "tiny").values()
    assert only["commit"] in commits | {checkout(Path(service.__file__)).commit}  # somebody may commit meanwhile
    assert only["command"] == "dit-ablate run study.yaml" and only["host"] and only["hardware"]
    assert {"python", "torch", "ray", "mlflow"} <= only["versions"].keys()
    assert only["environment"]["OMP_NUM_THREADS"] == "1"
    assert only["began"] > 0 and only["ended"] > "2026" and only["device_seconds"] > 0
    for trial in prepared.expansion.trials:
        identity = prepared.train_ids[trial.name]
        assert {(item.study, item.run) for item in store.curve(identity)} == {("tiny", 1)}
        metrics = store.evaluations(identity, trial.config, prepared.expansion.study.milestones).values()
        assert {metric.run for found in metrics for metric in found.values()} == {1}
        origin = TrialOrigins(store).of(identity)
        assert [(run["study"], run["run"], run["commit"]) for run in origin["runs"]] == [("tiny", 1, only["commit"])]
        assert origin["device_seconds"] > 0 and origin["ended"] > origin["began"] and "diff" not in origin["runs"][0]
    text = "".join(file.read_text(errors="replace") for file in path.rglob("*.json"))
    assert "hunter2" not in text

    assert dit_ablate("report", "tiny", "--store", path).exit_code == 0
    report = (path / "studies" / "tiny" / "report" / "report.md").read_text()
    assert "**Provenance.** Run 1: " in report and "by `dit-ablate run study.yaml`" in report
    damage(path / "studies" / "tiny" / "provenance" / "0001.json", "torn")
    assert origin_sentences(Store(path), "tiny") == []
    shutil.rmtree(path / "studies" / "tiny" / "provenance")
    assert provenance(Store(path), "tiny")["1"]["device_seconds"] == only["device_seconds"], "a store from before"


def begin(store: Store) -> None:
    claim = claim_study(store, "tiny")
    record_provenance(store, "tiny", claim.run)
    claim.end()


def test_runs_with_the_same_origin_are_one_sentence(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for _ in range(3):
        begin(store)
    same = store.records.get(Provenance.key("tiny", 1), Provenance)
    assert same is not None
    claim_study(store, "tiny").end()
    other = same.content.model_copy(
        update={"commit": "", "version": "9.9", "diff": "", "diff_bytes": 0, "began": 1.8e9}
    )
    store.records.put(Provenance.key("tiny", 4), other)
    first, second = origin_sentences(store, "tiny")
    assert first.startswith("Runs 1, 2, 3: ") and "3 without an end" in first
    assert second.startswith("Run 4: version 9.9; ") and "2027-01-15" in second
