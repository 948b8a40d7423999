"""The Python API: running, looking, reporting, stopping, from preset to frames."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats
from tiny_study import BATCH, TINY, write_study

from dit_core.errors import UserError
from search_spaces.load import load_study
from service import Ablation, Baseline, Client, Study, StudyResult
from service.engine import Snapshot
from service.records.study_files import read_definition


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("client")


@pytest.fixture(scope="module")
def snapshots() -> list[Snapshot]:
    return []


@pytest.fixture(scope="module")
def result(folder: Path, snapshots: list[Snapshot]) -> StudyResult:
    """A study that was run from its file."""
    path = write_study(folder, rungs=[2 * BATCH])
    return Client(store=folder / "store").run(path, executor="local", on_update=snapshots.append)


def test_frames_have_a_row_per_trial_evaluation_arm_and_value(result: StudyResult) -> None:
    trials = result.trials
    assert len(trials) == 6 and set(trials["seed"]) == {0, 1}
    assert set(trials["status"]) == {"completed", "stopped@64"}
    finished = trials[trials["status"] == "completed"]
    assert set(finished["images"]) == {4 * BATCH} and set(finished["arm"]) >= {"baseline"}
    assert trials["metric"].map(math.isfinite).all() and (trials["seconds"] > 0).all()
    stopped = trials[trials["status"] == "stopped@64"]
    assert set(stopped["images"]) == {2 * BATCH} and stopped["arm"].nunique() == 1
    assert len(result.evaluations) == 2 * len(finished) + len(stopped)
    assert list(result.arms["arm"]) == ["baseline", "patch_size=4", "patch_size=8"]
    assert list(result.ablations["value"]) == ["2", "4", "8"]


def test_means_spreads_and_differences_are_those_of_the_trials(result: StudyResult) -> None:
    values = result.evaluations.set_index(["arm", "images", "seed"])["value"]
    for row in result.arms.to_dict("records"):
        own = values[row["arm"], row["images"]]
        means = stats.gmean(own), stats.gmean(values["baseline", row["images"]])
        assert row["mean"] == pytest.approx(means[0])
        assert row["spread"] == pytest.approx(own.std(ddof=1))
        if row["arm"] != "baseline":
            assert row["difference"] == pytest.approx(means[0] - means[1])


def test_a_stop_says_at_which_rung_and_why(result: StudyResult) -> None:
    (stop,) = result.stops
    assert stop.images == 2 * BATCH
    row = result.arms.set_index("arm").loc[stop.arm]
    there = result.evaluations.query("arm == @stop.arm and images == 64")["value"]
    assert row["status"] == "stopped@64" and stop.value == pytest.approx(there.mean())
    assert row["mean"] == pytest.approx(stats.gmean(there))


def test_the_report_mlflow_and_the_study_files_are_there(result: StudyResult, folder: Path) -> None:
    assert result.done and not result.interrupted and result.warnings == ()
    assert result.report_html is not None and result.report_markdown is not None
    assert "patch_size=4" in result.report_markdown.read_text()
    assert result.tracking_uri == f"sqlite:///{folder}/store/mlflow.db"
    home = folder / "store" / "studies" / "tiny"
    assert load_study(home / "study.yaml") == load_study(folder / "study.yaml") == result.study
    assert "3 arms x 2 seeds" in (home / "preview.txt").read_text()
    assert str(folder / "study.yaml") in result.resume_command and "--executor local" in result.resume_command


def test_updates_came_while_it_ran(result: StudyResult, snapshots: list[Snapshot]) -> None:
    segments = len(result.evaluations)
    assert sorted({snapshot.segments_done for snapshot in snapshots}) == list(range(segments + 1))
    phases = {(live.trial, live.phase) for snapshot in snapshots for live in snapshot.live.values()}
    assert {trial for trial, _ in phases} == {status.trial.name for status in snapshots[-1].statuses}
    assert {phase for _, phase in phases} == {"training", "evaluating"}


def test_running_again_runs_nothing_and_shows_the_same(result: StudyResult, folder: Path) -> None:
    curve = {path: path.stat().st_mtime_ns for path in (folder / "store" / "trials").rglob("*.json")}
    again = Client(store=folder / "store").run(folder / "study.yaml", executor="local")
    assert {path: path.stat().st_mtime_ns for path in (folder / "store" / "trials").rglob("*.json")} == curve
    pd.testing.assert_frame_equal(again.trials, result.trials)
    pd.testing.assert_frame_equal(again.arms, result.arms)
    assert len(list((folder / "store" / "studies" / "tiny" / "definitions").glob("*.json"))) == 1


def test_status_and_report_need_the_store_alone(result: StudyResult, folder: Path) -> None:
    client = Client(store=folder / "store")
    for found in (client.status("tiny"), client.report("tiny"), client.status(folder / "study.yaml")):
        pd.testing.assert_frame_equal(found.trials, result.trials)
    assert client.studies() == ["tiny"]
    assert client.plan("tiny").segments == 0  # a study is also known by its name in the store
    assert json.loads(json.dumps(client.status("tiny").to_json()))["trials"][0]["arm"] == "baseline"
    with pytest.raises(UserError, match="did you mean 'tiny'"):
        client.status("tinyy")
    assert client.stop("tiny") is False


@pytest.mark.slow
def test_a_second_study_reuses_the_arms_they_share(result: StudyResult, folder: Path) -> None:
    other = Study(
        name="second",
        baseline=Baseline(profile="digits", overrides=TINY),
        ablations=(Ablation(axis="patch_size", values=(4,)), Ablation(axis="decoder", values=("mlp",))),
        seeds=(0,),
        budget_images=2 * BATCH,
        policy="none",
    )
    before = set((folder / "store" / "trials").iterdir())
    found = Client(store=folder / "store").run(other, executor="local")
    states = found.trials.set_index("arm")["status"].to_dict()
    assert states == {"baseline": "reused", "patch_size=4": "reused", "decoder=mlp": "completed"}
    assert len(set((folder / "store" / "trials").iterdir()) - before) == 1
    assert "study.yaml" in found.resume_command
    shared = found.evaluations.set_index("arm")["study"].to_dict()
    assert shared == {"baseline": "tiny", "patch_size=4": "tiny", "decoder=mlp": "second"}


@pytest.mark.slow
def test_another_definition_is_kept_beside_the_first(folder: Path, result: StudyResult) -> None:
    client = Client(store=folder / "store")
    # the store already holds everything that two seeds of a lower budget need
    client.run(folder / "study.yaml", executor="local", budget_images=2 * BATCH, settings={"policy": "none"})
    definitions = sorted((folder / "store" / "studies" / "tiny" / "definitions").glob("*.json"))
    assert [path.name for path in definitions] == ["0001.json", "0002.json"]
    newest = read_definition(client.require_store(), "tiny")
    assert newest.study.budget_images == 2 * BATCH and newest.study.rungs == ()
    assert "--budget 64" in newest.command and "--set policy=none" in newest.command


@pytest.mark.slow
def test_a_study_that_is_asked_to_stop_checkpoints_and_continues(tmp_path: Path) -> None:
    client = Client(store=tmp_path / "store")
    path = write_study(tmp_path, name="long", budget_images=400 * BATCH, rungs=[], seeds=[0], policy="none")
    asked: list[bool] = []

    def stop_soon(snapshot: Snapshot) -> None:
        if snapshot.live and not asked:
            asked.append(client.stop("long"))

    found = client.run(path, executor="local", on_update=stop_soon)
    assert asked == [True]
    assert found.interrupted and not found.done
    assert set(found.trials["status"]) == {"pending"}
    status = client.status("long")
    assert status.interrupted and not status.done
    checkpoints = list((tmp_path / "store" / "trials").rglob("*.safetensors"))
    assert checkpoints and all(0 < int(path.name.split(".")[0]) < 400 * BATCH for path in checkpoints)


@pytest.mark.slow
def test_a_report_that_cannot_be_drawn_loses_no_result(tmp_path: Path) -> None:
    path = write_study(tmp_path, name="blocked", seeds=[0], rungs=[], policy="none")
    client = Client(store=tmp_path / "store")
    client.run(path, executor="local", budget_images=BATCH)
    report = tmp_path / "store" / "studies" / "blocked" / "report"
    for item in sorted(report.rglob("*"), reverse=True):
        item.rmdir() if item.is_dir() else item.unlink()
    report.rmdir()
    report.write_text("a file where the folder should be")
    found = client.run(path, executor="local", budget_images=BATCH)
    assert set(found.trials["status"]) == {"completed"}
    assert any("report could not be written" in warning for warning in found.warnings)


@pytest.mark.slow
def test_readers_name_a_trial_that_was_given_up(tmp_path: Path) -> None:
    path = write_study(tmp_path, seeds=[0], ablations=[{"axis": "patch_size", "values": [4]}])
    client = Client(store=tmp_path / "store")
    session = client.start(path)
    folder = session.store.trial_dir(session.prepared.train_ids["patch_size=4 seed=0"])
    folder.mkdir(parents=True)
    (folder / "checkpoints").write_text("a file where a folder belongs")
    session.run(executor="local")
    for found in (client.status("tiny"), client.report("tiny")):
        (trial,) = found.failed.to_dict("records")
        assert trial["arm"] == "patch_size=4" and trial["error"].startswith("FileExistsError")
        assert not found.done, "the next run tries it again"
