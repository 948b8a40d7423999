"""A study as a job on a started cluster: with Ray's own command, and with a mistake; see also test_plan_to_report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow import MlflowClient
from ray.job_submission import JobSubmissionClient
from tiny_study import dit_ablate, write_study

from service import Client
from service.agents.caps import Caps
from service.agents.desk import Desk
from service.agents.plan import Plan

if TYPE_CHECKING:
    from conftest import RayCluster

BIN = Path(sys.executable).parent


def small_study(folder: Path, name: str) -> Path:
    ablations = [{"name": "Patch", "axis": "patch_size", "values": [4]}]
    return write_study(folder, name=name, ablations=ablations, seeds=[0], resources={"lanes": 1})


def check_finished(store: Path, study: str) -> None:
    """The report, the store and MLflow all have the study."""
    result = Client(store=store).status(study)
    assert result.done and list(result.trials["status"]) == ["completed", "completed"], result.trials
    assert result.report_html is not None and "patch_size=4" in result.report_html.read_text()
    client = MlflowClient(tracking_uri=f"sqlite:///{store}/mlflow.db")
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    kinds = sorted(run.data.tags["kind"] for run in runs)
    assert kinds == ["study", "trial", "trial"]
    assert all(run.info.status == "FINISHED" for run in runs)


def test_rays_own_command_runs_a_study_on_the_jobs_cluster(ray_cluster: RayCluster, tmp_path: Path) -> None:
    store = tmp_path / "store"
    small_study(tmp_path, "own-way")
    environment = {"env_vars": {"PATH": f"{BIN}:{os.environ['PATH']}"}}
    done = subprocess.run(
        [
            str(BIN / "ray"), "job", "submit", "--address", ray_cluster.dashboard, "--working-dir", str(tmp_path),
            "--runtime-env-json", json.dumps(environment),
            "--", "dit-ablate", "run", "study.yaml", "--store", str(store),
        ],
        capture_output=True, text=True, timeout=900,
        env={name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Study own-way: done" in done.stdout
    check_finished(store, "own-way")
    # the lanes ran on the job's cluster: a Ray of its own would have left no trace in this one's logs
    logs = "".join(log.read_text(errors="replace") for log in ray_cluster.temp_dir.rglob("gcs_server.out"))
    assert "dispatcher" in logs or (store / "studies" / "own-way" / "runs").exists()


def test_an_agent_submits_a_study_where_the_server_has_a_cluster(
    ray_cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "cache"))
    store, text = tmp_path / "store", small_study(tmp_path, "by-agent").read_text()
    desk = Desk(Client(store=store, address=ray_cluster.dashboard), Caps(device_hours=1.0), "local")
    started = desk.start(Plan(text=text))
    assert started.job and started.study == "by-agent" and started.log == ""
    until = time.monotonic() + 600
    while not (told := desk.status("by-agent")).done:
        assert time.monotonic() < until, told
        time.sleep(1)
    wait_until_ended(ray_cluster.dashboard, started.job)
    check_finished(store, "by-agent")
    assert {contrast.arm for contrast in desk.verdicts("by-agent").contrasts} == {"patch_size=4"}


def wait_until_ended(dashboard: str, job: str) -> None:
    """The study is done a moment before its job has written the report."""
    client, until = JobSubmissionClient(dashboard), time.monotonic() + 300
    while not client.get_job_status(job).is_terminal():
        assert time.monotonic() < until
        time.sleep(1)
    assert str(client.get_job_status(job)) == "SUCCEEDED", client.get_job_logs(job)


def test_a_mistake_in_a_job_is_its_exit_code(ray_cluster: RayCluster, tmp_path: Path) -> None:
    path = write_study(tmp_path, name="wrong", resources={"gpus_per_worker": 4})
    result = dit_ablate("submit", path, "--address", ray_cluster.dashboard, "--store", tmp_path / "store")
    assert result.exit_code == 2, result.output
    job = result.stdout.split("Job ")[1].split()[0]
    assert f"Job {job}: FAILED" in result.stdout
    assert "error: resources: one lane needs" in result.stdout
    assert "Traceback" not in result.stdout
