"""Tuned arms: as many proposals for each, chosen on seeds and at a rung of their own, compared with each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from finished_study import tiny_study
from killed_between import Killed, killing_at

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.load import dump_study, study_from_yaml
from search_spaces.study import Study
from search_spaces.tuning import tuning_study
from search_spaces.types import Candidate, Tuned
from service.analysis.contrasts import contrasts
from service.analysis.moved_optimum import moved_p
from service.analysis.preview import preview
from service.analysis.standing import standing
from service.analysis.summary import Summary, summarise
from service.analysis.tuned_arms import choices
from service.cost.budget import Budget
from service.cost.family import spent_by_others
from service.cost.spent import device_seconds
from service.engine import Outcome, run_segments
from service.phases import previews
from service.preflight import prepare
from service.records import study_files
from service.records.store import Store
from service.report import tuning_section
from service.report.build import build_report
from service.tuning.candidates import best

RATE = {"learning_rate": {"loguniform": [1e-4, 1e-2]}}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def tuned(**changes: Any) -> Study:
    """Two blocks, three learning rates each, of one short rung."""
    tune = {**RATE, "trials": 3, "seeds": [7], "images": 64, **changes.pop("tune", {})}
    fields = {"ablations": [{"name": "Block", "axis": "block", "values": ["adaln"]}], "tune": tune, "rungs": [128]}
    return tiny_study(**{**fields, **changes})


def run(study: Study, store: Store, **more: Any) -> Outcome:
    return run_segments(prepare(expand(study)), store, executor="local", **more)


def both(study: Study, store: Store) -> Summary:
    for one in (tuning_study(study), study):
        prepared = prepare(expand(one))
        digest = prepared.plan_digest
        study_files.write_definition(store, one, prepared.train_ids, "python", "again", analysis_plan=digest)
        assert not run(one, store).failed
    return summarise(prepare(expand(study)), store)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Summary]]:
    store = Store(tmp_path_factory.mktemp("tuning") / "store")
    yield store, both(tuned(), store)


def proposals(store: Store, study: str) -> dict[str, bytes]:
    """Name -> content of the records of what was proposed, without when they were written."""
    found = {}
    for path in sorted(store.path.glob(f"studies/{study}/proposals/*/*.json")):
        found[path.name] = json.dumps(json.loads(path.read_text())["content"], sort_keys=True).encode()
    return found


def test_every_arm_gets_as_many_proposals_on_seeds_of_their_own(finished: tuple[Store, Summary]) -> None:
    store, summary = finished
    study = tuning_study(tuned())
    tuning = summarise(prepare(expand(study)), store)
    assert tuning.finished and study.seeds == (7,) and study.milestones == (64,)
    (view,) = [view for view in tuning.expansion.ablations if view.action == "PROPOSE"]
    assert sorted(view.around.values()) == ["baseline"] * 3 + ["block=adaln"] * 3
    assert summary.finished and set(summary.expansion.tuned) == {"baseline", "block=adaln"}
    for arm in summary.expansion.tuned.values():
        assert len(arm.chosen_from) == 4 and arm.chosen_from[0].own
        assert all(set(candidate.measured) == {7} for candidate in arm.chosen_from)
    rates = [[own.values for own in arm.chosen_from[1:]] for arm in summary.expansion.tuned.values()]
    assert rates[0] == rates[1], "what does not learn proposes the same for every arm"


def test_tuned_is_compared_with_tuned_in_the_one_model(finished: tuple[Store, Summary]) -> None:
    _, summary = finished
    expansion = summary.expansion
    chosen = {arm: own.name for arm, own in expansion.tuned.items()}
    wanted = {chosen["block=adaln"]: 1.0, chosen["baseline"]: -1.0}
    confirmatory = [dict(contrast.weights) for contrast in contrasts(expansion) if contrast.confirmatory]
    assert confirmatory == [wanted]
    for arm, own in expansion.tuned.items():
        place = best(own.chosen_from, "fd_digits_cnn")
        assert place is not None and dict(own.values) == ({} if place == 0 else dict(own.chosen_from[place].values))
        assert set(summary.arm(own.name).finals) == {0, 1} == set(summary.arm(arm).finals)
    assert summary.verdicts.question("Block, tuned")


def test_a_study_without_tuning_is_what_it_was() -> None:
    plain = tiny_study(ablations=[{"axis": "block", "values": ["adaln"]}])
    assert [arm.name for arm in expand(plain).arms] == [arm.name for arm in expand(tuned()).arms]
    own = prepare(expand(plain)).train_ids
    assert own == prepare(expand(tuned())).train_ids, "identities of arms do not know that they are tuned"
    assert "tune" not in dump_study(plain)
    assert study_from_yaml(dump_study(tuned())) == tuned()
    assert study_from_yaml(dump_study(tuning_study(tuned()))) == tuning_study(tuned())


def test_running_again_trains_nothing_and_another_study_reuses_it(finished: tuple[Store, Summary]) -> None:
    store, _ = finished
    again = tuned(name="again")
    for study in (tuning_study(tuned()), tuned(), tuning_study(again), again):
        assert run(study, store).timings == (), study.name


@pytest.mark.slow
@pytest.mark.parametrize("moment", [5, 12])
def test_killed_anywhere_it_goes_on_with_the_same(moment: int, finished: tuple[Store, Summary], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(Killed):
        run(tuning_study(tuned()), store, on_update=killing_at(moment))
    run(tuning_study(tuned()), store)
    with pytest.raises(Killed):
        run(tuned(), store, on_update=killing_at(moment))
    run(tuned(), store)
    for name in ("tiny.tuning", "tiny"):
        assert proposals(store, name) == proposals(finished[0], name) != {}


def test_before_the_tuning_is_done_nothing_is_chosen(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    outcome = run(tuned(budget_images=128, rungs=[]), store)
    assert any("the tuning is not finished, which is study tiny.tuning" in message for message in outcome.messages)
    known = standing(prepare(expand(tuned(budget_images=128, rungs=[]))), store)
    assert not known.plan.finished and not known.plan.wanted and not known.prepared.expansion.tuned


@pytest.mark.slow
def test_the_report_shows_tuned_beside_untuned(finished: tuple[Store, Summary]) -> None:
    store, summary = finished
    report = build_report(prepare(expand(tuned())), store, command="again")
    text, data = report.markdown.read_text(), json.loads((report.markdown.parent / "tuning.json").read_text())
    assert [row["arm"] for row in data["arms"]] == ["baseline", "block=adaln"]
    for heading in ("## Block\n", "## Block, tuned\n", "## Tuned beside untuned\n", "## Tuning\n"):
        assert heading in text, heading
    assert "difference to the tuned baseline" in text and "difference to the same arm untuned" in text
    assert "figures/tuning.png" in text and "<h2>Tuning</h2>" in report.html.read_text()
    for row, choice in zip(data["arms"], choices(summary), strict=True):
        best_mean = min(own["mean"] for own in row["candidates"] if own["mean"] is not None)
        assert row["after"] == pytest.approx(best_mean) and row["after"] <= row["before"]
        assert row["chosen"] == dict(choice.chosen) and (row["arm"] in text)


def test_a_moved_optimum_and_an_edge_are_said(finished: tuple[Store, Summary]) -> None:
    _, summary = finished
    values = {
        "baseline": {3e-3: {7: 5.0, 8: 5.0}, 1e-3: {7: 2.0, 8: 2.0}, 1e-2: {7: 4.0, 8: 4.0}},
        "block=adaln": {3e-3: {7: 5.0, 8: 5.0}, 1e-3: {7: 3.0, 8: 1.0}, 1e-2: {7: 1.0, 8: 1.5}},
    }
    arms = {
        arm: Tuned(arm, arm, {}, tuple(Candidate({"learning_rate": r}, s, own=r == 3e-3) for r, s in rates.items()))
        for arm, rates in values.items()
    }
    told = replace(summary, prepared=replace(summary.prepared, expansion=replace(summary.expansion, tuned=arms)))
    baseline, other = choices(told)
    assert baseline.moved is None and baseline.edges == () and dict(baseline.chosen) == {"learning_rate": 1e-3}
    assert other.edges == ("learning_rate",) and other.moved is not None
    assert dict(other.moved.values) == {"learning_rate": (1e-2, 1e-3)}
    assert (other.moved.mean, other.moved.shared, other.moved.better_seeds, other.moved.seeds) == (1.25, 2.0, 1, 2)
    text = " ".join(tuning_section.sentences((baseline, other), told))
    assert "block=adaln is best with learning_rate 0.01" in text and "(10 times that)" in text
    assert other.moved.p is not None and other.moved.clear == ("The optimum moves: block=adaln" in text)
    assert "at 1 of 2 tuning seeds" in text and "lies at the edge of its range" in text


def test_an_optimum_moves_only_where_noise_does_not_explain_it() -> None:
    def arm(name: str, *means: float, noise: float) -> Tuned:
        """Six rates, two seeds that differ by ``noise``, one way and the other in turn."""
        found = [
            Candidate({"x": rate}, {7: mean * (1 + noise * (-1) ** rate), 8: mean * (1 - noise * (-1) ** rate)})
            for rate, mean in enumerate(means)
        ]
        return Tuned(name, name, {}, tuple(found))

    for noise, clear in ((0.01, True), (0.3, False)):
        baseline = arm("baseline", 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, noise=noise)
        other = arm("other", 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, noise=noise)
        p = moved_p(other, other.chosen_from[5], baseline, baseline.chosen_from[0], (baseline, other))
        assert p is not None and (p < 0.01) == clear, (noise, p)
    alone = Tuned("one", "one", {}, (Candidate({"x": 0}, {7: 1.0}), Candidate({"x": 1}, {7: 2.0})))
    assert moved_p(alone, alone.chosen_from[0], alone, alone.chosen_from[1], (alone,)) is None, "one seed tells nothing"


def test_the_preview_counts_the_tuning_and_what_is_to_be_chosen(finished: tuple[Store, Summary]) -> None:
    store, _ = finished
    prepared = prepare(expand(tuned()))
    shown = preview(prepared.expansion, prepared=prepared, also=previews(prepared, None))
    (tuning,) = shown.also
    assert shown.segments == 16, "two arms and two tuned ones, two seeds, a rung and the budget"
    assert tuning.segments == 8, "two arms and six proposals, one seed"
    assert shown.ahead.middle == pytest.approx(
        shown.estimate.ahead.total.middle + tuning.estimate.ahead.total.middle
    ) and shown.estimate.ahead.total.middle == pytest.approx(2 * preview(expand(plain())).estimate.whole.total.middle)
    text = str(shown)
    assert "With it runs study tiny.tuning (Tunes every arm of tiny): 8 segments, " in text and "All together:" in text
    assert "2 tuned arms are not chosen yet" in text
    known = preview(prepared.expansion, prepared=prepared, store=store, also=previews(prepared, store))
    assert known.segments == 0 == known.also[0].segments and "not chosen yet" not in str(known)


def plain() -> Study:
    return tuned().model_copy(update={"tune": None})


def test_a_cap_is_for_the_tuning_and_the_comparison_together(finished: tuple[Store, Summary]) -> None:
    store, _ = finished
    spent = device_seconds("tiny.tuning", store)
    assert spent is not None and spent_by_others("tiny", store) == pytest.approx(spent) and spent > 0
    own = device_seconds("tiny", store)
    assert spent_by_others("tiny.tuning", store) == pytest.approx(own)
    prepared = prepare(expand(tuned(resources={"max_device_hours": 1})))
    budget = Budget.of(prepared, store, standing(prepared, store).results)
    assert budget is not None and budget.spent == pytest.approx(spent + (own or 0))


def test_the_best_of_the_candidates() -> None:
    own = Candidate({"x": 1}, {7: 2.0}, own=True)
    lost, worse = Candidate({"x": 2}, {7: 1.0}, lost=True), Candidate({"x": 3}, {7: 3.0})
    assert best((own, lost, worse), "fd_digits_cnn") == 0
    assert best((own, Candidate({"x": 4}, {7: 2.0})), "fd_digits_cnn") == 0, "of equal ones its own"
    assert best((lost, Candidate({"x": 5})), "fd_digits_cnn") is None


HEAD = "name: x\nablations: [block]\ntune: "


@pytest.mark.parametrize(
    ("tune", "sentence"),
    [
        ("{learning_rate: {loguniform: [1e-4, 1e-2]}}", "tune: trials: required and missing; say how many"),
        ("{trials: 3}", "no axis has a range"),
        ("{learning_rate: {loguniform: [1e-2, 1e-4]}, trials: 3}", "[0.01, 0.0001] is the wrong way round"),
        ("{learning_rate: {loguniform: [0, 1e-4]}, trials: 3}", "is on a logarithmic scale, which has no zero"),
        (
            "{learning_rate: {uniform: [-2, -1]}, trials: 3}",
            "tune.learning_rate: no value of uniform in -2..-1 can run",
        ),
        ("{learning_rat: {uniform: [1e-4, 1e-3]}, trials: 3}", "did you mean 'learning_rate'?"),
        ("{learning_rate: {uniform: [1e-4, 1e-3]}, trials: 3, seeds: [1]}", "tune.seeds: 1 is among seeds"),
        (
            "{learning_rate: {uniform: [1e-4, 1e-3]}, trials: 3, seeds: 1}",
            "tune.seeds: 1 given; write [1000] for 1",
        ),
        ("{learning_rate: {uniform: [1e-4, 1e-3]}, trials: 3, seeds: []}", "tune.seeds: empty"),
        ("{learning_rate: {uniform: [1e-4, 1e-3]}, trials: 3, images: 102400}", "is above budget_images, 51200"),
        ("{learning_rate: {uniform: [1e-4, 1e-3]}, trials: 3, image: 6400}", "did you mean 'images'?"),
        ("{learning_rate: {uniform: [1e-4, 1e-3]}, trials: 3, algorithm: nsga2}", "nsga2 is for several objectives"),
        ("{block: {choice: [adaln, adaln-zero]}, trials: 3}", "ask about it or tune it, not both"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(tune: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        study_from_yaml(HEAD + tune, "my.yaml")
    assert sentence in str(error.value) and "\n" not in str(error.value), str(error.value)
    assert str(error.value).startswith("my.yaml: ")


def test_what_does_not_go_with_tuning_is_one_sentence() -> None:
    search = {**RATE, "trials": 2}
    with pytest.raises(ValueError, match="keep search or tune"):
        tuned(search=search)
    with pytest.raises(ValueError, match="no arm to tune but the baseline"):
        tuned(ablations=[])
    with pytest.raises(ValueError, match=r"tune\.images: required, since the study has no rungs"):
        tuned(rungs=[], tune={"images": None})
    with pytest.raises(
        UserError, match=r"tune\.images: 65 is not a multiple of the batch size, 32; nearest .* 64 or 96"
    ):
        expand(tuned(tune={"images": 65}))
    with pytest.raises(ValueError, match="name: at most 93 characters"):
        tuned(name="x" * 94)
