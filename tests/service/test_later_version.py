"""A store of format 2 from the middle of a study is continued by a later version, which has one field more."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from observed import everything
from small_studies import expansion

import service.engine.segment
from dit_core.base import Added
from dit_core.config import TrialConfig
from dit_core.identity import digest
from dit_core.training.config import TrainingConfig
from search_spaces.types import Arm
from service.engine import run_segments
from service.preflight import Prepared, prepare
from service.records import study_files
from service.records.store import Store

ARMS = {"wide": {"model": {"hidden_size": 32}}}
RUNG, BUDGET = 128, 256


class LaterTraining(TrainingConfig):
    """What a later version may look like: ``dampening`` 0 means what was before there was such a field."""

    dampening: Annotated[float, Added(as_before=0.0)] = 0.0


class LaterConfig(TrialConfig):
    """As ``TrialConfig``, with the field."""

    training: LaterTraining = LaterTraining()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes this process the later version."""
    monkeypatch.setattr(service.engine.segment, "TrialConfig", LaterConfig)


def with_later_configs(prepared: Prepared, **training: float) -> Prepared:
    def config(arm: Arm) -> LaterConfig:
        data = arm.config.model_dump()
        return LaterConfig.model_validate({**data, "training": {**data["training"], **training}})

    arms = tuple(replace(arm, config=config(arm)) for arm in prepared.expansion.arms)
    return prepare(replace(prepared.expansion, arms=arms))


def half(folder: Path) -> tuple[Store, Prepared]:
    """A study that has got to its rung."""
    store, prepared = Store(folder), prepare(expansion(ARMS, seeds=(0,), rungs=(), budget=RUNG, policy="none"))
    study, plan = prepared.expansion.study, prepared.plan_digest
    study_files.write_definition(store, study, prepared.train_ids, "python", "dit-ablate run x", analysis_plan=plan)
    run_segments(prepared, store, executor="local")
    return store, prepare(expansion(ARMS, seeds=(0,), rungs=(RUNG,), budget=BUDGET, policy="none"))


def undisturbed(folder: Path) -> dict[str, Any]:
    store, prepared = half(folder)
    outcome = run_segments(prepared, store, executor="local")
    return everything(store, prepared, outcome)


def continues(store: Store, prepared: Prepared, expected: dict[str, Any]) -> None:
    """Fails unless the second half alone is trained, and ends as it does without any change of version."""
    held = {path: path.read_bytes() for path in store.path.rglob("*.json") if "trials" in path.parts}
    outcome = run_segments(prepared, store, executor="local")
    assert len(outcome.timings) == 2, "one segment an arm: from the rung to the budget"
    for identity_ in prepared.train_ids.values():
        assert [(piece.start, piece.images) for piece in store.curve(identity_)] == [(0, RUNG), (RUNG, BUDGET)]
    assert everything(store, prepared, outcome) == expected
    assert all(path.read_bytes() == data for path, data in held.items()), "a record never changes"
    assert store.damaged == ()


def test_a_config_with_one_field_more_continues(tmp_path: Path, later: None) -> None:
    expected = undisturbed(tmp_path / "undisturbed")
    store, prepared = half(tmp_path / "store")
    recorded = study_files.read_definition(store, "tiny").train_ids
    new = with_later_configs(prepared)
    assert all("dampening" in trial.config.model_dump()["training"] for trial in new.expansion.trials)
    assert new.train_ids == dict(recorded)
    assert new.plan_digest == prepared.plan_digest, "decisions stand"
    continues(store, new, expected)


def test_another_value_of_that_field_is_another_trial(tmp_path: Path, later: None) -> None:
    _, prepared = half(tmp_path / "store")
    other = with_later_configs(prepared, dampening=0.5)
    assert not set(other.train_ids.values()) & set(prepared.train_ids.values())


def rewrite(store: Store, change: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Seals every record anew with a changed content, as another version of format 2 would have written it."""
    paths = [path for path in store.path.rglob("*.json") if path.name not in ("store.json", "live.json")]
    for path in paths:
        envelope = json.loads(path.read_bytes())
        del envelope["sha256"]
        envelope["content"] = change(envelope["content"])
        path.write_text(json.dumps({**envelope, "sha256": digest(envelope)}))
    return len(paths)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda content: {**content, "later": {"anything": [1, 2]}},
        lambda content: {key: value for key, value in content.items() if key not in ("hardware", "grid_sha256")},
        lambda content: {
            **content,
            **({"hardware": {**content["hardware"], "later": 1}} if isinstance(content.get("hardware"), dict) else {}),
        },
    ],
    ids=["a field that this version does not know", "without fields that were added", "within a part"],
)
def test_records_of_another_version_of_format_2_are_read(
    change: Callable[[dict[str, Any]], dict[str, Any]], tmp_path: Path
) -> None:
    expected = undisturbed(tmp_path / "undisturbed")
    store, prepared = half(tmp_path / "store")
    assert rewrite(store, change) >= 8
    continues(Store(store.path), prepared, expected)
