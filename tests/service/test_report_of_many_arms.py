"""A report of very many arms shows some of them, and says what it leaves out; what it concludes is of all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from finished_study import BUDGET, OVERRIDES
from small_studies import METRIC
from studies import ablation_study

from dit_core.events import Evaluated, MetricResult
from search_spaces import types
from search_spaces.expand import expand
from service.analysis.numbers import MetricFormat
from service.analysis.summary import summarise
from service.policies import create
from service.preflight import Prepared
from service.records.store import Store
from service.report import abridged as abridging
from service.report import build_report
from service.report.abridged import DRAWN, MOST_ARMS, MOST_LINES, SHOWN, abridged, first_lines
from service.report.pictures import overview, question_picture
from service.report.spread_figure import spread_of
from service.report.verdict_figure import Line
from service.statistics.verdict import Status

ARMS = MOST_ARMS + 4
FORMAT = MetricFormat.for_values([4.0])


AXES = {
    "weight_decay": 1e-3,
    "learning_rate": 1e-5,
    "dropout": 0.01,
    "class_dropout": 0.011,
    "mlp_dropout": 0.01,
    "gradient_clip": 0.1,
}
"""Axis -> the step between its values."""


def study_with(tmp_path: Path, asked: list[dict[str, Any]]) -> tuple[Prepared, Store]:
    """A study whose arms are the worse the later they come, the baseline the best of all."""
    study = ablation_study(
        "many", asked, overrides=OVERRIDES, seeds=(0, 1), rungs=(), budget_images=BUDGET, policy="none"
    )
    expansion = expand(study)
    named = {trial.name: f"{index:064d}" for index, trial in enumerate(expansion.trials)}
    prepared, store = Prepared(expansion, create(study.policy), named, {}), Store(tmp_path / "store")
    place = {arm.name: index for index, arm in enumerate(expansion.arms)}
    for trial in expansion.trials:
        value = MetricResult(METRIC, 4.0 + place[trial.arm.name] + 0.1 * trial.seed)
        store.add_evaluation(named[trial.name], trial.config, Evaluated(BUDGET, (value,), b"", 0.5, 0.0), "many")
    return prepared, store


@pytest.fixture
def measured(tmp_path: Path) -> tuple[Prepared, Store]:
    """One question with very many values."""
    values = [round(1e-3 * (index + 1), 3) for index in range(ARMS)]
    return study_with(tmp_path, [{"name": "decay", "axis": "weight_decay", "values": values}])


@pytest.fixture
def several(tmp_path: Path) -> tuple[Prepared, Store]:
    """Several questions, each with more values than are shown of one."""
    asked = [
        {"name": axis, "axis": axis, "values": [round(step * (index + 1), 9) for index in range(SHOWN + 1)]}
        for axis, step in AXES.items()
    ]
    return study_with(tmp_path, asked)


@pytest.mark.slow
def test_of_very_many_arms_the_best_are_shown_and_all_are_counted(measured: tuple[Prepared, Store]) -> None:
    report = build_report(*measured, command="dit-ablate run x")
    text = report.markdown.read_text()
    arms = [arm.name for arm in measured[0].expansion.arms]
    assert len(arms) == ARMS + 1
    rows = {line.split("|")[1].strip(" *") for line in text.splitlines() if line.startswith("| ")}
    assert {*arms[1:SHOWN], f"{len(arms) - SHOWN} more arms", "all arms"} <= rows
    assert not rows & set(arms[SHOWN:])
    assert f"The best {SHOWN} arms of {len(arms)} are shown." in text
    last = 4 + ARMS + 0.05
    assert f"to {last:.2f}" in text or f"to {last:.1f}" in text, "how the others lie"
    assert f"{len(arms)} arms with 2 seeds" in text
    contrasts = json.loads((report.markdown.parent / "verdicts.json").read_text())["contrasts"]
    assert len(contrasts) == ARMS


def test_what_is_concluded_of_the_arms_that_are_shown_is_corrected_for_all(
    measured: tuple[Prepared, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = summarise(*measured)
    part = abridged(summary, FORMAT)
    assert part.summary.verdicts is summary.verdicts
    assert len(part.summary.arms) == SHOWN and len(part.others) == ARMS + 1 - SHOWN
    monkeypatch.setattr(abridging, "MOST_ARMS", ARMS + 1)
    assert abridged(summary, FORMAT).summary is summary


def test_which_arms_share_their_weights_is_worked_out_once_for_all_that_is_shown(
    measured: tuple[Prepared, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = types.train_id
    monkeypatch.setattr(types, "train_id", lambda *a, **k: asked.append(1) or real(*a, **k))
    part = abridged(summarise(*measured), FORMAT)
    assert part.drawn.weights_of == part.summary.weights_of == part.whole.weights_of
    assert len(asked) == ARMS + 1


def test_a_long_list_ends_with_how_much_longer_it_is() -> None:
    lines = [str(index) for index in range(MOST_LINES + 3)]
    assert first_lines(lines[:MOST_LINES], "there") == lines[:MOST_LINES]
    assert first_lines(lines, "there") == [*lines[:MOST_LINES], "and 3 more: there"]


def test_curves_and_names_are_those_of_the_best_arms_of_every_question(several: tuple[Prepared, Store]) -> None:
    summary = summarise(*several)
    part = abridged(summary, FORMAT)
    baseline = summary.expansion.baseline.name
    for whole, own in zip(summary.expansion.ablations, part.drawn.expansion.ablations, strict=True):
        asked = {name for _, name in whole.arms}
        best = [arm.name for arm in summary.expansion.arms if arm.name in asked][:DRAWN]
        assert best[0] == baseline and {name for _, name in own.arms} == set(best)
        assert part.named & asked == set(best[:2])
    assert len(part.drawn.arms) + len(part.undrawn) == len(summary.arms)


def test_where_all_comparisons_are_too_many_rows_a_row_is_a_question(several: tuple[Prepared, Store]) -> None:
    prepared, store = several
    summary = summarise(prepared, store)
    part = abridged(summary, FORMAT)
    assert sum(len(view.arms) for view in part.summary.expansion.ablations) > MOST_ARMS
    picture = overview(part, store, FORMAT)["verdicts"]
    assert picture is not None and picture.chart is not None
    rows = picture.chart.rows
    assert {row[0] for row in rows} == set(AXES)
    assert len(rows) == len(AXES) * (SHOWN + 1), "also those of the arms that are not shown"
    marks = sum(len(trace["x"]) for panel in picture.chart.panels for trace in panel.to_json()["data"])
    assert marks == len(rows)
    for view in part.summary.expansion.ablations:
        own = question_picture(view, part, FORMAT)
        assert own is not None and own.chart is not None
        assert len(own.chart.rows) == len([name for _, name in view.arms if name != prepared.expansion.baseline.name])


def test_a_row_says_how_many_comparisons_are_what(several: tuple[Prepared, Store]) -> None:
    row = spread_of(summarise(*several).verdicts, list(AXES))[0]
    assert row.counts == f"{SHOWN + 1} undecided", "two seeds decide nothing among so many comparisons"
    changed = [
        replace(verdict, status=Status.CLEAR, better=place < 3) if place < 5 else replace(verdict, difference=None)
        for place, verdict in enumerate(line.verdict for line in row.lines[:6] if line.verdict is not None)
    ]
    lines = (*(Line("", verdict) for verdict in changed), *row.lines[6:])
    assert replace(row, lines=lines).counts == f"3 better, 2 worse, {SHOWN - 5} undecided, 1 not measured"
