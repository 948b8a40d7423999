"""What differs between two arms beyond what was asked: nothing is left out, and nothing that was asked is said."""

from __future__ import annotations

import pytest
from studies import ablation_study

from search_spaces.axes import all_axes, find_axis
from search_spaces.differences import differences
from search_spaces.expand import expand
from search_spaces.fields import flat
from search_spaces.load import load_study, presets
from search_spaces.profiles import PROFILES
from search_spaces.types import Expansion

PROFILE = PROFILES.get("digits")
IMAGES = 25_600


def said(study: Expansion, arm: str, asked: tuple[str, ...]) -> list[str]:
    images = study.study.budget_images
    return [str(found) for found in differences(study.baseline.config, study.arm(arm).config, asked, PROFILE, images)]


@pytest.mark.parametrize("name", sorted(presets()))
def test_every_field_that_differs_is_asked_for_or_said(name: str) -> None:
    study = expand(load_study(name))
    profile, baseline = PROFILES.get(study.study.baseline.profile), study.baseline.config
    for arm in study.arms:
        found = differences(baseline, arm.config, (), profile, study.study.budget_images)
        own, others = flat(baseline), flat(arm.config)
        differing = {field for field in own if own[field] != others[field]} - {"training.ema_decays"}
        assert differing <= {field for difference in found for field in difference.fields}
        assert bool(found) != arm.is_baseline
        assert all(difference.before != difference.after for difference in found)


@pytest.mark.parametrize("axis", [axis.name for axis in all_axes()])
def test_an_axis_that_only_sets_its_own_fields_leaves_nothing_to_say(axis: str) -> None:
    found = find_axis(axis)
    if found.adapts or axis == "batch_size":
        return
    study = expand(ablation_study("one", [axis]))
    for arm in study.arms:
        assert said(study, arm.name, (axis,)) == []


def test_flow_brings_its_sampler_and_drops_the_learned_variance() -> None:
    study = expand(ablation_study("objectives", [{"axis": "objective", "values": ["v", "flow"]}]))
    assert said(study, "objective=v", ("objective",)) == []
    both = ["variance learned → none", "sampler ddpm → euler"]
    assert said(study, "objective=flow", ("objective",)) == both == said(study, "objective=flow", ("prediction",))
    assert said(study, "objective=flow", ("objective", "sampler")) == both[:1]
    assert said(study, "objective=flow", ("diffusion.objective", "model.learn_sigma")) == both[1:]
    assert said(study, "objective=flow", ()) == [*both, "objective noise → flow"]


def test_another_batch_size_means_other_steps_and_another_horizon_of_the_average() -> None:
    def rows(**training: object) -> list[str]:
        overrides = {"training.ema_warmup": False, "training.ema_decays": [0.9], **training}
        batches = [{"axis": "batch_size", "values": [128]}]
        study = expand(ablation_study("batches", batches, overrides=overrides, budget_images=IMAGES))
        return said(study, "batch_size=128", ("batch_size",))

    assert rows() == ["optimiser steps 400 → 200", "averaging horizon 576 images → 1,152 images"]
    assert rows(**{"training.ema_warmup": True, "training.ema_decays": [0.9999]}) == ["optimiser steps 400 → 200"]
