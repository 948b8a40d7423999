"""Steps that add up: what each sets, what it is called, and that it shares arms with everything else."""

from __future__ import annotations

from typing import Any

import pytest
from studies import ablation_study

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.load import dump_study, study_from_yaml
from search_spaces.study import Study
from search_spaces.types import Expansion

STEPS = [
    {"name": "smaller", "set": {"size": "S"}},
    {"name": "larger batch", "set": {"batch size": 128, "training.learning_rate": 8e-3}},
    {"name": "no warm-up of the average", "set": {"training.ema_warmup": False}},
]


def ladder(steps: list[dict[str, Any]], **more: Any) -> Expansion:
    return expand(ablation_study("s", more.pop("ablations", ()), ladder=steps, **more))


def test_every_step_keeps_what_the_steps_before_have_set() -> None:
    found = ladder(STEPS)
    names = ["baseline", "ladder 1: smaller", "ladder 2: larger batch", "ladder 3: no warm-up of the average"]
    assert [arm.name for arm in found.arms] == names
    seen = [
        (arm.config.model.depth, arm.config.training.batch_size, arm.config.training.learning_rate,
         arm.config.training.ema_warmup)
        for arm in found.arms
    ]  # fmt: skip
    assert seen == [(7, 64, 4e-3, True), (3, 64, 4e-3, True), (3, 128, 8e-3, True), (3, 128, 8e-3, False)]
    assert found.arms[3].delta == {
        "size": "S",
        "learning_rate": 8e-3,
        "batch_size": 128,
        "training.ema_warmup": False,
    }
    assert [arm.is_baseline for arm in found.arms] == [True, False, False, False]


def test_the_view_lists_the_steps_in_order_after_the_baseline() -> None:
    (view,) = ladder(STEPS).ablations
    assert (view.name, view.action) == ("Ladder", "LADDER")
    assert [label for label, _ in view.arms] == ["baseline", "smaller", "larger batch", "no warm-up of the average"]
    assert view.adds == tuple(arm for _, arm in view.arms[1:])
    (note,) = view.notes
    assert note.split("; ")[1] == "larger batch: batch size=128, training.learning_rate=0.008"


def test_a_step_shares_the_arm_of_an_ablation() -> None:
    found = ladder(STEPS, ablations=[{"axis": "size", "values": ["S"]}])
    assert [arm.name for arm in found.arms][:3] == ["baseline", "size=S", "ladder 2: larger batch"]
    assert found.arm("size=S").ablations == ("Model size", "Ladder")
    assert found.ablations[1].arms[1] == ("smaller", "size=S")
    assert "size=S" not in found.ablations[1].adds


def test_a_step_that_takes_everything_back_is_the_baseline() -> None:
    found = ladder([{"name": "a", "set": {"decoder": "mlp"}}, {"name": "b", "set": {"decoder": "linear"}}])
    assert [arm for _, arm in found.ablations[0].arms] == ["baseline", "ladder 1: a", "baseline"]


def test_an_average_that_a_step_evaluates_is_kept_by_every_arm() -> None:
    found = ladder([{"name": "shorter average", "set": {"ema_decay": 0.99}}, *STEPS[:1]])
    assert {arm.config.training.ema_decays for arm in found.arms} == {(0.9999, 0.99)}
    assert [arm.config.evaluated_decay for arm in found.arms] == [0.9999, 0.99, 0.99]
    assert found.weights_of == {"ladder 1: shorter average": "baseline"}


def test_the_batch_of_a_step_must_fit_the_budget() -> None:
    with pytest.raises(UserError, match=r"batch size of arm 'ladder 1: a', 96; nearest that fits"):
        ladder([{"name": "a", "set": {"batch_size": 96}}], budget_images=640)


def test_an_ablation_called_like_the_ladder_is_refused() -> None:
    with pytest.raises(UserError, match="2 of them are called 'Ladder'"):
        ladder(STEPS, ablations=[{"name": "Ladder", "axis": "size"}])


def test_a_ladder_is_written_down_and_read_again() -> None:
    study = ablation_study("s", [], ladder=STEPS)
    text = dump_study(study)
    assert study_from_yaml(text) == study and isinstance(study, Study)
    assert "ladder" not in dump_study(ablation_study("s", ["size"])) and "controls" not in dump_study(study)
