"""From a study's records to its verdicts: what is compared, what is said, and what bad input comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from finished_study import BUDGET, OVERRIDES, PATCHES, RUNG, begin, measure, tiny_study

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.study import Study
from search_spaces.types import Proposal
from service.analysis.contrasts import contrasts
from service.analysis.study_result import study_result
from service.analysis.summary import Summary, summarise
from service.records.store import Store
from service.statistics.contrast import Kind
from service.statistics.verdict import Status

PLAIN = {"ablations": [PATCHES], "rungs": [], "policy": "none"}


def found(tmp_path: Path, values: Mapping[str, Sequence[float | None]], **changes: object) -> Summary:
    """A study with made-up measurements at the budget: arm -> one value per seed, None for one that is missing."""
    store = Store(tmp_path / "store")
    seeds = list(range(max(map(len, values.values()), default=1)))
    prepared = begin(tiny_study(**{**PLAIN, "seeds": seeds, **changes}), store)
    measure(store, prepared, {(a, s): v for a, vs in values.items() for s, v in enumerate(vs) if v is not None})
    return summarise(prepared, store)


def test_everything_that_is_shown_is_compared_once() -> None:
    study = tiny_study(
        ablations=[PATCHES, {"name": "MLP", "axis": "mlp_ratio", "values": [8], "controls": "iso-gflops"}],
        grid={"patch_size": [2, 4], "learning_rate": [1e-3, 2e-3]},
        ladder=[{"name": "rate", "set": {"learning_rate": 2e-3}}, {"name": "patches", "set": {"patch_size": 4}}],
        baseline={"profile": "digits", "overrides": {**OVERRIDES, "model.depth": 3, "model.hidden_size": 24}},
        rungs=[],
    )
    expansion = expand(study)
    asked = contrasts(expansion)
    by_place = {(place.kind, place.question, place.label): own for own in asked for place in own.places}
    assert len({frozenset(own.weights) for own in asked}) == len(asked)
    assert {own.arm for own in asked} == {arm.name for arm in expansion.arms[1:]}
    assert all(math.isclose(sum(weight for _, weight in own.weights), 0, abs_tol=1e-12) for own in asked)
    step, first = by_place[Kind.STEP, "Ladder", "patches"], by_place[Kind.STEP, "Ladder", "rate"]
    assert step.name.endswith("− learning_rate=0.002") and first.reference == ("baseline",)
    control = by_place[Kind.CONTROL, "MLP", "8"]
    assert control.arm == "mlp_ratio=8" and control.reference != ("baseline",)
    interactions = [own for own in asked if own.kind is Kind.INTERACTION]
    assert len(interactions) == 2  # neither learning rate is the baseline's
    for own in interactions:
        assert sorted(weight for _, weight in own.weights) == [-1.0, -1.0, 1.0, 1.0]
        assert by_place[Kind.ARM, "Grid", own.places[0].label].arm == own.arm
    assert all(own.confirmatory for own in asked)


def test_the_study_names_what_it_is_run_to_answer() -> None:
    two = {"ablations": [PATCHES, {"name": "Rate", "axis": "learning_rate", "values": [2e-3]}], "rungs": []}
    asked = contrasts(expand(tiny_study(**two, confirmatory="Rate")))
    assert [own.confirmatory for own in asked] == [False, False, True]
    proposed = contrasts(expand(tiny_study(**two), [Proposal({"patch_size": 4, "learning_rate": 2e-3})]))
    assert [own.confirmatory for own in proposed] == [True, True, True, False]
    with pytest.raises(UserError, match=r"confirmatory: unknown value 'Rates'; .*did you mean 'Rate'"):
        expand(tiny_study(**two, confirmatory=["Rates"]))
    for wrong, said in (
        ({"confirmatory": ["Rate", "Rate"]}, "'Rate' repeats"),
        ({"confirmatory": 3}, "confirmatory: 3 is not a list of questions' names"),
        ({"equivalence_margin": 5}, "equivalence_margin: input should be less than 1, given 5"),
    ):
        with pytest.raises(UserError, match=said):
            Study(name="wrong", ablations=[PATCHES], **wrong)


def test_frames_tables_and_verdicts_agree(tmp_path: Path) -> None:
    summary = found(tmp_path, {"baseline": [20.0, 15.0, 10.0], "patch_size=4": [None, None, 11.0]})
    result = study_result(summary, Store(tmp_path / "store"))
    verdict, arm = summary.verdicts.of("patch_size=4"), summary.arm("patch_size=4")
    row, baseline = (result.arms[result.arms["arm"] == name].iloc[0] for name in ("patch_size=4", "baseline"))
    assert verdict is not None and verdict.difference is not None and arm.final is not None
    assert row["difference"] == pytest.approx(verdict.difference) and verdict.difference > 0
    assert row["mean"] - baseline["mean"] == pytest.approx(verdict.difference)
    assert arm.final.mean == pytest.approx(row["mean"]) and arm.final.n == 1
    assert result.to_json()["verdicts"]["contrasts"][0]["difference"] == verdict.difference


def test_one_seed_says_which_claims_are_impossible(tmp_path: Path) -> None:
    verdicts = found(tmp_path, {"baseline": [10.0], "patch_size=4": [8.0], "patch_size=8": [14.0]}).verdicts
    assert {(v.status, v.reason) for v in verdicts.verdicts} == {
        (Status.UNDECIDED, "one seed, so the uncertainty is not known")
    }
    (note,) = verdicts.notes
    for impossible in ("no interval and no p value", "clear or equivalent", "how many seeds would settle it"):
        assert impossible in note


def test_no_baseline(tmp_path: Path) -> None:
    verdicts = found(tmp_path, {"patch_size=4": [9.0, 9.1], "patch_size=8": [12.0, 13.0]}).verdicts
    assert "The baseline has no final result (not finished), so no arm can be compared with it." in verdicts.notes
    assert {(v.status, v.reason) for v in verdicts.verdicts} == {(Status.NOT_MEASURED, "baseline: not finished")}


def test_a_metric_that_no_trial_has(tmp_path: Path) -> None:
    summary = found(tmp_path, {})
    (note,) = summary.verdicts.notes
    assert note == f"No trial has a result of fd_digits_cnn at the budget of {BUDGET} images, so nothing is compared."
    assert summary.verdicts.best is None and {v.status for v in summary.verdicts.verdicts} == {Status.NOT_MEASURED}


def test_ties_are_undecided(tmp_path: Path) -> None:
    verdicts = found(tmp_path, {arm: [10.0, 10.0] for arm in ("baseline", "patch_size=4", "patch_size=8")}).verdicts
    assert {(v.status, v.difference, v.better) for v in verdicts.verdicts} == {(Status.UNDECIDED, 0.0, None)}
    assert "do not vary from seed to seed at all" in verdicts.notes[0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_left_out_and_said(tmp_path: Path, value: float) -> None:
    arms = {"baseline": [10.0, 11.0, 10.4], "patch_size=4": [9.0, value, 9.2], "patch_size=8": [12.0, 13.0, 12.2]}
    summary = found(tmp_path, arms)
    verdict = summary.verdicts.of("patch_size=4")
    assert verdict is not None and verdict.seeds == 2 and verdict.p is not None
    assert summary.verdicts.notes[0].startswith("patch_size=4 with seed 1 has a value that is not a finite number")


def test_unequal_seeds_are_said(tmp_path: Path) -> None:
    arms = {"baseline": [10.0, 11.0, 10.4], "patch_size=4": [9.0, None, 9.2], "patch_size=8": [12.0, 13.0, 12.2]}
    (note,) = found(tmp_path, arms).verdicts.notes
    assert note.startswith("patch_size=4 lacks some of the 3 seeds: all means and differences are at equal seeds")


def test_all_arms_stopped(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    study = tiny_study(ablations=[PATCHES], policy={"name": "rungs", "stop_fraction": 0.99}, seeds=[0, 1])
    prepared = begin(study, store)
    at_rung = {"baseline": 10.0, "patch_size=4": 12.0, "patch_size=8": 14.0}
    measure(store, prepared, {(arm, seed): value for arm, value in at_rung.items() for seed in (0, 1)}, images=RUNG)
    measure(store, prepared, {("baseline", seed): 8.0 + seed for seed in (0, 1)})
    summary = summarise(prepared, store)
    stopped = [v for v in summary.verdicts.verdicts if v.reason == f"stopped at {RUNG} images"]
    assert stopped and {v.status for v in stopped} == {Status.NOT_MEASURED}
    assert all(v.p is None and v.difference is None for v in summary.verdicts.verdicts)


def test_a_plan_that_was_changed_after_the_start_is_said_loudly(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    begin(tiny_study(**PLAIN, seeds=[0, 1]), store)
    same = summarise(begin(tiny_study(**PLAIN, seeds=[0, 1]), store), store)
    assert same.changes == ()
    changed = summarise(begin(tiny_study(**PLAIN, seeds=[0, 1], equivalence_margin=0.1), store), store)
    (said,) = changed.changes
    assert said.startswith(
        "THE ANALYSIS PLAN WAS CHANGED AFTER THE STUDY HAD BEGUN (equivalence_margin: none before, 0.1"
    )
    assert said in changed.verdicts.notes


def test_seeds_that_were_added_are_said(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    begin(tiny_study(**PLAIN, seeds=[0, 1]), store)
    (said,) = summarise(begin(tiny_study(**PLAIN, seeds=[0, 1, 2, 3]), store), store).changes
    assert said.startswith("Seeds 2, 3 were added after the study had begun")


def test_evaluation_seeds_tell_what_evaluation_adds_to_the_noise(tmp_path: Path) -> None:
    again = {"name": "Noise", "axis": "evaluation seed", "values": [0, 1, 2]}
    arms = {
        "baseline": [10.0, 12.0, 11.0],
        "evaluation_seed=1": [10.1, 11.9, 11.1],
        "evaluation_seed=2": [9.9, 12.1, 10.9],
        "patch_size=4": [14.0, 11.0, 12.5],
        "patch_size=8": [15.5, 17.0, 13.0],
    }
    summary = found(tmp_path, arms, ablations=[again, PATCHES])
    assert summary.weights_of == {"evaluation_seed=1": "baseline", "evaluation_seed=2": "baseline"}
    assert {v.contrast.arm for v in summary.verdicts.verdicts} == {"patch_size=4", "patch_size=8"}
    variance = summary.verdicts.variance
    assert variance.evaluation_sd == pytest.approx(0.1 / 11, rel=0.05)
    assert variance.pooled_sd is not None and variance.pooled_sd > 5 * variance.evaluation_sd
    assert summary.verdicts.best is not None and "evaluation_seed=1" not in summary.verdicts.best.candidates
    assert summary.verdicts.notes[-1] == variance.advice
    assert variance.advice.endswith("only more training seeds help.")
    without = found(tmp_path / "without", {arm: arms[arm] for arm in ("baseline", "patch_size=4", "patch_size=8")})
    assert (without.verdicts.variance.evaluation_sd, without.verdicts.variance.advice) == (None, "")
