"""The main job at a small scale: a written plan in, a job on a real Ray, MLflow, a report out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow import MlflowClient
from tiny_study import TINY, dit_ablate

from service import Client
from service.jobs.job import Job

if TYPE_CHECKING:
    from conftest import RayCluster

PLAN = Path(__file__).parents[2] / "examples" / "plans" / "dit-ablations.md"
ABLATIONS = 5
ARMS = {
    "baseline", "patch_size=4", "patch_size=8", "block=in-context", "block=cross-attention", "block=adaln",
    "size=S", "size=B", "size=L", "decoder=mlp", "decoder=conv", "decoder=conv-upsample",
}  # fmt: skip


def test_a_written_plan_becomes_a_report(ray_cluster: RayCluster, tmp_path: Path) -> None:
    store = tmp_path / "store"
    small = [part for key, value in TINY.items() if key != "size" for part in ("--set", f"{key}={value}")]
    options = [*small, "--seeds", "0", "--budget", "64", "--rungs", "32", "--store", store]

    looked = dit_ablate("plan", PLAN, *options)
    assert looked.exit_code == 0, looked.output
    assert "12 arms x 1 seed = 12 trials" in looked.stdout
    assert "How the plan was understood" in looked.stdout

    submitted = dit_ablate("submit", PLAN, *options, "--address", ray_cluster.address, "--no-follow", "--json")
    assert submitted.exit_code == 0, submitted.output
    told = json.loads(submitted.stdout)
    assert told["entrypoint"].startswith(f"dit-ablate run {PLAN.name} ")
    job = Job(told["job_id"], told["address"], told["entrypoint"])
    output = "".join(job.logs())
    assert job.wait(timeout=600) == "SUCCEEDED", output
    said = " ".join(output.split())
    assert "12 trials, up to 24 segments to run" in said
    assert "patch_size=4 seed=0: fd_digits_cnn" in said, "how trials stand is told while they run"
    assert "Report " in said and "dit-ablate ui --store" in said

    client = Client(store=store)
    (name,) = client.studies()
    result = client.status(name)
    assert set(result.trials["arm"]) == ARMS and result.done
    assert result.ablations["ablation"].nunique() == ABLATIONS
    # what is futile is not continued from the only rung; every ablation has an alternative that ran to the budget
    states = result.trials.set_index("arm")["status"]
    assert set(states) == {"stopped@32", "completed"} and states["baseline"] == "completed"
    others = result.ablations[result.ablations["arm"] != "baseline"]
    for _, rows in others.groupby("ablation"):
        assert (states[rows["arm"]] == "completed").any()
    for stop in result.stops:
        assert " ".join(f"Stopped early: {stop.reason}".split()) in said

    assert result.report_html is not None and result.report_markdown is not None
    html, markdown = result.report_html.read_text(), result.report_markdown.read_text()
    for arm in ARMS - {"baseline"}:
        value = arm.split("=")[1]
        assert value in html and value in markdown
    assert "stopped" in markdown and "data:image/png;base64," in html

    home = store / "studies" / name
    assert (home / "plan" / f"0001-{PLAN.name}").read_bytes() == PLAN.read_bytes()
    mlflow = MlflowClient(tracking_uri=f"sqlite:///{store}/mlflow.db")
    experiment = mlflow.get_experiment_by_name(name)
    assert experiment is not None
    runs = mlflow.search_runs([experiment.experiment_id])
    parents = [run for run in runs if run.data.tags["kind"] == "study"]
    assert len(runs) == 13 and len(parents) == 1
    top = {item.path for item in mlflow.list_artifacts(parents[0].info.run_id)}
    assert {"study.yaml", "preview.txt", "plan", "report"} <= top
    for run in runs:
        if run.data.tags["kind"] == "trial":
            assert run.data.tags["mlflow.parentRunId"] == parents[0].info.run_id
            state = states[run.data.tags["arm"]]
            stopped = state.startswith("stopped@")
            told = f"stopped: futility at {state.removeprefix('stopped@')} images" if stopped else state
            assert run.data.tags["status"] == told
            assert run.data.metrics["fd_digits_cnn"] > 0
