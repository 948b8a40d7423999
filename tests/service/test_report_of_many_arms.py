"""A report of very many arms shows some of them, and says what it leaves out; what it concludes is of all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from finished_study import BUDGET, OVERRIDES
from small_studies import METRIC
from studies import ablation_study

from dit_core.events import Evaluated, MetricResult
from search_spaces.expand import expand
from service.analysis.numbers import MetricFormat
from service.analysis.summary import summarise
from service.policies import create
from service.preflight import Prepared
from service.records.store import Store
from service.report import abridged as abridging
from service.report import build_report
from service.report.abridged import MOST_ARMS, MOST_LINES, SHOWN, abridged, first_lines

ARMS = MOST_ARMS + 4
FORMAT = MetricFormat.for_values([4.0])


@pytest.fixture
def measured(tmp_path: Path) -> tuple[Prepared, Store]:
    """A study whose arms are the worse the later they come, the baseline the best of all."""
    values = [round(1e-3 * (index + 1), 3) for index in range(ARMS)]
    asked = [{"name": "decay", "axis": "weight_decay", "values": values}]
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


def test_a_long_list_ends_with_how_much_longer_it_is() -> None:
    lines = [str(index) for index in range(MOST_LINES + 3)]
    assert first_lines(lines[:MOST_LINES], "there") == lines[:MOST_LINES]
    assert first_lines(lines, "there") == [*lines[:MOST_LINES], "and 3 more: there"]
