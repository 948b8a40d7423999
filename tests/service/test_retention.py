"""Checkpoints: the newest is kept, and what a missing measurement of any study starts from."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_study import TINY, study_data

from search_spaces.expand import expand
from search_spaces.study import Study
from service.analysis.disk import checkpoint_bytes, checkpoints_bytes
from service.analysis.preview import preview
from service.engine import Outcome, run_segments
from service.engine.heartbeat import Heartbeat
from service.engine.retention import Need, superfluous
from service.preflight import Prepared, prepare
from service.records.checkpoint_keys import CheckpointKey, checkpoints
from service.records.kinds import DefinitionRecord
from service.records.store import Store
from service.records.study_files import write_definition


def key(images: int, partial: bool = False) -> CheckpointKey:
    return CheckpointKey(images, f"{images}{partial}", partial)


@pytest.mark.parametrize(
    ("needs", "kept"),
    [
        ([Need(frozenset(), 300)], [300]),
        ([Need(frozenset({400}), 400)], [300]),
        ([Need(frozenset(), 200)], [200, 300]),
        ([Need(frozenset(), 300), Need(frozenset({150}), 300)], [100, 300]),
        ([Need(frozenset({200, 250, 400}), 400)], [200, 300]),
        ([Need(frozenset({50}), 400)], [300]),
        ([Need(frozenset(), 300, everything=True)], [100, 200, 300]),
    ],
)
def test_what_is_kept(needs: list[Need], kept: list[int]) -> None:
    found = [key(100), key(200), key(300)]
    assert [item.images for item in found if item not in superfluous(found, needs)] == kept


def test_one_checkpoint_is_never_superfluous() -> None:
    assert superfluous([key(100)], []) == [] and superfluous([], []) == []


def study(name: str, rungs: tuple[int, ...] = (64, 128), **overrides: object) -> Prepared:
    """A study whose definition can be read back: the baseline and an arm, one seed, 192 images."""
    small = {"model.depth": 1, "model.hidden_size": 16, "model.num_heads": 2}
    baseline = {name: value for name, value in TINY.items() if name != "size"}
    data = study_data(
        name=name,
        baseline={"profile": "digits", "overrides": {**baseline, **small, **overrides}},
        ablations=[{"name": "Patch", "axis": "patch_size", "values": [8]}],
        seeds=[0],
        rungs=list(rungs),
        budget_images=192,
        policy={"name": "none"},
    )
    return prepare(expand(Study.model_validate(data)))


def kept(store: Store, prepared: Prepared) -> list[int]:
    return [item.images for item in checkpoints(store.records, prepared.train_ids["baseline seed=0"])]


def defined(store: Store, prepared: Prepared) -> None:
    write_definition(store, prepared.expansion.study, prepared.train_ids, "python", "", analysis_plan="")


def run(store: Store, prepared: Prepared) -> Outcome:
    return run_segments(prepared, store, executor="local")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_study_leaves_its_last_checkpoint(store: Store) -> None:
    prepared = study("one")
    run(store, prepared)
    assert kept(store, prepared) == [192]
    (item,) = checkpoints(store.records, prepared.train_ids["baseline seed=0"])
    size = (store.path / item.key).stat().st_size
    assert size == pytest.approx(checkpoint_bytes(prepared.expansion.trials[0].config), rel=0.3)
    assert checkpoints_bytes(prepared.expansion) == sum(checkpoint_bytes(t.config) for t in prepared.expansion.trials)


def test_all_are_kept_where_a_study_says_so(store: Store) -> None:
    prepared = study("one")
    wishes = prepared.expansion.study.model_copy(update={"keep_checkpoints": "all"})
    defined(store, study("other", rungs=(32,)))
    write_definition(store, wishes.model_copy(update={"name": "keeper"}), prepared.train_ids, "", "", analysis_plan="")
    run(store, prepared)
    assert kept(store, prepared) == [64, 128, 192]


@pytest.mark.slow
def test_what_another_study_lacks_stays(store: Store) -> None:
    """Another sampler at the second rung, and a rung between the first two: neither trains from the beginning."""
    one = study("one", rungs=(64, 128))
    sampler = study("sampler", rungs=(128,), **{"evaluation.sampling_steps": 4})
    between = study("between", rungs=(96,))
    for prepared in (sampler, between):
        defined(store, prepared)
    run(store, one)
    assert kept(store, one) == [64, 128, 192]
    seen = preview(sampler.expansion, prepared=sampler, store=store)
    assert seen.segments == 4 and seen.remaining_gmacs == 0, "it only evaluates"
    curves = set(store.path.rglob("curve/*.json"))
    run(store, sampler)
    assert set(store.path.rglob("curve/*.json")) == curves
    assert kept(store, one) == [64, 192], "the second rung has served"
    run(store, between)
    assert kept(store, one) == [192]
    late = study("late", rungs=(128,), **{"evaluation.sampling_steps": 5})
    seen = preview(late.expansion, prepared=late, store=store)
    assert seen.remaining_gmacs is not None and seen.remaining_gmacs > 0, "the preview says that it trains anew"
    assert not run(store, late).failed


def test_nothing_is_removed_while_a_study_cannot_be_read(store: Store) -> None:
    store.records.backend.put(DefinitionRecord.folder("broken") + "0001.json", b"torn")
    outcome = run(store, study("one"))
    assert kept(store, study("one")) == [64, 128, 192]
    assert [text for text in outcome.messages if "no checkpoint is removed" in text and "'broken'" in text]


def test_a_superseded_run_removes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "superseded", lambda self, study, run: True)
    monkeypatch.setattr(Heartbeat, "check", lambda self: None)  # which would have ended the run
    run(store, study("one"))
    assert kept(store, study("one")) == [64, 128, 192]
