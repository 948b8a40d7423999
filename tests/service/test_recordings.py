"""The recorded curves that come with the package: whole, and replayed by name."""

from __future__ import annotations

import pytest

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.load import load_study
from service.client import Client
from service.records.study_files import read_definition
from service.simulation.shipped import recordings, unpacked


@pytest.mark.parametrize("name", recordings())
def test_a_recording_has_every_arm_of_its_preset(name: str) -> None:
    with unpacked(name) as folder:
        study = read_definition(Client(store=folder).require_store(), name).study
    assert study.policy.name == "none", "nothing was stopped"
    assert {arm.name for arm in expand(study).arms} == {arm.name for arm in expand(load_study(name)).arms}


def test_policies_are_replayed_on_what_was_recorded() -> None:
    """Half of the arms end at the first rung whatever they would have come to; the default ends no best arm."""
    found = Client().simulate(
        "dit-digits",
        policies=("none", "futility", "rungs"),
        curves="recorded",
        seeds=(4, 5, 6, 7),
        seeds_used="2",
        studies=3,
    )
    none, futility, rungs = found.policies
    assert (none.compute, none.best_of_ablation.count) == (1.0, 0)
    assert futility.best_of_ablation.count == 0 and futility.compute <= 1
    assert rungs.best_of_ablation.share > 0.5 and rungs.compute < 0.6


@pytest.mark.parametrize(("name", "words"), [("dit-digit", "did you mean 'dit-digits'"), ("mine", "allowed: ")])
def test_another_study_has_no_recording(name: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Client().simulate(name, curves="recorded")
