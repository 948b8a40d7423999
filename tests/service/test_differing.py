"""What else differs between two arms is said in the preview, its JSON and MLflow's tags."""

from __future__ import annotations

from studies import ablation_study

from search_spaces.expand import expand
from search_spaces.load import load_study, study_from_data
from service.analysis.contrasts import contrasts
from service.analysis.differing import differing, differs, tags
from service.analysis.preview import preview
from service.statistics.contrast import Kind

FLOW = (
    "flow differs from the baseline not only in what is asked: also in variance learned → none and sampler ddpm → "
    "euler. The comparison cannot tell these apart."
)


def test_the_preview_says_what_an_objective_brings_along() -> None:
    shown = preview(expand(load_study("dit-modern")))
    assert f"  Objective: {FLOW}\n" in str(shown)
    asked = {item["name"]: item["differs"] for item in shown.to_json()["ablations"]}
    assert asked["Objective"] == (FLOW,) and asked["Positions"] == ()


def test_a_ladder_says_each_thing_once_at_its_step() -> None:
    study = expand(load_study("dit-modern"))
    view = next(view for view in study.ablations if view.action == "LADDER")
    first, second = differing(study)[view.name]
    assert first.startswith("rectified flow differs from the baseline") and "sampler ddpm → euler" in first
    assert second.startswith("larger batch and learning rate differs from the step before")
    assert "optimiser steps 320 → 160" in second


def test_the_tag_names_the_ablation_and_none_is_said_plainly() -> None:
    study = expand(load_study("dit-modern"))
    flow, plain = study.arm("objective=flow"), study.arm("position=rotary")
    found = tags(study)[flow.name]["also_differs"]
    assert found.startswith("Objective: variance learned → none and sampler ddpm → euler; Ladder: ")
    assert tags(study)[plain.name] == tags(study)[study.baseline.name] == {"also_differs": "none"}


def test_a_step_that_goes_back_is_compared_with_the_step_before() -> None:
    ladder = [
        {"name": "flow", "set": {"objective": "flow"}},
        {"name": "batch", "set": {"batch_size": 128}},
        {"name": "back", "set": {"batch_size": 64}},
        {"name": "swiglu", "set": {"mlp": "swiglu"}},
    ]
    study = expand(study_from_data({"name": "steps", "baseline": "digits", "ladder": ladder}))
    also = {
        (place.label, place.kind): [str(found) for found in differs(contrast, place, study)]
        for contrast in contrasts(study)
        for place in contrast.places
    }
    brought = ["variance learned → none", "sampler ddpm → euler"]
    assert also["flow", Kind.STEP] == also["flow", Kind.ARM] == also["swiglu", Kind.ARM] == brought
    assert also["swiglu", Kind.STEP] == [] and also["back", Kind.STEP] == ["optimiser steps 400 → 800"]


def test_a_control_differs_in_its_shape_as_it_should_and_the_arm_from_it_in_that_too() -> None:
    asked = {"axis": "registers", "action": "ADD", "values": [4], "controls": "iso-gflops"}
    study = expand(ablation_study("registers", [asked]))
    also = {
        (place.label, place.kind): {field for found in differs(contrast, place, study) for field in found.fields}
        for contrast in contrasts(study)
        for place in contrast.places
    }
    assert also["4", Kind.ARM] == also["control for 4", Kind.ARM] == set()
    assert also["4", Kind.CONTROL] and also["4", Kind.CONTROL] <= {
        "model.depth",
        "model.hidden_size",
        "model.num_heads",
    }
    (sentence,) = differing(study)[study.ablations[0].name]
    assert sentence.startswith("4 differs from its control not only in what is asked: also in depth")
