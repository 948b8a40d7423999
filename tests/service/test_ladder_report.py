"""A ladder with controls, run, previewed and reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from finished_study import OVERRIDES, measure, run_locally, tiny_study

from dit_core.gflops import count
from service.analysis.narrative import findings, metric_format
from service.analysis.preview import preview
from service.analysis.study_result import study_result
from service.analysis.summary import summarise
from service.mlflow_sync.parameters import parameters
from service.preflight import Prepared
from service.records.store import Store
from service.report import build_report
from service.report.ablation_tables import ablation_table

STEPS = [
    {"name": "wider", "set": {"model.hidden_size": 32}},
    {"name": "faster", "set": {"learning_rate": 2e-3}},
    {"name": "no warm-up", "set": {"training.ema_warmup": False}},
]
STUDY = {
    "ablations": [{"name": "MLP", "axis": "mlp_ratio", "values": [8], "controls": "iso-gflops"}],
    "ladder": STEPS,
    "rungs": [],
    "policy": "none",
    "budget_images": 64,
    "baseline": {"profile": "digits", "overrides": {**OVERRIDES, "model.depth": 3, "model.hidden_size": 24}},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, Store]:
    store = Store(tmp_path_factory.mktemp("ladder") / "store")
    return run_locally(tiny_study("steps", **STUDY), store), store


def test_every_step_is_trained_and_listed(trained: tuple[Prepared, Store]) -> None:
    prepared, store = trained
    summary = summarise(prepared, store)
    assert summary.finished
    result = study_result(summary, store)
    rows = result.ablations[result.ablations["ablation"] == "Ladder"]
    assert list(rows["value"]) == ["baseline", "wider", "faster", "no warm-up"]
    assert list(rows["arm"])[1:] == ["ladder 1: wider", "ladder 2: faster", "ladder 3: no warm-up"]
    assert rows["mean"].notna().all()
    control = result.ablations[result.ablations["value"] == "control for 8"].iloc[0]
    arm = result.ablations[result.ablations["value"] == "8"].iloc[0]
    assert (
        control["gflops"] == pytest.approx(arm["gflops"], rel=0.1) and control["gflops"] > 1.2 * rows["gflops"].iloc[0]
    )


def test_the_table_has_the_difference_to_the_step_before(trained: tuple[Prepared, Store], tmp_path: Path) -> None:
    prepared, _ = trained
    store = Store(tmp_path / "store")
    means = {"baseline": 10.0, "ladder 1: wider": 8.0, "ladder 2: faster": 9.5, "ladder 3: no warm-up": 4.0}
    values = {(arm, seed): mean * (0.8, 1.25)[seed] for arm, mean in means.items() for seed in (0, 1)}
    measure(store, prepared, values, images=64)
    summary = summarise(prepared, store)
    view = next(view for view in prepared.expansion.ablations if view.action == "LADDER")
    table = ablation_table(view, summary, metric_format(summary))
    titles = [column.title for column in table.columns]
    assert titles[0] == "step" and titles[4:8:3] == ["difference to baseline", "difference to the step before"]
    shown = [[cell.split(" ")[0].replace("−", "-") for cell in row.cells[4:8:3]] for row in table.rows]
    assert shown[0] == ["–", "–"]
    steps = [[float(cell) for cell in row] for row in shown[1:]]
    assert np.allclose(steps, [[-2, -2], [-0.5, 1.5], [-6, -5.5]], atol=0.05)  # geometric means over the seeds
    (mlp,) = (view for view in prepared.expansion.ablations if view.name == "MLP")
    plain = ablation_table(mlp, summary, metric_format(summary))
    assert "difference to the step before" not in [column.title for column in plain.columns]


def test_the_report_and_the_preview_say_what_the_steps_set(trained: tuple[Prepared, Store]) -> None:
    prepared, store = trained
    text = build_report(prepared, store, command="dit-ablate run steps.yaml").markdown.read_text()
    assert "## Ladder" in text and "| difference to the step before |" in text
    assert "Faster: learning_rate=0.002" in text or "faster: learning_rate=0.002" in text
    assert "ontrol for 8: the baseline with " in text
    assert "**baseline**" in text and "baseline (baseline)" not in text
    assert "paper's" not in text[text.index("## Ladder") : text.index("## Size")], "it trained no such thing"
    shown = str(preview(prepared.expansion, prepared=prepared, store=store))
    assert (
        "Ladder: wider: model.hidden_size=32; faster: learning_rate=0.002" in shown
        and "MLP: control for 8: the baseline with " in shown
    )
    summary = summarise(prepared, store)
    told = {finding.name: finding.text for finding in findings(prepared.expansion, summary, metric_format(summary))}
    assert "no warm-up" in told["Ladder"]


def test_mlflow_gets_the_steps_as_params(trained: tuple[Prepared, Store]) -> None:
    expansion = trained[0].expansion
    last = next(trial for trial in expansion.trials if trial.arm.name == "ladder 3: no warm-up")
    logged = parameters(expansion)[last.arm.name]
    assert logged["training.ema_warmup"] == "False" and "0.002" in logged.values()
    assert count(last.config.model).gmacs > count(expansion.baseline.config.model).gmacs
