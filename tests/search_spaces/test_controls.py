"""Controls at equal Gflops: which arms get one, what it is, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest
from studies import ablation_study

from dit_core.gflops import count
from search_spaces.controls import NEAR, control_for
from search_spaces.expand import expand
from search_spaces.fields import flat, with_fields
from search_spaces.profiles import DIGITS, PAPER
from search_spaces.shapes import Shape, estimate, exact
from search_spaces.types import Expansion


def controlled(axis: str, *values: Any, **more: Any) -> Expansion:
    return expand(ablation_study("s", [{"axis": axis, "values": values, "controls": "iso-gflops"}], **more))


def test_an_arm_that_costs_more_gets_a_baseline_that_costs_the_same() -> None:
    found = controlled("block", "cross-attention", "adaln")
    (view,) = found.ablations
    # adaln costs what the baseline costs: no control
    assert [label for label, _ in view.arms] == [
        "adaln-zero",
        "cross-attention",
        "adaln",
        "control for cross-attention",
    ]
    control = found.arm(dict(view.arms)["control for cross-attention"])
    assert control.name in view.adds
    arm, baseline = found.arm("block=cross-attention"), found.baseline
    assert count(control.config.model).gmacs == pytest.approx(count(arm.config.model).gmacs, rel=NEAR)
    assert count(baseline.config.model).gmacs < 0.9 * count(arm.config.model).gmacs
    changed = {name for name, value in flat(control.config).items() if value != flat(baseline.config)[name]}
    assert changed and changed <= {"model.hidden_size", "model.depth"}
    ratio = count(control.config.model).gmacs / count(arm.config.model).gmacs
    (note,) = view.notes
    assert note.startswith("control for cross-attention: the baseline with ")
    assert note.endswith(f"{ratio:.3f} times the Gflops of cross-attention")


def test_cheaper_arms_get_smaller_controls() -> None:
    found = controlled("mlp_ratio", 2)
    control = found.arm(dict(found.ablations[0].arms)["control for 2"])
    model, own = control.config.model, found.baseline.config.model
    assert model.depth <= own.depth and model.hidden_size <= own.hidden_size and model.mlp_ratio == own.mlp_ratio
    assert count(model).gmacs == pytest.approx(count(found.arm("mlp_ratio=2").config.model).gmacs, rel=NEAR)


@pytest.mark.parametrize(("axis", "value"), [("size", "S"), ("depth", 4), ("hidden_size", 48)])
def test_what_changes_the_shape_itself_gets_none(axis: str, value: Any) -> None:
    (view,) = controlled(axis, value).ablations
    assert len(view.arms) == 2 and view.notes == (f"no control for {value}: width and depth are what it changes",)


def test_an_axis_that_costs_nothing_gets_none() -> None:
    (view,) = controlled("learning_rate", 1e-3).ablations
    assert [label for label, _ in view.arms] == ["0.004", "0.001"] and view.notes == ()


def test_what_cannot_be_reached_is_said() -> None:
    # a single block cannot have fewer, and at a quarter of the width its 64 tokens still cost more than one token
    small = {"patch_size": 1, "model.hidden_size": 96, "model.depth": 1}
    (view,) = controlled("patch_size", 8, overrides=small).ablations
    assert len(view.arms) == 2
    assert view.notes == ("no control for 8: no width and depth of the baseline come within 10 % of its Gflops",)


def test_without_the_word_nothing_is_added() -> None:
    (view,) = expand(ablation_study("s", [{"axis": "block", "values": ["cross-attention"]}])).ablations
    assert len(view.arms) == 2


def test_the_papers_patch_sizes_have_controls() -> None:
    arm = with_fields(PAPER.config, {"model.patch_size": 8})
    found = control_for(arm, PAPER.config)
    assert found is not None
    shape, ratio = found
    assert ratio == pytest.approx(1, abs=NEAR) and shape.num_heads == 16 and shape.depth < 28


def test_estimates_are_what_is_counted() -> None:
    fit = estimate(DIGITS.config, (36, 72, 144))
    for shape in (Shape(72, 7, 4), Shape(48, 11, 4), Shape(120, 3, 4)):
        cost = exact(DIGITS.config, shape)
        gmacs, params = fit.of(shape)
        assert gmacs == pytest.approx(cost.gmacs, rel=1e-6) and params == pytest.approx(cost.params, rel=1e-6)
