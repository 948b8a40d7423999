"""Every metric that is measured stands in every table and frame, beside the one that arms are compared on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from finished_study import BUDGET, PATCHES, begin, tiny_study
from rendered import plain

from dit_core.events import Evaluated, MetricResult
from service.analysis.narrative import metric_format
from service.analysis.study_result import StudyResult, study_result
from service.analysis.summary import Summary, summarise
from service.cli.status_view import render_study
from service.cli.summary_view import render
from service.mlflow_sync.descriptions import describe_study
from service.preflight import Prepared
from service.records.store import Store
from service.report.ablation_tables import ablation_table

FIRST, SECOND = "fd_digits_cnn", "recall"


def with_both(prepared: Prepared) -> Prepared:
    """The study measuring two metrics; the second needs a network that is not here, and is made up."""
    arms = []
    for arm in prepared.expansion.arms:
        evaluation = arm.config.evaluation.model_copy(update={"metrics": (FIRST, SECOND)})
        arms.append(replace(arm, config=arm.config.model_copy(update={"evaluation": evaluation})))
    return replace(prepared, expansion=replace(prepared.expansion, arms=tuple(arms)))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, StudyResult]:
    store = Store(tmp_path_factory.mktemp("both") / "store")
    prepared = with_both(begin(tiny_study(ablations=[PATCHES], rungs=[], policy="none"), store))
    for place, trial in enumerate(prepared.expansion.trials):
        if trial.arm.name == "patch_size=8":
            continue
        metrics = MetricResult(FIRST, 10.0 + place), MetricResult(SECOND, 0.125 * (1 + trial.seed))
        identity = prepared.train_ids[trial.name]
        store.begin(identity, trial.config)
        evaluated = Evaluated(BUDGET, metrics, b"", 1.0, 0.5)
        store.add_evaluation(identity, trial.config, evaluated, prepared.expansion.study.name)
    summary = summarise(prepared, store)
    return summary, study_result(summary, store)


def test_frames_have_it(found: tuple[Summary, StudyResult]) -> None:
    _, result = found
    arms = result.arms.set_index("arm")
    assert arms.loc["patch_size=4", SECOND] == pytest.approx((0.125 * 0.25) ** 0.5)
    assert arms.loc["patch_size=4", f"{SECOND}_spread"] == pytest.approx(0.125 / 2**0.5)
    assert arms.loc["patch_size=8"].isna()[SECOND]
    assert list(result.trials.query("arm == 'baseline'")[SECOND]) == [0.125, 0.25]
    assert set(result.evaluations["metric"]) == {FIRST, SECOND}
    assert f"{SECOND}_spread" in result.ablations.columns


def test_tables_have_it(found: tuple[Summary, StudyResult]) -> None:
    summary, result = found
    table = ablation_table(summary.expansion.ablations[0], summary, metric_format(summary))
    place = [column.title for column in table.columns].index(f"{SECOND} (higher is better)")
    assert [row.cells[place] for row in table.rows] == ["0.1768 ± 0.0884", "0.1768 ± 0.0884", "–"]
    described = describe_study(summary)
    assert f"| {SECOND} |" in described and described.count("0.1768 ± 0.0884") == 2
    for shown in (plain(render(result), 160), plain(render_study(result), 160)):
        assert SECOND in shown
    assert "0.1768" in plain(render(result), 160) and "0.25" in plain(render_study(result), 160)
