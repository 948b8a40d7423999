"""Depth against width: what the shapes cost, and that nothing else changes."""

from __future__ import annotations

import pytest
from studies import ablation_study

from dit_core.errors import UserError
from dit_core.gflops import count
from search_spaces.axes import AXES, find_axis
from search_spaces.axes.shape import AS_IS, DEEPER, WIDER
from search_spaces.expand import expand
from search_spaces.fields import flat
from search_spaces.profiles import DIGITS, PAPER, Profile

SHAPE = AXES.get("shape")


@pytest.mark.parametrize("profile", [DIGITS, PAPER], ids=lambda profile: profile.name)
@pytest.mark.parametrize("value", [DEEPER, WIDER])
def test_a_shape_costs_what_the_baseline_costs_and_changes_nothing_else(profile: Profile, value: str) -> None:
    before, changed = profile.config, SHAPE.apply(profile.config, value, profile)
    differing = {name for name, setting in flat(changed).items() if setting != flat(before)[name]}
    assert differing <= {"model.hidden_size", "model.depth", "model.num_heads"}
    assert {"model.hidden_size", "model.depth"} <= differing
    ours, theirs = count(changed.model), count(before.model)
    assert ours.gmacs == pytest.approx(theirs.gmacs, rel=0.03)
    assert ours.params == pytest.approx(theirs.params, rel=0.05)
    deeper = changed.model.depth > before.model.depth and changed.model.hidden_size < before.model.hidden_size
    shallower = changed.model.depth < before.model.depth and changed.model.hidden_size > before.model.hidden_size
    assert (deeper, shallower) == (value == DEEPER, value == WIDER)
    assert not 0.76 < changed.model.depth / before.model.depth < 1.31
    head, own = (model.hidden_size / model.num_heads for model in (changed.model, before.model))
    assert head == pytest.approx(own, rel=0.25)


def test_shapes_follow_the_baseline_of_the_study() -> None:
    overridden = expand(ablation_study("s", ["shape"], profile="paper", overrides={"size": "B", "data.path": "x"}))
    assert [arm.name for arm in overridden.arms] == ["baseline", f"shape={DEEPER}", f"shape={WIDER}"]
    assert [label for label, _ in overridden.ablations[0].arms] == [DEEPER, AS_IS, WIDER]
    costs = [count(arm.config.model).gmacs for arm in overridden.arms]
    assert costs == pytest.approx([costs[0]] * 3, rel=0.03)


def test_a_size_is_still_called_by_its_name() -> None:
    assert [arm.name for arm in expand(ablation_study("s", ["size"])).arms][1:] == ["size=S", "size=B", "size=L"]


def test_a_baseline_off_the_ladder_names_its_shapes_by_depth_and_width() -> None:
    study = ablation_study("s", ["shape"], overrides={"model.depth": 12, "model.hidden_size": 96})
    (view,) = expand(study).ablations
    assert view.arms[0] == ("baseline", "baseline") and [label for label, _ in view.arms[1:]] == [DEEPER, AS_IS, WIDER]
    assert all("depth=" in arm for label, arm in view.arms if label in (DEEPER, WIDER))
    assert dict(view.arms)[AS_IS] == "baseline"


@pytest.mark.parametrize(
    ("text", "value"), [("deep and narrow", DEEPER), ("shallower and wider", WIDER), ("wider", WIDER), ("as is", AS_IS)]
)
def test_people_s_words(text: str, value: str) -> None:
    assert SHAPE.parse(text, DIGITS) == value
    assert find_axis("depth vs. width") is SHAPE


def test_a_baseline_too_small_to_reshape_is_a_sentence() -> None:
    with pytest.raises(UserError, match="3 blocks of width 24 with 2 heads have no deeper-narrower shape within 3%"):
        expand(ablation_study("s", ["shape"], overrides={"size": "S"}))


def test_remove_and_add_are_refused() -> None:
    for act in (SHAPE.remove, SHAPE.add):
        with pytest.raises(UserError, match="a network always has a shape"):
            act(DIGITS.config, DIGITS)
