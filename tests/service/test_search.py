"""Searches: proposals in generations, recorded, replayed, compared within their generation, and what is refused."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from finished_study import tiny_study
from killed_between import Killed, killing_at

from dit_core.errors import UserError
from search_spaces.domain import Domain
from search_spaces.expand import expand
from search_spaces.load import dump_study, study_from_yaml
from search_spaces.search_space import SearchSpec
from search_spaces.study import Ablation, Study
from service.analysis.preview import preview
from service.analysis.search_points import best_points, search_points
from service.analysis.standing import standing
from service.analysis.summary import summarise
from service.choices import chosen
from service.engine import Outcome, run_segments
from service.phases import after
from service.preflight import prepare
from service.records import study_files
from service.records.proposals import Batch
from service.records.store import Store
from service.report.build import build_report
from service.search.history import Told
from service.search.samplers import sampler_of

RATE = {"learning_rate": {"loguniform": [1e-4, 1e-2]}}
SPACE = {
    "training.learning_rate": {"loguniform": [1e-5, 1e-1]},
    "training.beta1": {"uniform": [0.5, 0.95]},
    "model.depth": {"int": [1, 6]},
    "model.hidden_size": {"qint": [16, 64, 16]},
}
CHOICE = {"block": {"choice": ["adaln", "adaln-zero"]}}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def searching(**changes: Any) -> Study:
    search = {**RATE, "trials": 5, "generation": 2, "algorithm": "tpe", **changes.pop("search", {})}
    return tiny_study(**{"ablations": [], "seeds": [0], "search": search, **changes})


def run(study: Study, store: Store, **more: Any) -> Outcome:
    return run_segments(prepare(expand(study)), store, executor="local", **more)


def batches(store: Store) -> dict[str, Batch]:
    found = {key.stem: store.records.once(str(key.relative_to(store.path)), Batch) for key in _keys(store)}
    return {name: record.content for name, record in sorted(found.items()) if record is not None}


def _keys(store: Store) -> list[Path]:
    return list(store.path.glob("studies/tiny/proposals/*/search-*.json"))


def proposals(store: Store) -> list[list[dict[str, Any]]]:
    return [[dict(proposal.set) for proposal in batch.accepted] for batch in batches(store).values()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Outcome]]:
    store = Store(tmp_path_factory.mktemp("search") / "store")
    yield store, run(searching(), store)


# -- samplers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["tpe", "cma-es", "random", "qmc", "ray:optuna", "ray:hyperopt"])
def test_a_fresh_sampler_proposes_what_the_one_before_did(algorithm: str) -> None:
    space = SPACE if algorithm == "cma-es" else SPACE | CHOICE
    search = SearchSpec(values=space, trials=30, algorithm=algorithm, draw=3)
    told: list[tuple[Told, ...]] = []
    for _ in range(4):
        first, again = (sampler_of(search).propose(told, 3) for _ in range(2))
        assert first == again and len(first) == 3
        for values in first:
            assert list(values) == list(space)
            assert values == {name: search.values[name].canonical(value) for name, value in values.items()}
            assert 1e-5 <= values["training.learning_rate"] <= 1e-1 and values["model.hidden_size"] in (16, 32, 48, 64)
            assert type(values["model.depth"]) is int and 1 <= values["model.depth"] <= 6
        told.append(tuple(Told(values, (abs(math.log(values["training.learning_rate"]) + 6),)) for values in first))
    other = SearchSpec(values=space, trials=30, algorithm=algorithm, draw=4)
    assert sampler_of(other).propose((), 3) != sampler_of(search).propose((), 3)


@pytest.mark.parametrize("algorithm", ["tpe", "ray:hyperopt"])
def test_what_was_lost_is_no_good_news(algorithm: str) -> None:
    """Half of the range diverges or is stopped: a sampler that learns looks on the other side."""
    search = SearchSpec(values=RATE, trials=40, algorithm=algorithm, draw=1)
    told: list[tuple[Told, ...]] = []
    for place in range(8):
        rows = []
        for values in sampler_of(search).propose(told, 4):
            fast = values["learning_rate"] > 1e-3
            rows.append(
                Told(values, lost=True) if fast and place % 2
                else Told(values, curve={64: 9.0}) if fast
                else Told(values, (1.0 + abs(math.log10(values["learning_rate"]) + 3.5),))
            )  # fmt: skip
        told.append(tuple(rows))
    late = [row.values["learning_rate"] for generation in told[4:] for row in generation]
    assert sum(value <= 1e-3 for value in late) >= 12, late


def test_several_objectives_are_told_together() -> None:
    objectives = ("fd_digits_cnn", "gflops")
    search = SearchSpec(values=SPACE, trials=30, algorithm="nsga2", objectives=objectives, generation=4)
    told = [tuple(Told(values, (1.0, values["model.depth"])) for values in sampler_of(search).propose((), 4))]
    assert len(sampler_of(search).propose(told, 4)) == 4


def test_a_grid_proposes_every_point_once_and_then_no_more() -> None:
    search = SearchSpec(values=CHOICE | {"model.depth": {"int": [1, 3]}}, trials=50, algorithm="grid")
    points = sampler_of(search).propose((), 50)
    assert len(points) == 6 == len({tuple(point.values()) for point in points})
    assert sampler_of(search).propose([tuple(map(Told, points))], 4) == []


# -- through a run ----------------------------------------------------------------------------------


def test_a_search_runs_its_generations_and_is_finished(finished: tuple[Store, Outcome]) -> None:
    store, outcome = finished
    assert [len(generation) for generation in proposals(store)] == [2, 2, 1]
    summary = summarise(prepare(expand(searching())), store)
    assert summary.finished and len(summary.arms) == 6 and not outcome.failed
    for number, batch in enumerate(batches(store).values(), start=1):
        assert batch.question.purpose == f"generation {number} of the search, {len(batch.accepted)} arms by tpe"
        assert len(batch.question.asked_with) == 64
    looks = {decision.look: decision.compared for decision in standing(prepare(expand(searching())), store).decisions}
    assert {look.partition(".")[0] for look in looks} == {"search-1", "search-2", "search-3"}
    assert all(len(compared) <= 2 for compared in looks.values()), "a generation is compared within itself"
    text = build_report(prepare(expand(searching())), store, command="again").markdown.read_text()
    assert "## Proposed" in text and "Search: 5 arms are proposed by tpe" in text


@pytest.mark.slow
def test_the_report_shows_the_search_and_says_what_lies_at_an_edge(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    space = {"block": {"choice": ["adaLN", "adaLN-Zero block"]}, "training.beta1": {"uniform": [0.5, 0.9]}}
    search = {**space, "trials": 9, "algorithm": "qmc"}
    study = searching(search=search, rungs=[64], budget_images=128, policy={"name": "none"})
    outcome = run(study, store)
    assert not outcome.failed and not outcome.interrupted, outcome.messages
    prepared = prepare(expand(study))
    report = build_report(prepared, store, command="again")
    data = json.loads((report.markdown.parent / "search.json").read_text())
    summary = summarise(prepared, store)
    values = {row["arm"]: row["value"] for row in data["proposals"]}
    best = min(data["proposals"], key=lambda row: row["value"])
    assert len(data["proposals"]) == 9 and values == {arm: summary.arm(arm).final.mean for arm in values}
    assert set(data["importances"]) == {*RATE, *space} and sum(data["importances"].values()) == pytest.approx(1)
    assert {row["values"]["block"] for row in data["proposals"]} == {"adaLN", "adaLN-Zero block"}
    text = report.markdown.read_text()
    assert f"(proposal {best['number']})" in text and "PED-ANOVA" in text
    assert study.search is not None
    edges = [name for name, domain in study.search.values.items() if domain.at_edge(best["values"][name])]
    assert ("at the edge of its range" in text) == bool(edges) and all(f"{name}" in text for name in edges)
    names = {path.name for path in report.figures}
    assert {"search-history.png", "search-slices.png", "search-parallel.png"} <= names
    assert "<h2>Search</h2>" in report.html.read_text()


def test_what_lies_at_an_edge() -> None:
    rate = Domain.model_validate({"loguniform": [1e-4, 1e-2]})
    assert [rate.at_edge(value) for value in (1e-4, 1.05e-4, 1e-3, 9.9e-3)] == [True, True, False, True]
    assert not Domain.model_validate({"choice": ["a", "b"]}).at_edge("a")


def test_the_preview_says_what_is_still_to_be_proposed(finished: tuple[Store, Outcome]) -> None:
    fresh = preview(expand(searching()))
    (note,) = [note for note in fresh.notes if "not proposed yet" in note]
    assert note.startswith("5 arms of the search are not proposed yet") and "5 trainings more" in note
    alone = preview(expand(searching().model_copy(update={"search": None, "ablations": (Ablation(axis="block"),)})))
    one = alone.estimate.whole.total.middle / len(alone.arms)
    assert fresh.estimate.whole.total.middle == pytest.approx(6 * one, rel=0.2), "proposals to come are counted"
    once = preview(expand(searching()), prepared=prepare(expand(searching())))
    assert once.segments == 12 and "counted in what is left" in str(once)
    known = preview(expand(searching()), prepared=prepare(expand(searching())), store=finished[0])
    assert not [note for note in known.notes if "not proposed yet" in note] and len(known.arms) == 6


@pytest.mark.slow
def test_the_best_are_compared_again_on_fresh_seeds(finished: tuple[Store, Outcome]) -> None:
    store, _ = finished
    study = searching(search={"finalists": 2, "final_seeds": [50, 51]})
    prepared = prepare(expand(study))
    again = after(prepared, store)
    assert again is not None and again.expansion.study.name == "tiny.final"
    points = best_points(search_points(summarise(prepared, store)), study.primary_metric)
    rates = [arm.config.training.learning_rate for arm in again.expansion.arms[1:]]
    assert rates == [point.values["learning_rate"] for point in points[:2]] and again.expansion.study.seeds == (50, 51)
    final = again.expansion.study
    study_files.write_definition(store, final, again.train_ids, "python", "x", analysis_plan=again.plan_digest)
    assert not run(final, store).failed
    report = build_report(prepared, store, command="again")
    text, data = report.markdown.read_text(), json.loads((report.markdown.parent / "search.json").read_text())
    assert "### The best on fresh seeds" in text and "The best 2 and the baseline again, on 2 seeds" in text
    assert [row["proposal"] for row in data["final"]["finalists"]] == [point.number for point in points[:2]]
    assert all(row["on_fresh_seeds"] is not None for row in data["final"]["finalists"])
    assert run(study, store).timings == (), "how many are compared again makes no search another"


def test_a_search_that_is_not_done_has_no_best(tmp_path: Path) -> None:
    study = searching(search={"finalists": 2})
    assert after(prepare(expand(study)), Store(tmp_path / "store")) is None
    (note,) = [note for note in preview(expand(study)).notes if "not proposed yet" in note]
    assert "with the best 2 on fresh seeds: 14 trainings more" in note, "five arms, and three with three seeds"


@pytest.mark.slow
def test_the_pareto_front_is_drawn_and_told(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    search = {
        "patch_size": {"choice": [2, 4, 8]},
        "trials": 4,
        "algorithm": "qmc",
        "objectives": ["fd_digits_cnn", "gflops"],
    }
    study = searching(search=search, rungs=[], budget_images=64, policy={"name": "none"})
    run(study, store)
    prepared = prepare(expand(study))
    report = build_report(prepared, store, command="again")
    data = json.loads((report.markdown.parent / "search.json").read_text())
    rows = {row["number"]: row["objectives"] for row in data["proposals"]}
    beaten = {
        number for number, own in rows.items()
        if any(other != own and other[0] <= own[0] and other[1] <= own[1] for other in rows.values())
    }  # fmt: skip
    assert set(data["front"]) == set(rows) - beaten != set()
    assert "search-pareto.png" in {path.name for path in report.figures}
    assert "Pareto front" in report.markdown.read_text() and "on the front" in report.markdown.read_text()


def test_running_again_asks_and_trains_nothing(finished: tuple[Store, Outcome]) -> None:
    store, _ = finished
    before = {path: path.read_bytes() for path in _keys(store)}
    assert run(searching(), store).timings == ()
    assert {path: path.read_bytes() for path in _keys(store)} == before


@pytest.mark.slow
@pytest.mark.parametrize("moment", [4, 9, 14])
def test_killed_anywhere_it_proposes_the_same(moment: int, finished: tuple[Store, Outcome], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(Killed):
        run(searching(), store, on_update=killing_at(moment))
    run(searching(), store)
    assert proposals(store) == proposals(finished[0])


def test_more_trials_continue_the_search(finished: tuple[Store, Outcome], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run(searching(search={"trials": 4}), store)
    assert proposals(store) == proposals(finished[0])[:2]
    run(searching(search={"trials": 5}), store)
    assert proposals(store) == proposals(finished[0])


def test_another_study_that_asks_the_same_trains_nothing(finished: tuple[Store, Outcome]) -> None:
    store, _ = finished
    outcome = run(searching(name="again"), store)
    assert outcome.timings == () and len(outcome.statuses) == 6


def test_an_answer_that_was_recorded_counts_before_what_it_rests_on_is_there(finished: tuple[Store, Outcome]) -> None:
    """A trial of an early generation that is to be made again does not take the later ones away."""
    store, _ = finished
    known = standing(prepare(expand(searching(seeds=[0, 1]))), store)
    assert len(known.prepared.expansion.arms) == 6 and known.plan.wanted


def test_what_cannot_run_is_refused_and_counts(tmp_path: Path) -> None:
    heads = {"model.num_heads": {"int": [1, 4]}, "trials": 4, "generation": 4, "algorithm": "grid"}
    store = Store(tmp_path / "store")
    study = tiny_study(ablations=[], seeds=[0], search=heads, rungs=[], budget_images=64)
    outcome = run(study, store)
    (batch,) = batches(store).values()
    assert [refusal.proposal.set for refusal in batch.refused] == [{"model.num_heads": 3}]
    assert summarise(prepare(expand(study)), store).finished and len(outcome.statuses) == 3


def test_a_search_beside_ablations_leaves_them_as_they_are() -> None:
    plain, both = tiny_study(), tiny_study(search={**RATE, "trials": 4})
    assert [arm.name for arm in expand(plain).arms] == [arm.name for arm in expand(both).arms]
    assert prepare(expand(plain)).train_ids == prepare(expand(both)).train_ids
    assert "search" not in dump_study(plain)


# -- how it is written ------------------------------------------------------------------------------


def test_python_and_yaml_are_one_language() -> None:
    study = searching(search={"block": {"choice": ["adaln", "adaln-zero"]}, "model.depth": {"qint": [1, 4, 1]}})
    assert study_from_yaml(dump_study(study)) == study
    assert "loguniform:" in dump_study(study)
    assert Study.model_validate(study.model_dump(mode="json")) == study


def test_how_many_trials_may_be_chosen_on_the_way() -> None:
    data = {"name": "x", "search": {**RATE, "trials": 4}}
    study, _ = chosen(data, {"settings": {"search.trials": 12, "search.algorithm": "qmc"}})
    assert study.search is not None and (study.search.trials, study.search.algorithm) == (12, "qmc")
    with pytest.raises(UserError, match=r"--set search\.trials: the study has no search"):
        chosen({"name": "x", "ablations": ["block"]}, {"settings": {"search.trials": 12}})


HEAD = "name: x\nbudget_images: 25600\nsearch: "


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ("{learning_rate: {loguniform: [1e-4, 1e-2]}}", "trials: required and missing; say how many"),
        ("{trials: 8}", "no axis has a range"),
        ("{learning_rate: {uniform: [0.2, 0.1]}, trials: 8}", "[0.2, 0.1] is the wrong way round"),
        ("{learning_rate: {uniform: [0.1, 0.1]}, trials: 8}", "[0.1, 0.1] is empty"),
        ("{learning_rate: {loguniform: [0, 0.1]}, trials: 8}", "is on a logarithmic scale, which has no zero"),
        ("{learning_rate: {loguniform: [-1, 0.1]}, trials: 8}", "is on a logarithmic scale, which has no zero"),
        ("{learning_rate: {uniform: [-2, -1]}, trials: 8}", "no value of uniform in -2..-1 can run"),
        ("{weight_decay: {uniform: [-1, 1]}, trials: 8}", "search.weight_decay: training.weight_decay"),
        ("{patch_size: {choice: [3, 5]}, trials: 8}", "no value of one of 3, 5 can run"),
        ("{learning_rate: {quniform: [0.1, 0.2, 1]}, trials: 8}", "holds no multiple of 1"),
        ("{learning_rate: {uniform: [0.1]}, trials: 8}", "is not [low, high]"),
        ("{learning_rate: {uniform: [a, b]}, trials: 8}", "is not [low, high]"),
        ("{learning_rate: {logunifrm: [1e-4, 1e-2]}, trials: 8}", "did you mean 'loguniform'?"),
        ("{learning_rate: [1e-4, 1e-2], trials: 8}", "is no domain; write e.g."),
        ("{block: {choice: [adaln]}, trials: 8}", "at least two values"),
        ("{block: {choice: [adaln, adaln]}, trials: 8}", "repeats a value"),
        ("{model.depth: {int: [1.5, 3]}, trials: 8}", "is not a range of whole numbers"),
        ("{learning_rat: {loguniform: [1e-4, 1e-2]}, trials: 8}", "did you mean 'learning_rate'?"),
        ("{lr: {uniform: [1, 2]}, learning_rate: {uniform: [1, 2]}, trials: 8}", "both set training.learning_rate"),
        ("{learning_rate: {loguniform: [1e-4, 1e-2]}, trials: 0}", "trials"),
        ("{learning_rate: {loguniform: [1e-4, 1e-2]}, trails: 8}", "did you mean 'trials'?"),
        ("{learning_rate: {loguniform: [1e-4, 1e-2]}, trials: 8, algorithm: tpee}", "did you mean 'tpe'?"),
        ("{learning_rate: {uniform: [1e-4, 1e-2]}, trials: 8, algorithm: grid}", "a grid needs finitely many values"),
        ("{learning_rate: {loguniform: [1e-4, 1e-2]}, trials: 8, algorithm: cma-es}", "at least two ranges"),
        ("{block: {choice: [adaln, adaln-zero]}, trials: 8, algorithm: cma-es}", "cma-es proposes numbers only"),
        ("{lr: {uniform: [1e-4, 1e-2]}, trials: 8, objectives: [fid, gflops]}", "policy: futility stops arms by"),
        ("{lr: {uniform: [1e-4, 1e-2]}, trials: 8, objectives: [gflopps]}", "did you mean 'gflops'?"),
        ("{lr: {uniform: [1e-4, 1e-2]}, trials: 8, algorithm: nsga2}", "nsga2 is for several"),
        (
            "{lr: {uniform: [1e-4, 1e-2]}, trials: 8, algorithm: 'ray:hyperopt', objectives: [fid, gflops]}",
            "ray:hyperopt has one objective",
        ),
        ("8", "write a mapping of axes to domains"),
        ("{model.depth: {int: [-3, 0]}, trials: 8}", "search.model.depth: no value of whole in -3..0 can run"),
        ("{training.beta2: {quniform: [1, 2, 0.5]}, trials: 8}", "no value of uniform in 1..2 in steps of 0.5 can run"),
        ("{lr: {uniform: [1e-4, 1e-2]}, trials: 2, finalists: 3}", "finalists: 3 given, but there are only 2 trials"),
        ("{lr: {uniform: [1e-4, 1e-2]}, trials: 8, finalists: 1, final_seeds: [0]}", "final_seeds: 0 is among seeds"),
        (
            "{lr: {uniform: [1e-4, 1e-2]}, trials: 8, finalists: 1, final_seeds: 2}",
            "search.final_seeds: 2 given; write [1000, 1001] for 2 seeds, or [2] for seed number 2",
        ),
        ("{lr: {uniform: [1e-4, 1e-2]}, trials: 8, finalists: 1, final_seeds: []}", "search.final_seeds: empty"),
        ("{lr: {uniform: [1e-4, 1e-2]}, trials: 8, around: arm}", "did you mean 'arms'?"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_sentence(search: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        study_from_yaml(HEAD + search, "my.yaml")
    assert sentence in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).startswith("my.yaml: ") and "Traceback" not in str(error.value)


@pytest.mark.parametrize(
    ("algorithm", "package", "install"),
    [
        ("ray:hyperopt", "hyperopt", r"'dit-ablate\[search\]'"),
        ("ray:zoopt", "zoopt", "zoopt"),
        ("ray:bayesopt", "bayes_opt", "bayesian-optimization"),
        ("tpe", "optuna", r"'dit-ablate\[search\]'"),
    ],
)
def test_a_sampler_that_is_not_installed_says_how_to_get_it(
    algorithm: str, package: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    study = searching(search={"algorithm": algorithm})
    with pytest.raises(UserError, match=f"{algorithm} needs {package}, .*pip install {install}$"):
        prepare(expand(study))
    assert len(expand(study).arms) == 1, "who only reads needs no sampler"


@pytest.mark.parametrize("algorithm", ["tpe", "random", "ray:hyperopt"])
def test_an_option_that_the_sampler_does_not_have(algorithm: str) -> None:
    with pytest.raises(UserError, match=r"search\.options"):
        prepare(expand(searching(search={"algorithm": algorithm, "options": {"nonsense": 1}})))
