"""Report, tables, JSON, frames and MLflow are views of the same verdicts: none can say what another does not."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from finished_study import BUDGET, PATCHES, RUNG, begin, measure, tiny_study
from random_world import world

from service.analysis import verdict_text
from service.analysis.arm_costs import priced
from service.analysis.narrative import findings, metric_format, opening
from service.analysis.study_result import StudyResult, study_result
from service.analysis.summary import Summary, summarise
from service.mlflow_sync import content, study_content
from service.mlflow_sync.descriptions import describe_study
from service.preflight import Prepared
from service.records.store import Store
from service.report import build_report
from service.report.ablation_tables import ablation_table
from service.report.verdict_figure import lines_of, verdict_figure
from service.statistics.contrast import Kind
from service.statistics.verdict import Status, Verdict


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Summary, StudyResult, Store]]:
    folder = tmp_path_factory.mktemp("worlds")
    found = []
    for draw in range(6):
        prepared, store = world(folder, draw)
        summary = priced(summarise(prepared, store), store)
        found.append((summary, study_result(summary, store), store))
    return found


def rows(summary: Summary) -> Iterator[tuple[str, str, Kind, Verdict]]:
    for verdict in summary.verdicts.verdicts:
        for place in verdict.contrast.places:
            yield place.question, place.label, place.kind, verdict


def test_the_worlds_hold_every_status(worlds: list[tuple[Summary, StudyResult, Store]]) -> None:
    assert {verdict.status for summary, *_ in worlds for *_, verdict in rows(summary)} == set(Status)


def test_sentences_call_clear_what_is_clear_and_nothing_else(
    worlds: list[tuple[Summary, StudyResult, Store]],
) -> None:
    for summary, *_ in worlds:
        shown = metric_format(summary)
        for finding in findings(summary.expansion, summary, shown):
            clear = " ".join(re.findall(r"[^.]*(?:\.\d[^.]*)*clearly [^.]*\.", finding.text))
            ladder = finding.name == "Ladder"
            for question, label, kind, verdict in rows(summary):
                said = f"{label} ({shown.difference(verdict)}"
                if question != finding.name or (ladder and kind is Kind.ARM):
                    continue
                assert (said in clear) == (verdict.status is Status.CLEAR), (finding.text, said)
                if verdict.status is Status.NOT_MEASURED:
                    assert f"{label} ({verdict.reason}" in finding.text
                elif verdict.status is Status.UNDECIDED:
                    assert said in finding.text and (verdict.reason or verdict_text.more_seeds(verdict)) in finding.text
                elif verdict.status is Status.CLEAR:
                    assert bool(verdict.better) == ((verdict.difference or 0) < 0)
            for word in ("better", "worse"):
                right = any(
                    v.status is Status.CLEAR and v.better is (word == "better")
                    for question, _, kind, v in rows(summary)
                    if question == finding.name
                )
                assert right or f"clearly {word}" not in finding.text


def test_tables_hold_the_differences_and_verdicts_of_the_sentences(
    worlds: list[tuple[Summary, StudyResult, Store]],
) -> None:
    for summary, *_ in worlds:
        shown = metric_format(summary)
        cells = {
            view.name: [cell for row in ablation_table(view, summary, shown).rows for cell in row.cells]
            for view in summary.expansion.ablations
        }
        for question, _, _, verdict in rows(summary):
            assert shown.difference(verdict) in cells[question]
            assert verdict_text.word(verdict) in cells[question]
        for view in summary.expansion.ablations:
            table = ablation_table(view, summary, shown)
            assert all(len(row.cells) == len(table.columns) for row in table.rows)


def test_an_arm_minus_its_control_is_a_row_of_its_own(worlds: list[tuple[Summary, StudyResult, Store]]) -> None:
    summary, *_ = worlds[0]
    view = next(view for view in summary.expansion.ablations if view.name == "MLP")
    table = ablation_table(view, summary, metric_format(summary))
    labels = [row.cells[0] for row in table.rows]
    assert labels[labels.index("8") + 1] == "8 − its control" and "control for 8" in labels
    assert "equal Gflops" in table.caption


def test_frames_and_json_hold_the_verdicts(worlds: list[tuple[Summary, StudyResult, Store]]) -> None:
    for summary, result, _ in worlds:
        assert result.verdicts == summary.verdicts
        frame = result.contrasts
        assert len(frame) == len(list(rows(summary)))
        for row, (question, label, kind, verdict) in zip(frame.to_dict("records"), rows(summary), strict=True):
            assert (row["question"], row["value"], row["kind"]) == (question, label, str(kind))
            assert row["status"] == verdict.status and row["verdict"] == verdict_text.word(verdict)
            for name in ("difference", "low", "high", "p", "more_seeds"):
                own = getattr(verdict, name)
                assert math.isnan(row[name]) if own is None else row[name] == own
        plain = json.loads(json.dumps(result.to_json()["verdicts"]))
        assert plain == json.loads(json.dumps(summary.verdicts.to_json()))


def test_mlflow_names_the_clear_ones(worlds: list[tuple[Summary, StudyResult, Store]]) -> None:
    for summary, *_ in worlds:
        tags = study_content.tags(summary, {}, "finished", "", "")
        clear = [v for v in summary.verdicts.verdicts if v.status is Status.CLEAR]
        assert tags["clear"] == ("; ".join(f"{v.contrast.name}: {verdict_text.word(v)}" for v in clear) or "none")
        assert tags["verdicts"] == verdict_text.counted(summary.verdicts)
        described = describe_study(summary)
        for arm in summary.arms[1:]:
            verdict = summary.verdicts.of(arm.arm.name)
            assert verdict is not None
            own = content.verdict_tag(summary.verdicts, arm.arm)
            assert own["verdict"] == verdict_text.word(verdict) and own["verdict"] in described
        assert content.verdict_tag(summary.verdicts, summary.arms[0].arm)["verdict"] == "baseline"


def test_the_overall_counts_add_up(worlds: list[tuple[Summary, StudyResult, Store]]) -> None:
    for summary, *_ in worlds:
        numbers = re.findall(
            r"(\d+) (?:clear|equivalent|undecided|not measured)", verdict_text.counted(summary.verdicts)
        )
        assert sum(map(int, numbers)) == len(summary.verdicts.verdicts)
        (first, *_) = opening(summary.expansion, summary, metric_format(summary))
        best = summary.verdicts.best
        assert best is not None and "as the lowest mean" in first and best.arm.lower() in first.lower()


def test_what_else_differs_is_on_the_verdict_and_in_its_sentence(
    worlds: list[tuple[Summary, StudyResult, Store]],
) -> None:
    for summary, *_ in worlds:
        flow = summary.verdicts.at("Ladder", "flow", Kind.STEP)
        assert flow is not None and flow.differs == ("variance learned → none", "sampler ddpm → euler")
        if flow.difference is not None:
            told = {
                finding.name: finding.text for finding in findings(summary.expansion, summary, metric_format(summary))
            }
            assert "it also changes variance learned → none and sampler ddpm → euler" in told["Ladder"]


def test_verdicts_say_what_settling_them_costs(worlds: list[tuple[Summary, StudyResult, Store]]) -> None:
    """The made-up evaluations took 1.5 s each, and nothing was trained."""
    for summary, *_ in worlds:
        arms = sum(bool(arm.finals) for arm in summary.arms)
        for verdict in summary.verdicts.verdicts:
            if verdict.more_seeds:
                assert verdict.more_device_seconds == pytest.approx(verdict.more_seeds * arms * 1.5)
                assert "about" in verdict_text.word(verdict)


def test_the_figure_is_drawn_for_every_world(worlds: list[tuple[Summary, StudyResult, Store]]) -> None:
    for summary, *_ in worlds[:4]:
        questions = [view.name for view in summary.expansion.ablations]
        lines = lines_of(summary.verdicts, questions)
        shown = [line.verdict for line in lines if line.verdict is not None]
        assert {id(verdict) for verdict in shown} == {id(verdict) for verdict in summary.verdicts.verdicts}
        assert [line.label for line in lines if line.verdict is None] == questions
        picture = verdict_figure(summary.verdicts, lines)
        assert picture is not None and picture[:4] == b"\x89PNG"


# -- bad input ------------------------------------------------------------------------------------


def told(prepared: Prepared, store: Store) -> str:
    """The whole report, which must be there, and the frames beside it."""
    study_result(summarise(prepared, store), store).to_json()
    report = build_report(prepared, store, command="run it")
    assert json.loads((report.markdown.parent / "verdicts.json").read_text())["metric"]
    return report.markdown.read_text()


def values(per_arm: Mapping[str, Sequence[float]]) -> dict[tuple[str, int], float]:
    return {(arm, seed): value for arm, own in per_arm.items() for seed, value in enumerate(own)}


def test_all_arms_stopped_is_said_and_compares_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    two = [{"name": "Patch", "axis": "patch_size", "values": [2, 4]}]
    prepared = begin(tiny_study(ablations=two, policy="rungs"), store)
    measure(store, prepared, values({"baseline": [10, 11], "patch_size=4": [math.inf, 91]}), RUNG)
    measure(store, prepared, values({"baseline": [8, 9]}), BUDGET)
    summary = summarise(prepared, store)
    assert summary.arms[1].ended_early
    text = told(prepared, store)
    assert "None of 1 comparison could be made, so nothing can be concluded yet." in text
    assert "Not measured at full length: 4 (stopped at 128 images, there not finite, baseline 10.488)." in text
    assert "clearly" not in text[: text.index("## How it was measured")]


def test_a_metric_that_no_trial_logged_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    prepared = begin(tiny_study(ablations=[PATCHES], policy="none"), store)
    measure(store, prepared, values({"baseline": [8, 9], "patch_size=4": [10, 11], "patch_size=8": [12, 13]}))
    study = prepared.expansion.study.model_copy(update={"primary_metric": "recall"})
    text = told(replace(prepared, expansion=replace(prepared.expansion, study=study)), store)
    assert "No trial has a result of recall at the budget of 256 images, so nothing is compared." in text


def test_scores_that_are_no_numbers_are_left_out_and_said(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    prepared = begin(tiny_study(ablations=[PATCHES], policy="none", seeds=[0, 1, 2]), store)
    bad = {"baseline": [8, 9, 10], "patch_size=4": [10, math.nan, 11], "patch_size=8": [math.nan, math.inf, math.nan]}
    measure(store, prepared, values(bad), RUNG)
    measure(store, prepared, values(bad))
    text = told(prepared, store)
    assert "patch_size=4 with seed 1 has a value that is not a finite number: it is left out." in text
    assert "Not measured at full length: 8 (" in text


def test_nothing_but_the_baseline_has_a_report(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    prepared = begin(tiny_study(ablations=[PATCHES], policy="none"), store)
    measure(store, prepared, values({"patch_size=4": [10, 11], "patch_size=8": [12, 13]}))
    assert "The baseline has no final result (not finished), so no arm can be compared with it." in told(
        prepared, store
    )
