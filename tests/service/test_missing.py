"""What a run has made and somebody has deleted is named; what may rightly be gone is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_study import dit_ablate
from whole_store import make_whole

from service import Client
from service.analysis.damage import DamageKind
from service.analysis.missing import COLLECTOR
from service.records.store import Store
from service.records.trial_claims import TrialClaims
from service.verify.finding import Remedy
from service.verify.inspect import verify


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_whole(tmp_path_factory.mktemp("whole"))[0]


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "store")
    return tmp_path / "store"


def trial(store: Path) -> Path:
    return sorted((store / "trials").iterdir())[0]


def remove(store: Path, pattern: str) -> None:
    for path in sorted(store.glob(pattern)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("gone", "count", "at"),
    [
        (lambda store: shutil.rmtree(store / "trials"), 4, {64, 128}),
        (lambda store: shutil.rmtree(trial(store)), 2, {64, 128}),
        (lambda store: shutil.rmtree(trial(store) / "evaluations"), 2, {64, 128}),
        (lambda store: remove(trial(store), "evaluations/*128-*"), 1, {128}),
        (lambda store: remove(trial(store), "evaluations/*64-*"), 1, {64}),
    ],
    ids=["all trials", "a trial", "its measurements", "its last", "the one at its rung"],
)
def test_measurements_that_were_made_and_are_gone_are_named(
    gone: Callable[[Path], None], count: int, at: set[int], store: Path
) -> None:
    gone(store)
    found = [item for item in verify(Store(store)).findings if item.counts]
    assert {(item.damage.kind, item.remedy) for item in found} == {(DamageKind.MISSING, Remedy.RUN)}
    assert len(found) == count and {item.damage.images for item in found} == at
    assert {item.damage.key for item in found if (store / item.damage.key).exists()} == set()
    done = dit_ablate("verify", "--store", store)
    assert done.exit_code == 1 and "images was measured, and is missing now" in done.stderr
    assert "by the study's next run" in done.stderr or "the study's next run makes it" in done.stderr
    assert "The study's next run: dit-ablate run study.yaml" in done.stderr
    assert len(Client(store=store).status("tiny").damage) == count, "status says so beside what it calls pending"
    left = dit_ablate("repair", "--store", store)
    assert left.exit_code == 1 and left.stdout.count("left: ") == count


def test_a_checkpoint_that_nobody_has_freed_is_named_and_made_again(store: Path) -> None:
    shutil.rmtree(trial(store) / "checkpoints")
    (found,) = verify(Store(store)).findings
    assert (found.damage.kind, found.damage.images, found.remedy) == (DamageKind.CHECKPOINT, 128, Remedy.TRAIN)
    assert "is missing, and was not freed by `gc`" in found.damage.text
    assert dit_ablate("repair", "--train", "--store", store).exit_code == 0
    assert verify(Store(store)).is_sound


def test_what_may_rightly_be_gone_is_not_missed(store: Path) -> None:
    claims = TrialClaims(Store(store).records, COLLECTOR, 0)  # as `gc` has them
    for path in (store / "trials").iterdir():
        claims.take(path.name)
        claims.release(path.name)
    remove(store, "trials/*/checkpoints")
    assert verify(Store(store)).findings == [], "`gc` has freed them"


def test_of_a_run_that_was_killed_nobody_can_tell(store: Path) -> None:
    remove(store, "studies/tiny/runs/*")
    shutil.rmtree(trial(store) / "checkpoints")
    remove(trial(store), "evaluations/*128-*")
    assert verify(Store(store)).is_sound


def test_a_bundle_without_weights_is_sound(store: Path, tmp_path: Path) -> None:
    Client(store=store).bundle("tiny", tmp_path / "tiny.zip")
    Client(store=tmp_path / "taken").import_bundle(tmp_path / "tiny.zip")
    verdict = verify(Store(tmp_path / "taken"))
    assert verdict.findings == [] and verdict.checkpoints == 0


def test_a_metric_of_other_code_is_measured_anew_and_the_old_one_is_no_loss(store: Path) -> None:
    for path in trial(store).glob("evaluations/*128-*"):
        path.rename(path.with_name(f"{path.stem.rpartition('-')[0]}-{'0' * 16}.json"))
    assert DamageKind.MISSING not in {item.damage.kind for item in verify(Store(store)).findings}


def test_a_definition_that_is_gone_is_named_with_the_way_back(store: Path) -> None:
    shutil.rmtree(store / "studies" / "tiny" / "definitions")
    told = dit_ablate("status", "--store", store)
    assert "study 'tiny': its definition is missing; make it again from the study.yaml beside it" in told.stderr
    assert f"dit-ablate repair tiny --store {store}" in told.stderr and "no study yet" not in told.stdout
    assert "run the study again" not in dit_ablate("verify", "--store", store).stderr
    (store / "studies" / "tiny" / "study.yaml").unlink()
    (found,) = verify(Store(store)).findings
    assert found.remedy is Remedy.RUN and found.damage.text.endswith(
        "run the study again from its file: nothing that is recorded runs twice"
    )
    assert "run the study again from its file" in dit_ablate("status", "tiny", "--store", store).stderr
