"""MLflow, from a real study's records into a real SQLite tracking store."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from finished_study import BUDGET, PATCHES, RUNG, begin, patches_of, run_locally, tiny_study, up_to_rung
from mlflow_rows import ask

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.gflops import count, training_gmacs
from service.analysis.summary import summarise
from service.engine.wire import Live
from service.mlflow_sync import MlflowSync, artifact_tags, default_tracking_uri
from service.mlflow_sync.address import absolute
from service.mlflow_sync.connection import connect
from service.mlflow_sync.ownership import ARTIFACTS_TAG
from service.preflight import Prepared
from service.records.claims import claim_study
from service.records.kinds import RunRecord
from service.records.store import Store

STOPPED = f"stopped: rungs at {RUNG} images"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, Store]:
    """A finished study, and an empty tracking database beside it that tests copy (making one takes seconds)."""
    store = Store(tmp_path_factory.mktemp("trained") / "store")
    prepared = run_locally(tiny_study(), store)
    connect(default_tracking_uri(store))
    return prepared, store


@pytest.fixture
def finished(trained: tuple[Prepared, Store], tmp_path: Path) -> tuple[Prepared, Store]:
    """A copy of the finished study that a test may change."""
    shutil.copytree(trained[1].path, tmp_path / "store")
    return trained[0], Store(tmp_path / "store")


def client_of(store: Store) -> Any:
    return connect(default_tracking_uri(store))


def synced(prepared: Prepared, store: Store, **kinds: Any) -> MlflowSync:
    sync = MlflowSync(None, prepared, store)
    sync.check()
    assert sync.sync(**kinds), sync.problem
    return sync


def in_flight(*trials: str) -> list[Live]:
    return [Live(trial, BUDGET, phase="training") for trial in trials]


def runs_of(store: Store, study: str = "tiny") -> dict[str, Any]:
    """Run name -> run; fails when a name is there twice."""
    client = client_of(store)
    experiment = client.get_experiment_by_name(study)
    found = client.search_runs([experiment.experiment_id])
    names = [run.info.run_name for run in found]
    assert len(names) == len(set(names)), f"duplicates among {names}"
    return dict(zip(names, found, strict=True))


def everything(store: Store, study: str = "tiny") -> dict[str, Any]:
    """All that MLflow holds of a study, in a form that compares."""
    client = client_of(store)
    held = {}
    for name, run in runs_of(store, study).items():
        history = {
            key: sorted((m.step, m.timestamp, m.value) for m in client.get_metric_history(run.info.run_id, key))
            for key in run.data.metrics
        }
        held[name] = (run.info.run_id, run.data.params, run.data.tags, history, artifacts(client, run.info.run_id))
    return held


def artifacts(client: Any, run_id: str, folder: str | None = None) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in client.list_artifacts(run_id, folder):
        found |= artifacts(client, run_id, item.path) if item.is_dir else {item.path: item.file_size}
    return found


def test_study_is_one_parent_with_a_child_per_trial(finished: tuple[Prepared, Store]) -> None:
    prepared, store = finished
    sync = synced(prepared, store)
    sync.finish()
    runs = runs_of(store)
    assert set(runs) == {"tiny", *(trial.name for trial in prepared.expansion.trials)}
    parent = runs.pop("tiny")
    assert parent.info.run_id == sync.parent_run_id
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["kind"] == "study"
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {parent.info.run_id}
    assert set(artifacts(client_of(store), parent.info.run_id)) == {
        *("study.yaml", "preview.txt", "provenance.json"),
        *(f"tables/{name}.json" for name in ("arms", "questions", "trials")),
    }
    note = parent.data.tags["mlflow.note.content"]
    assert "| **baseline** |" in note and "stopped at 128: " in note and "comparison" in note


def test_statuses_never_show_a_stopped_or_diverged_trial_as_finished(finished: tuple[Prepared, Store]) -> None:
    prepared, store = finished
    stopped, _ = patches_of(prepared, store)
    synced(prepared, store)
    shown = {name: (run.info.status, run.data.tags["status"]) for name, run in runs_of(store).items() if name != "tiny"}
    assert shown["baseline seed=0"] == ("FINISHED", "completed")
    assert shown[f"patch_size={stopped} seed=1"] == ("KILLED", STOPPED)
    assert shown["learning_rate=1e+06 seed=0"] == ("FAILED", "diverged")
    final = {name for name, run in runs_of(store).items() if "fd_digits_cnn_final" in run.data.metrics}
    assert final == {name for name, (_, status) in shown.items() if status == "completed"}


def test_child_holds_params_tags_metrics_and_artifacts(finished: tuple[Prepared, Store]) -> None:
    prepared, store = finished
    synced(prepared, store)
    run = runs_of(store)["block=adaln seed=1"]
    trial = next(t for t in prepared.expansion.trials if t.name == "block=adaln seed=1")
    identity = prepared.train_ids[trial.name]
    own = {"patch_size": "2", "learning_rate": "0.004", "block": "adaln", "num_tokens": "16"}
    assert run.data.params == own, "what arms differ in, each once"
    tags = run.data.tags
    assert (tags["arm"], tags["seed"], tags["train_id"]) == ("block=adaln", "1", identity)
    assert tags["ablations"] == "Block; Conditioning Mechanism"

    client = client_of(store)
    history = {
        key: {m.step: m.value for m in client.get_metric_history(run.info.run_id, key)} for key in run.data.metrics
    }
    measured = store.evaluations(identity, trial.config, (RUNG, BUDGET))
    for images in (RUNG, BUDGET):
        assert history["fd_digits_cnn"][images] == measured[images]["fd_digits_cnn"].value
        assert history["fd_digits_cnn_floor"][images] == measured[images]["fd_digits_cnn"].floor
    points = {point.images: point for stretch in store.curve(identity) for point in stretch.points}
    assert history["train_loss"] == {images: point.loss for images, point in points.items()}
    assert history["train_vb"] == {images: point.vb for images, point in points.items()}
    other = next(t for t in prepared.expansion.trials if t.name == "baseline seed=1")
    there = store.evaluations(prepared.train_ids[other.name], other.config, (BUDGET,))
    apart = measured[BUDGET]["fd_digits_cnn"].value - there[BUDGET]["fd_digits_cnn"].value
    assert history["vs_baseline"] == {BUDGET: pytest.approx(apart, rel=1e-4)}
    took = sum(span.seconds for span in store.spans(identity)) + sum(
        m["fd_digits_cnn"].sample_seconds + m["fd_digits_cnn"].score_seconds for m in measured.values()
    )
    assert history["device_minutes"] == {BUDGET: pytest.approx(took / 60, rel=1e-2)}
    cost = count(trial.config.model)
    assert history["gflops"] == {0: cost.gmacs}
    assert history["training_gflops"][BUDGET] == training_gmacs(cost, BUDGET)
    assert history["train_seconds"][BUDGET] == pytest.approx(sum(r.seconds for r in store.curve(identity)))

    held = artifacts(client, run.info.run_id)
    grids = {int(name.split("+")[2]): name for name in held if name.endswith(".png")}
    small = {name.replace(".png", "+compressed.webp") for name in grids.values()}
    assert set(held) == {"config.json", "gflops.json", "evaluations.json", *grids.values(), *small}
    assert set(grids) == {RUNG, BUDGET} and tags["mlflow.loggedImages"] == "True"
    local = Path(client.download_artifacts(run.info.run_id, "config.json"))
    assert TrialConfig.model_validate_json(local.read_text()) == trial.config
    breakdown = json.loads(Path(client.download_artifacts(run.info.run_id, "gflops.json")).read_text())
    assert sum(breakdown["parts"].values()) == pytest.approx(breakdown["total"])
    said = json.loads(Path(client.download_artifacts(run.info.run_id, "evaluations.json")).read_text())
    assert [row["images"] for row in said["evaluations"]] == [RUNG, BUDGET]
    last, recorded = said["evaluations"][-1], measured[BUDGET]["fd_digits_cnn"]
    assert (last["metric"], last["value"], last["floor"]) == ("fd_digits_cnn", recorded.value, recorded.floor)
    assert (last["samples"], last["sampler"], last["sampling_steps"], last["guidance_scale"]) == (64, "ddpm", 3, 1.0)
    fingerprint = prepared.dataset(trial.config).fingerprint
    assert (last["reference"], last["reference_sha256"]) == ("train", fingerprint)
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("digits", fingerprint[:32])
    assert recorded.hardware is not None and last["hardware"] == recorded.hardware.model_dump()
    grid = Path(client.download_artifacts(run.info.run_id, grids[BUDGET]))
    assert grid.read_bytes() == store.grid(measured[BUDGET])


def test_parent_holds_the_studys_figures_a_verdict_per_question_and_tables(
    finished: tuple[Prepared, Store],
) -> None:
    prepared, store = finished
    sync = synced(prepared, store)
    assert "trials" not in runs_of(store)["tiny"].data.metrics, "figures are those of a study that has ended"
    sync.finish()
    parent, summary = runs_of(store)["tiny"], summarise(prepared, store)
    best, baseline = summary.verdicts.best, summary.baseline.final
    assert best is not None and baseline is not None
    metrics = parent.data.metrics
    assert metrics["best_fd_digits_cnn"] == pytest.approx(best.mean, rel=1e-4)
    assert metrics["baseline_fd_digits_cnn"] == pytest.approx(baseline.mean, rel=1e-4)
    assert (metrics["arms"], metrics["trials"], metrics["trials_stopped"]) == (5, 10, 2)
    assert metrics["device_hours"] > 0 and 0 < metrics["training_saved_percent"] < 100
    assert parent.data.params == {"profile": "digits", "primary_metric": "fd_digits_cnn"}
    assert parent.data.tags["verdict of Patch - Size"].startswith("Undecided against 2 (baseline)")
    note = parent.data.tags["mlflow.note.content"]
    assert note.startswith(f"- **Best arm:** {best.arm}") and "**Again:** `dit-ablate run tiny.yaml`" in note
    assert "**Stopped early, by rungs:**" in note
    client = client_of(store)
    logged = json.loads(parent.data.tags["mlflow.loggedArtifacts"])
    assert {"path": "tables/arms.json", "type": "table"} in logged and len(logged) == 3

    def table(name: str) -> pd.DataFrame:  # as ``load_table`` does
        return pd.read_json(client.download_artifacts(parent.info.run_id, f"tables/{name}.json"), orient="split")

    arms, trials = table("arms"), table("trials")
    assert next(iter(arms["arm"])) == "baseline" and "difference" in arms
    assert len(trials) == 10 and list(trials["status"]).count(STOPPED) == 2


def test_a_run_of_an_earlier_version_keeps_its_parameters_and_gets_what_is_new(
    finished: tuple[Prepared, Store],
) -> None:
    prepared, store = finished
    synced(prepared, store)
    run, client = runs_of(store)["block=adaln seed=1"], client_of(store)
    fields = [("block", "adaln"), ("model.block", "adaln"), ("training.batch_size", "32")]
    database = store.path / "mlflow.db"
    for table in ("params", "tags", "inputs"):
        key = "destination_id" if table == "inputs" else "run_uuid"
        keep = " and key not in ('mlflow.dit_ablate.key', 'mlflow.dit_ablate.store')" if table == "tags" else ""
        ask(database, f"delete from {table} where {key} = ?{keep}", run.info.run_id)
    for key, value in fields:
        client.log_param(run.info.run_id, key, value)
    client.set_tag(run.info.run_id, "study", "tiny")
    client.set_tag(run.info.run_id, "status", "completed")
    synced(prepared, store)
    again = runs_of(store)["block=adaln seed=1"]
    assert again.info.run_id == run.info.run_id and again.data.metrics == run.data.metrics
    assert again.data.params == {**run.data.params, **dict(fields)}
    assert len(again.inputs.dataset_inputs) == 1


@pytest.mark.slow
def test_again_and_again_changes_nothing(finished: tuple[Prepared, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    prepared, store = finished
    monkeypatch.setattr(artifact_tags, "LONGEST", 60)  # as if there were hundreds of artifacts
    first = synced(prepared, store)
    first.sync()
    once = everything(store)
    assert f"{ARTIFACTS_TAG}.2" in str(once)
    synced(prepared, store)  # as another process would, without any memory
    assert everything(store) == once


@pytest.mark.slow
def test_killed_run_leaves_running_children_and_the_next_one_finishes_them(
    trained: tuple[Prepared, Store], tmp_path: Path
) -> None:
    prepared, full = trained
    stopped, kept = patches_of(prepared, full)
    running = f"patch_size={kept} seed=1"
    store = up_to_rung(full, tmp_path / "killed")
    shutil.copy(full.path / "mlflow.db", store.path / "mlflow.db")
    synced(prepared, store, live=in_flight("baseline seed=0", running))
    before = runs_of(store)
    assert before["baseline seed=0"].info.status == "RUNNING"
    assert before[running].data.tags["status"] == "running"
    assert before["baseline seed=1"].info.status == "SCHEDULED"
    assert before[f"patch_size={stopped} seed=0"].data.tags["status"] == STOPPED
    assert before["tiny"].info.status == "RUNNING"

    shutil.rmtree(store.path / "trials")
    shutil.copytree(full.path / "trials", store.path / "trials")
    synced(prepared, store).finish()
    after = runs_of(store)
    assert {name: run.info.run_id for name, run in after.items()} == {
        name: run.info.run_id for name, run in before.items()
    }
    assert after["baseline seed=0"].info.status == after[running].info.status == "FINISHED"
    assert after["tiny"].info.status == "FINISHED"


def test_only_what_has_begun_has_a_run(trained: tuple[Prepared, Store], tmp_path: Path) -> None:
    prepared, full = trained
    store = Store(tmp_path / "empty")
    shutil.copy(full.path / "mlflow.db", store.path / "mlflow.db")
    sync = synced(prepared, store, live=in_flight("baseline seed=0"))
    assert set(runs_of(store)) == {"tiny", "baseline seed=0"}
    sync.finish()
    assert runs_of(store)["baseline seed=0"].info.status == "SCHEDULED"
    assert runs_of(store)["tiny"].info.status == "KILLED"


@pytest.mark.slow
def test_failed_trial_is_failed_with_its_error(trained: tuple[Prepared, Store], tmp_path: Path) -> None:
    prepared, full = trained
    store = up_to_rung(full, tmp_path / "failed")
    shutil.copy(full.path / "mlflow.db", store.path / "mlflow.db")
    sync = synced(prepared, store)
    assert sync.finish({"baseline seed=1": "the disk is full"}) is None
    runs = runs_of(store)
    assert (runs["baseline seed=1"].info.status, runs["baseline seed=1"].data.tags["status"]) == ("FAILED", "failed")
    assert runs["baseline seed=1"].data.tags["failure"] == "the disk is full"
    assert runs["tiny"].info.status == "FAILED"


def end_a_run(store: Store, cap: str = "", *left: str) -> None:
    claim = claim_study(store, "tiny")
    store.records.put(RunRecord.key("tiny", claim.run), RunRecord(interrupted=False, cap=cap, capped=left))
    claim.end()


@pytest.mark.slow
def test_a_cap_is_told_in_the_study_and_in_every_trial_that_it_left_until_a_higher_one_goes_on(
    trained: tuple[Prepared, Store], tmp_path: Path
) -> None:
    prepared, full = trained
    store = up_to_rung(full, tmp_path / "capped")
    shutil.copy(full.path / "mlflow.db", store.path / "mlflow.db")
    left, cap = "baseline seed=1", "resources.max_device_hours: 0.5"
    end_a_run(store, cap, left)
    synced(prepared, store).finish()
    runs = runs_of(store)
    said = f"Capped by {cap}: 1 trial is not finished ({left}); a higher cap continues there."
    assert runs["tiny"].data.tags["capped"] == said and f"**{said}**" in runs["tiny"].data.tags["mlflow.note.content"]
    assert {name for name, run in runs.items() if run.data.tags["capped"] == cap} == {left}
    assert f"the study is capped by {cap}" in runs[left].data.tags["mlflow.note.content"]

    end_a_run(store)
    synced(prepared, store).finish()
    assert {run.data.tags["capped"] for run in runs_of(store).values()} == {"no"}


@pytest.mark.slow
def test_reused_trials_are_runs_of_their_own_and_linked(finished: tuple[Prepared, Store]) -> None:
    prepared, store = finished
    synced(prepared, store)
    second = begin(tiny_study("second", ablations=[PATCHES]), store)
    synced(second, store)
    first_runs, second_runs = runs_of(store), runs_of(store, "second")
    kept = f"patch_size={patches_of(prepared, store)[1]} seed=0"
    first, again = first_runs[kept], second_runs[kept]
    assert again.info.run_id != first.info.run_id
    assert again.info.status == "FINISHED"
    assert again.data.tags["status"] == "reused"
    assert again.data.tags["reused_from_study"] == "tiny"
    assert again.data.tags["reused_from_run"] == first.info.run_id
    assert first.info.run_id in again.data.tags["mlflow.note.content"]
    assert again.data.metrics["fd_digits_cnn_final"] == first.data.metrics["fd_digits_cnn_final"]
    assert "reused" not in first.data.tags


@pytest.mark.slow
def test_longer_budget_continues_the_same_runs_and_new_seed_adds_some(finished: tuple[Prepared, Store]) -> None:
    prepared, store = finished
    synced(prepared, store).finish()
    before = runs_of(store)
    longer = begin(tiny_study(budget_images=512, rungs=[RUNG, BUDGET], seeds=[0, 1, 2]), store)
    synced(longer, store)
    after = runs_of(store)
    assert after["baseline seed=0"].info.run_id == before["baseline seed=0"].info.run_id
    assert after["baseline seed=0"].info.status == "SCHEDULED"
    assert after["tiny"].info.status == "RUNNING"
    assert after["tiny"].data.tags["seeds"] == "0, 1, 2"


@pytest.mark.slow
def test_trial_that_left_the_study_says_so(finished: tuple[Prepared, Store]) -> None:
    prepared, store = finished
    synced(prepared, store)
    smaller = begin(tiny_study(ablations=[PATCHES]), store)
    synced(smaller, store)
    assert runs_of(store)["block=adaln seed=0"].data.tags["status"] == "left the study"
    kept = f"patch_size={patches_of(prepared, store)[1]} seed=0"
    assert runs_of(store)[kept].data.tags["status"] == "completed"


@pytest.mark.slow
def test_report_is_uploaded_and_a_new_one_replaces_it(finished: tuple[Prepared, Store]) -> None:
    prepared, store = finished
    sync = synced(prepared, store)
    report = store.study_dir("tiny") / "report" / "figures" / "a.png"
    report.parent.mkdir(parents=True)
    for text in (b"first", b"other"):
        report.write_bytes(text)
        assert sync.finish() is None
        held = client_of(store).download_artifacts(sync.parent_run_id, "report/figures/a.png")
        assert Path(held).read_bytes() == text


def test_deleted_experiment_comes_back(finished: tuple[Prepared, Store]) -> None:
    prepared, store = finished
    identity = synced(prepared, store).experiment_id
    client_of(store).delete_experiment(identity)
    assert synced(prepared, store).experiment_id == identity
    assert client_of(store).get_experiment(identity).lifecycle_stage == "active"


def test_relative_sqlite_address_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("sqlite:///runs.db") == f"sqlite:///{tmp_path / 'runs.db'}"
    assert absolute("sqlite:////data/runs.db") == "sqlite:////data/runs.db"
    assert absolute("http://host:5000") == "http://host:5000"


@pytest.fixture
def web_server() -> Iterator[str]:
    """A web server that is not MLflow."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("http://", "names no host"),
        ("http://host:port", "is no address"),
        ("./mlruns", "is a folder"),
        ("file:///tmp/mlruns", "is a folder"),
        ("ftp://host/x", "unknown scheme 'ftp'"),
        ("sqlit:///x.db", "did you mean 'sqlite'?"),
        ("sqlite:///{folder}", "cannot open the database"),
        ("sqlite:///{text}/below.db", "cannot open the database"),
        ("sqlite://", "names no file"),
    ],
)
def test_address_that_can_never_work_is_refused_at_once(
    finished: tuple[Prepared, Store], tmp_path: Path, uri: str, says: str
) -> None:
    (tmp_path / "text.db").write_text("this is not a database")
    with pytest.raises(UserError, match="tracking_uri") as caught:
        MlflowSync(uri.format(folder=tmp_path, text=tmp_path / "text.db"), *finished)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("http://127.0.0.1:9", "nothing answers at http://127.0.0.1:9"),
        ("postgresql://user:secret@127.0.0.1:9/mlflow", "no database answers at 127.0.0.1:9"),
        ("sqlite:///{text}", "is damaged"),
    ],
)
def test_address_that_does_not_answer_is_one_sentence(tmp_path: Path, uri: str, says: str) -> None:
    text = tmp_path / "text.db"
    text.write_text("this is not a database, and long enough to be taken for one" * 10)
    with pytest.raises(UserError, match="tracking_uri") as caught:
        connect(uri.format(folder=tmp_path, text=text))
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_web_server_that_is_not_mlflow_is_refused(web_server: str) -> None:
    with pytest.raises(UserError, match="does not work as an MLflow tracking store"):
        connect(web_server)


class AllowedHosts(http.server.BaseHTTPRequestHandler):
    """Answers as an MLflow server does that was reached under a name which is not among its allowed hosts."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = b"Invalid Host header - possible DNS rebinding attack detected"
        self.send_response(403)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_HEAD = do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_server_that_does_not_allow_its_name_says_how_to_allow_it() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), AllowedHosts) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        with pytest.raises(UserError, match=f"refuses to be called so; start it with --allowed-hosts {address}$"):
            connect(f"http://ann:secret@{address}")
        server.shutdown()
