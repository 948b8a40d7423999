"""A study may be compared on a metric of which more is better."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from finished_study import PATCHES, begin, measure, tiny_study
from small_studies import decided, expansion
from small_trials import tiny

from dit_core.events import Diverged, MetricResult
from dit_core.metrics.direction import best, better, cost
from dit_core.parts import METRICS
from search_spaces.types import Expansion
from service.analysis.narrative import findings, opening
from service.analysis.numbers import MetricFormat
from service.analysis.summary import summarise
from service.preflight import Prepared
from service.records.results import TrialResult
from service.records.store import Store

MORE_IS_BETTER = ("inception_score", "precision", "recall")


def study_on(metric: str, *arms: str) -> Expansion:
    made = expansion({arm: {} for arm in arms}, rungs=(128,), policy={"name": "rungs", "stop_fraction": 0.5})
    return Expansion(made.study.model_copy(update={"primary_metric": metric}), made.arms, made.ablations)


def measured(study: Expansion, values: dict[str, float], diverged: tuple[str, ...] = ()) -> dict[str, TrialResult]:
    metric = study.study.primary_metric
    return {
        trial.name: TrialResult(
            trial=trial,
            train_id=trial.name,
            evaluations={128: {metric: MetricResult(metric, values[trial.arm.name])}}
            if trial.arm.name in values
            else {},
            diverged=Diverged(64, "loss is not finite") if trial.arm.name in diverged else None,
            failed=None,
        )
        for trial in study.trials
    }


def test_every_metric_says_which_way() -> None:
    found = {name: METRICS.about(name).direction for name in METRICS.names()}
    assert {name for name, direction in found.items() if direction == "max"} == set(MORE_IS_BETTER)
    assert all(METRICS.get(name).name == name and METRICS.about(name).description for name in METRICS.names())


def test_words_and_signs() -> None:
    assert (better("recall"), best("recall")) == ("higher", "highest")
    assert (better("fid"), best("fid")) == ("lower", "lowest")
    assert sorted([0.2, 0.9, 0.5], key=lambda value: cost("recall", value)) == [0.9, 0.5, 0.2]
    assert sorted([0.2, 0.9, 0.5], key=lambda value: cost("fid", value)) == [0.2, 0.5, 0.9]


@pytest.mark.parametrize("metric", MORE_IS_BETTER)
def test_rungs_keep_the_higher_value(metric: str) -> None:
    study = study_on(metric, "a", "b", "c", "d")
    results = measured(study, {"baseline": 0.1, "a": 0.9, "b": 0.2, "c": 0.6, "d": 0.4})
    stops = decided(study, results)[1]
    assert [(stop.arm, stop.rank, stop.value) for stop in stops] == [("d", 3, 0.4), ("b", 4, 0.2)]
    assert f"{metric} 0.2 (plain mean of 2 seeds) ranks 4 of 4 at 128 images; the best 2 continue" in stops[1].reason


def test_rungs_keep_the_lower_value_of_a_distance() -> None:
    study = study_on("fid", "a", "b", "c", "d")
    results = measured(study, {"baseline": 0.1, "a": 0.9, "b": 0.2, "c": 0.6, "d": 0.4})
    stops = decided(study, results)[1]
    assert [stop.arm for stop in stops] == ["c", "a"]


@pytest.mark.parametrize("metric", ["recall", "fid"])
def test_what_diverged_or_is_not_finite_ranks_last_either_way(metric: str) -> None:
    study = study_on(metric, "good", "diverged", "infinite")
    results = measured(study, {"baseline": 1.0, "good": 0.5, "infinite": -math.inf}, ("diverged",))
    stops = decided(study, results)[1]
    assert [(stop.arm, stop.value) for stop in stops] == [("diverged", math.inf), ("infinite", math.inf)]


def test_ties_keep_the_studys_order() -> None:
    study = study_on("recall", "a", "b")
    stops = decided(study, measured(study, {"baseline": 0.5, "a": 0.5, "b": 0.5}))[1]
    assert [stop.arm for stop in stops] == ["b"]


def test_the_configuration_takes_them() -> None:
    assert tiny(evaluation={"metrics": MORE_IS_BETTER}).evaluation.metrics == MORE_IS_BETTER


def of_recall(prepared: Prepared) -> Prepared:
    study = prepared.expansion.study.model_copy(update={"primary_metric": "recall"})
    return replace(prepared, expansion=replace(prepared.expansion, study=study))


def test_the_report_names_the_highest(tmp_path: Path) -> None:
    """Measurements as of any metric; which one they are of decides the order."""
    store = Store(tmp_path / "store")
    prepared = begin(tiny_study(ablations=[PATCHES], rungs=[], policy="none", seeds=[0]), store)
    measure(store, prepared, {("baseline", 0): 10.0, ("patch_size=4", 0): 9.0, ("patch_size=8", 0): 12.0})
    summary = summarise(prepared, store)
    turned = replace(summary, prepared=of_recall(prepared))
    text = " ".join(opening(prepared.expansion, turned, MetricFormat(2)))
    assert "(higher is better" in text and "patch_size=8 has the highest mean" in text
    (finding,) = findings(prepared.expansion, turned, MetricFormat(2))
    assert "8 (+2.00) and 4 (−1.00); one seed" in finding.text
