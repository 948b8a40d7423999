"""What is read of a store does not depend on how often, or by how many parts of a report, it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from counting import CountingStore
from small_studies import METRIC, expansion, tiny_config

from dit_core import identity
from dit_core.config import TrialConfig
from dit_core.events import Evaluated, MetricResult
from search_spaces.types import Trial
from service.analysis import differing
from service.records.kinds import Point, Stretch
from service.records.measurements import Measurements
from service.records.results import collect

ARMS = {f"arm{index}": {"training": {"learning_rate": 1e-3 * (index + 2)}} for index in range(5)}
MILESTONES = (128, 256)


def measure(store: CountingStore, trial: Trial, train_id: str, images: int) -> None:
    event = Evaluated(images, (MetricResult(METRIC, 1.0),), b"", 0.0, 0.0)
    store.add_evaluation(train_id, trial.config, event, "tiny")


def stretch(start: int, images: int) -> Stretch:
    point = Point(images=images, loss=1.0, mse=1.0, vb=0.0, seconds=1.0)
    return Stretch(start=start, images=images, points=(point,), began=0.0, seconds=2.0)


def test_a_trial_of_which_nothing_more_can_come_is_not_read_again(tmp_path: Path) -> None:
    study = expansion(ARMS, seeds=(0,), rungs=(128,), budget=256)
    ids = {trial.name: f"{index:064d}" for index, trial in enumerate(study.trials)}
    store = CountingStore(tmp_path)
    done, half, *_ = study.trials
    for images in MILESTONES:
        measure(store, done, ids[done.name], images)
    measure(store, half, ids[half.name], 128)
    first = collect(study, store, ids)
    store.count()
    again = collect(study, store, ids, known=first)
    assert store.count()["trials"] == len(study.trials) - 1
    assert again == first and again[done.name] is first[done.name]
    measure(store, half, ids[half.name], 256)
    given_up = collect(study, store, ids, {done.name: "an error"}, known=again)
    assert set(given_up[half.name].evaluations) == set(MILESTONES)
    assert given_up[done.name].failed == "an error"


def test_stretches_are_read_once_and_new_ones_are_seen(tmp_path: Path) -> None:
    store, train_id = CountingStore(tmp_path), "a" * 64
    store.add_stretch(train_id, stretch(0, 128))
    store.add_stretch(train_id, stretch(128, 256))
    whole = store.curve(train_id)
    spans = store.spans(train_id)
    assert [(span.start, span.images, span.seconds, span.points) for span in spans] == [
        (one.start, one.images, one.seconds, ()) for one in whole
    ]
    store.count()
    assert store.spans(train_id) == spans
    assert store.count() == {"get": 1}, "whether there is one more, and nothing else"
    store.add_stretch(train_id, stretch(256, 384))
    assert [span.images for span in store.spans(train_id)] == [128, 256, 384]


def test_a_damaged_curve_is_read_anew_and_so_is_what_mends_it(tmp_path: Path) -> None:
    store, train_id = CountingStore(tmp_path), "a" * 64
    store.add_stretch(train_id, stretch(0, 128))
    store.add_stretch(train_id, stretch(128, 256))
    key = f"{Stretch.folder(train_id)}0001.json"
    sound = (tmp_path / key).read_bytes()
    (tmp_path / key).write_text("{}")
    assert [span.images for span in store.spans(train_id)] == [256]
    (tmp_path / key).write_bytes(sound)
    assert [span.images for span in store.spans(train_id)] == [128, 256]


def test_identities_of_all_seeds_and_milestones_are_those_of_each() -> None:
    config = tiny_config()
    seeds = (0, 3, 7)
    assert identity.train_ids(config, seeds, "data") == [
        identity.train_id(config.with_seed(seed), "data") for seed in seeds
    ]
    assert identity.eval_ids("train", MILESTONES, config, METRIC) == {
        images: identity.eval_id("train", images, config, METRIC) for images in MILESTONES
    }


def test_how_an_arm_is_measured_is_worked_out_once_for_all_its_seeds(tmp_path: Path) -> None:
    study = expansion(ARMS, seeds=(0, 1, 2))
    store, asked = CountingStore(tmp_path), 0

    def measuring(config: TrialConfig, metric: str) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return identity.measuring(config, metric)

    store._measurements = Measurements(measuring, None)
    ids = {trial.name: f"{index:064d}" for index, trial in enumerate(study.trials)}
    measure(store, study.trials[0], ids[study.trials[0].name], 256)
    found = collect(study, store, ids)
    assert asked == len(study.arms) and len(study.trials) == 3 * asked
    assert [name for name, result in found.items() if result.evaluations] == [study.trials[0].name]


def test_a_measurement_is_read_once_and_one_that_was_not_there_is_looked_for_again(tmp_path: Path) -> None:
    study = expansion({}, seeds=(0,), rungs=(128,), budget=256)
    (trial,), store = study.trials, CountingStore(tmp_path)
    measure(store, trial, "a", 128)
    store.count()
    first = store.evaluations("a", trial.config, MILESTONES)
    assert store.count()["get"] == 2
    measure(store, trial, "a", 256)
    store.count()
    again = store.evaluations("a", trial.config, MILESTONES)
    assert store.count()["get"] == 1 and again[128] == first[128] and set(again) == set(MILESTONES)


def test_contrasts_are_laid_out_once_for_all_arms_and_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    study, asked = expansion(ARMS), []
    lay_out = differing.contrasts
    monkeypatch.setattr(differing, "contrasts", lambda expansion: asked.append(1) or lay_out(expansion))
    assert set(differing.tags(study)) == {arm.name for arm in study.arms} and len(asked) == 1
    differing.differing(study)
    assert len(asked) == 2
