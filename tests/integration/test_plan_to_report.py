"""The main job at a small scale: a written plan in, real Ray and MLflow, a report out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlflow import MlflowClient
from tiny_study import TINY, dit_ablate

from service import Client

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

    ran = dit_ablate("run", PLAN, *options, "--address", ray_cluster.address)
    assert ran.exit_code == 0, ran.output
    assert ran.stderr == ""
    assert "12 trials, up to 24 segments to run" in ran.stdout
    assert "Report  " in ran.stdout and "dit-ablate ui --store" in ran.stdout

    client = Client(store=store)
    (name,) = client.studies()
    result = client.status(name)
    assert set(result.trials["arm"]) == ARMS and result.done
    assert result.ablations["ablation"].nunique() == ABLATIONS
    # 11 arms are compared at the only rung; half of them, rounded down, are not continued; never the baseline
    states = result.trials.set_index("arm")["status"]
    assert (states == "stopped@32").sum() == 5 and (states == "completed").sum() == 7
    assert states["baseline"] == "completed"
    for stop in result.stops:
        assert f"Stopped early: {stop.reason}" in ran.stdout

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
            assert run.data.tags["status"] == states[run.data.tags["arm"]]
            assert run.data.metrics["fd_digits_cnn"] > 0
