"""Arms that differ in how they are evaluated share one training, which runs once and is paid for once."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from observed import everything
from small_studies import METRIC, expansion

from dit_core.events import Evaluated, MetricResult
from dit_core.gflops import count, training_gmacs
from search_spaces.expand import expand
from search_spaces.study import Study
from service.analysis.arm_costs import arm_costs, total
from service.analysis.preview import preview
from service.analysis.study_result import study_result
from service.analysis.summary import summarise
from service.engine import Outcome, run_segments
from service.engine.ledger import Ledger
from service.engine.local import run_local
from service.engine.watch import Watch
from service.engine.wire import DONE, FAILED, SegmentResult
from service.mlflow_sync import MlflowSync, default_tracking_uri
from service.mlflow_sync.connection import connect
from service.mlflow_sync.content import tags
from service.preflight import Prepared, prepare
from service.records.store import Store
from service.report.method import saved
from service.report.tables import cost_table

SEEDS, RUNG, BUDGET = (0, 1), 128, 256
GUIDED = {"evaluation": {"guidance_scale": 2.0}}
COARSE = {"evaluation": {"sampling_steps": 2}}
WIDE = {"model": {"hidden_size": 32}}
ARMS = {"guided": GUIDED, "wide": WIDE, "coarse": COARSE, "wide guided": WIDE | GUIDED}
SHARED = {"guided": "baseline", "coarse": "baseline", "wide guided": "wide"}


def study(arms: dict[str, Any] | None = None, **changes: Any) -> Prepared:
    fields = {
        "keep_checkpoints": "all",
        "seeds": SEEDS,
        "rungs": (RUNG,),
        "budget": BUDGET,
        "policy": "none",
        **changes,
    }
    return prepare(expansion(ARMS if arms is None else arms, **fields))


def trainings(outcome: Outcome) -> Counter[str]:
    """How often each (weights, rung) was trained in a run, by the segments' timings."""
    return Counter(timing.segment.split("-")[0] for timing in outcome.timings if timing.train > 0)


def stretches(store: Store, identity: str) -> list[tuple[int, int]]:
    """What was trained, by the records of the curve."""
    return [(record.start, record.images) for record in store.curve(identity)]


def trained_once(store: Store, prepared: Prepared, images: int = BUDGET) -> None:
    """Fails unless every training covers 0 to ``images`` without a gap or an overlap."""
    for identity in set(prepared.train_ids.values()):
        ends = stretches(store, identity)
        assert [start for start, _ in ends] == [0, *(end for _, end in ends[:-1])] and ends[-1][1] == images


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return study()


@pytest.fixture(scope="module")
def finished(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Outcome]:
    store = Store(tmp_path_factory.mktemp("shared") / "store")
    return store, run_segments(prepared, store, executor="local")


def test_every_training_runs_once_and_every_arm_is_evaluated(
    prepared: Prepared, finished: tuple[Store, Outcome]
) -> None:
    store, outcome = finished
    assert prepared.expansion.weights_of == SHARED
    assert {str(status.state) for status in outcome.statuses} == {"completed"}
    trained_once(store, prepared)
    counted = trainings(outcome)
    assert len(counted) == 2 * len(SEEDS) * 2 and set(counted.values()) == {1}, "two networks, two seeds, two rungs"
    assert len({timing.segment for timing in outcome.timings}) == len(outcome.timings) == 5 * len(SEEDS) * 2
    values = {status.trial.name: status.metric.value for status in outcome.statuses if status.metric is not None}
    assert len(values) == 10 and len(set(values.values())) == 10, "each is measured in its own way"


def test_segments_of_shared_weights_are_told_apart(prepared: Prepared, tmp_path: Path) -> None:
    ledger = Ledger(prepared, Store(tmp_path / "store"))
    segments = [ledger.segment(trial, RUNG) for trial in prepared.expansion.trials if trial.seed == 0]
    assert len({segment.id for segment in segments}) == 5
    assert len({segment.train_id for segment in segments}) == 2
    assert ledger.segment(prepared.expansion.trials[0], RUNG).id == segments[0].id


def test_shared_weights_wait_while_others_are_trained(prepared: Prepared, tmp_path: Path) -> None:
    ledger = Ledger(prepared, Store(tmp_path / "store"))
    handed = []
    while (segment := ledger.next()) is not None:
        handed.append(segment)
    assert Counter(segment.train_id for segment in handed) == Counter(set(prepared.train_ids.values()))


class Shuffled(Ledger):
    """Hands out what can run in a random order."""

    generator: random.Random

    def priority(self, trial, images):
        return (self.generator.random(),)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_order_changes_nothing(seed: int, prepared: Prepared, finished: tuple[Store, Outcome], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    Shuffled.generator = random.Random(seed)
    ledger = Shuffled(prepared, store)
    with Watch(ledger, store, None) as watch:
        run_local(ledger, store, watch)
    again = run_segments(prepared, store, executor="local")
    assert again.timings == ()
    assert everything(store, prepared, again) == everything(*(finished[0], prepared), finished[1])
    trained_once(store, prepared)


@pytest.mark.parametrize("first", ["wide", "wide guided"])
def test_a_stopped_arm_does_not_starve_one_that_shares_its_weights(first: str, tmp_path: Path) -> None:
    arms = {name: ARMS[name] for name in sorted(("wide", "wide guided"), key=lambda name: name != first)}
    prepared = study(arms, policy="rungs", seeds=(0,))
    store = Store(tmp_path / "store")
    outcome = run_segments(prepared, store, executor="local")
    states = {status.trial.arm.name: str(status.state) for status in outcome.statuses}
    # of two arms one is stopped; in one of the two orders it is the one that the training is booked on
    assert (
        sorted(states.values()) == ["completed", "completed", f"stopped@{RUNG}"] and states["baseline"] == "completed"
    )
    trained_once(store, prepared)
    summary = summarise(prepared, store)
    assert summary.finished and saved(summary) is None, "the training went on, so nothing was saved"


def test_a_failing_evaluation_gives_up_its_own_arm_alone(prepared: Prepared, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    ledger = Ledger(prepared, store, max_attempts=2)
    while (segment := ledger.next()) is not None:
        if segment.trial == "guided seed=1":
            ledger.settle(segment, SegmentResult(FAILED, error="ValueError: no such images"))
        else:
            measured = Evaluated(segment.until, (MetricResult(METRIC, 1.0),), b"", 0.0, 0.0)
            store.add_evaluation(segment.train_id, segment.trial_config(), measured, segment.study)
            ledger.settle(segment, SegmentResult(DONE))
    assert set(ledger.failed) == {"guided seed=1"} and ledger.finished
    records = store.failures("tiny")
    assert [(record.until, record.attempt, record.given_up) for record in records] == [
        (RUNG, 1, False),
        (RUNG, 2, True),
    ]
    assert Counter(str(status.state) for status in ledger.statuses()) == {"completed": 9, "failed": 1}


def test_a_later_study_only_evaluates(prepared: Prepared, finished: tuple[Store, Outcome]) -> None:
    store, _ = finished
    later = study({"more guided": {"evaluation": {"guidance_scale": 3.0}}}, name="later")
    before = {path for path in store.path.glob("trials/*/curve/*")}
    outcome = run_segments(later, store, executor="local")
    assert {path for path in store.path.glob("trials/*/curve/*")} == before
    assert len(outcome.timings) == len(SEEDS) * 2 and not trainings(outcome)
    summary = summarise(later, store)
    assert {s.trial.arm.name: str(s.state) for s in summary.statuses} == {
        "baseline": "reused",
        "more guided": "completed",
    }


def test_the_cost_of_a_training_is_counted_once(prepared: Prepared, finished: tuple[Store, Outcome]) -> None:
    store, _ = finished
    summary = summarise(prepared, store)
    seconds = sum(record.seconds for key in set(prepared.train_ids.values()) for record in store.curve(key))
    costs = {cost.arm: cost for cost in arm_costs(summary, store)}
    everything_ = total(list(costs.values()))
    assert everything_.train_seconds == pytest.approx(seconds)
    assert everything_.images == 2 * len(SEEDS) * BUDGET
    networks = [count(prepared.expansion.arm(name).config.model) for name in ("baseline", "wide")]
    expected = pytest.approx(sum(training_gmacs(cost, len(SEEDS) * BUDGET) for cost in networks))
    assert everything_.gmacs == expected
    for name in SHARED:
        assert costs[name].images == costs[name].train_seconds == costs[name].gmacs == 0
        assert costs[name].sample_seconds > 0
    notes = {row.cells[0]: row.cells[-1] for row in cost_table(list(costs.values()), set(costs)).rows}
    assert notes["guided"] == "evaluates the weights of baseline"
    assert notes["baseline"] == "trained for guided and coarse as well"
    trials = study_result(summary, store).trials
    assert trials["seconds"].sum() == pytest.approx(seconds)
    assert dict(zip(trials["arm"], trials["weights_of"], strict=True)) == {"baseline": "", "wide": "", **SHARED}


def test_the_preview_counts_trainings_and_evaluations_apart(
    prepared: Prepared, finished: tuple[Store, Outcome], tmp_path: Path
) -> None:
    seen = preview(prepared.expansion, prepared=prepared, store=None)
    assert (seen.trials, seen.trainings, seen.evaluations, seen.segments) == (10, 4, 20, 20)
    networks = [count(prepared.expansion.arm(name).config.model) for name in ("baseline", "wide")]
    expected = pytest.approx(sum(training_gmacs(cost, len(SEEDS) * BUDGET) for cost in networks))
    assert seen.training_gmacs == expected and seen.remaining_gmacs == expected
    text = str(seen)
    assert "5 arms x 2 seeds = 10 trials: 4 trainings, 20 evaluations" in text
    assert "Evaluates only: no training for guided, coarse; the weights are those of baseline." in text
    assert text.count("evaluates only") == 3
    done = preview(prepared.expansion, prepared=prepared, store=finished[0])
    assert done.segments == 0 and done.remaining_gmacs == 0


@pytest.mark.slow
def test_mlflow_has_the_curve_once(finished: tuple[Store, Outcome]) -> None:
    store, _ = finished
    prepared = study({"guided": GUIDED}, seeds=(1,), name="tracked")
    sync = MlflowSync(None, prepared, store)
    sync.check()
    assert sync.finish() is None
    client = connect(default_tracking_uri(store))
    found = {run.info.run_name: run for run in client.search_runs([sync.experiment_id])}
    trainer, guided = found["baseline seed=1"], found["guided seed=1"]
    assert guided.data.tags["weights_of"] == "baseline seed=1" and "weights_of" not in trainer.data.tags
    assert guided.data.tags["train_id"] == trainer.data.tags["train_id"]
    assert {"train_loss", "train_seconds", "training_gflops"} <= set(trainer.data.metrics)
    assert not {"train_loss", "train_seconds", "training_gflops"} & set(guided.data.metrics)
    assert guided.data.metrics[METRIC] != trainer.data.metrics[METRIC]
    assert "Evaluates the weights of `baseline seed=1`" in guided.data.tags["mlflow.note.content"]


def test_trials_that_are_trained_have_no_such_tag(prepared: Prepared, finished: tuple[Store, Outcome]) -> None:
    summary = summarise(prepared, finished[0])
    tagged = {
        status.trial.arm.name: tags(status.trial, prepared.expansion, status.train_id, status).get("weights_of")
        for status in summary.statuses
        if status.trial.seed == 0
    }
    assert tagged == {"baseline": None, "wide": None, **{arm: f"{own} seed=0" for arm, own in SHARED.items()}}


def test_averages_that_arms_evaluate_are_kept_by_all(tmp_path: Path) -> None:
    """Through a study file: arms that evaluate different averages share one training; a fresh one keeps them too."""
    overrides = {
        "model.hidden_size": 16, "model.depth": 1, "model.num_heads": 2,
        "training.batch_size": 32, "training.ema_warmup": False,
        "evaluation.num_samples": 64, "evaluation.sampling_steps": 3, "evaluation.grid_images": 10,
    }  # fmt: skip
    asked = Study.model_validate(
        {
            "name": "averages",
            "baseline": {"profile": "digits", "overrides": overrides},
            "ablations": [{"axis": "ema_decay", "values": [0, 0.9, 0.99]}, {"axis": "depth", "values": [2]}],
            "seeds": [0],
            "budget_images": 64,
            "rungs": [],
            "policy": "none",
        }
    )
    spelled = expand(asked)
    assert {arm.config.training.ema_decays for arm in spelled.arms} == {(0.9999, 0.9, 0.99)}
    assert [arm.name for arm in spelled.arms] == [
        "baseline",
        "ema_decay=0",
        "ema_decay=0.9",
        "ema_decay=0.99",
        "depth=2",
    ]
    assert spelled.weights_of == dict.fromkeys(("ema_decay=0", "ema_decay=0.9", "ema_decay=0.99"), "baseline")
    prepared, store = prepare(spelled), Store(tmp_path / "store")
    outcome = run_segments(prepared, store, executor="local")
    assert set(trainings(outcome).values()) == {1} and len(trainings(outcome)) == 2
    values = [status.metric.value for status in outcome.statuses if status.metric is not None]
    assert len(set(values)) == 5
