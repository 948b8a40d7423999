"""The preset of recent additions: one at a time, and the ladder."""

from __future__ import annotations

from pathlib import Path

import pytest

from dit_core.gflops import count
from search_spaces.expand import expand
from search_spaces.load import load_study
from search_spaces.study import Baseline, Study

STUDY = load_study("dit-modern")


def test_every_ablation_changes_one_thing_of_the_papers_baseline() -> None:
    found = expand(STUDY)
    config = found.baseline.config
    assert (config.model.position, config.model.norm, config.model.mlp, config.model.block) == (
        "sincos", "layernorm", "gelu", "adaln-zero",
    )  # fmt: skip
    assert (config.diffusion.objective, config.training.beta2) == ("noise", 0.999)
    controls = {arm for view in found.ablations for label, arm in view.arms if label.startswith("control for ")}
    assert len(controls) == 2
    for arm in found.arms[1:]:
        if arm.ablations != ("Ladder",) and arm.name not in controls:
            assert len(arm.delta) == 1, arm.name
    assert found.weights_of == {"sampler=ddim": "baseline"}


def test_the_ladder_is_that_of_lightningdit() -> None:
    found = expand(STUDY)
    ladder = found.ablations[-1]
    assert [label for label, _ in ladder.arms] == [
        "baseline", "rectified flow", "larger batch and learning rate", "beta2 0.95", "logit-normal timesteps",
        "SwiGLU", "RMSNorm", "rotary positions",
    ]  # fmt: skip
    last = found.arm(ladder.arms[-1][1]).config
    assert (last.diffusion.objective, last.diffusion.timestep_sampling) == ("flow", "logit-normal")
    assert (last.training.batch_size, last.training.beta2) == (128, 0.95)
    assert (last.model.mlp, last.model.norm, last.model.position) == ("swiglu", "rmsnorm", "rotary")
    assert not last.model.learn_sigma
    assert dict(ladder.arms)["rectified flow"] == "objective=flow", "shared with the ablation of the objective"
    costs = [count(found.arm(arm).config.model).gmacs for _, arm in ladder.arms]
    assert max(costs) / min(costs) < 1.01, "no step costs more"


@pytest.mark.slow
def test_it_can_be_moved_to_the_papers_scale() -> None:
    """As the comment on top of the file says."""
    text = (Path(__file__).parents[2] / "search_spaces" / "presets" / "dit-modern.yaml").read_text()
    assert "baseline.profile: paper" in text
    data = STUDY.model_dump()
    data |= {"baseline": Baseline(profile="paper", overrides={"data.path": "latents"}), "primary_metric": "fid"}
    data |= {"budget_images": 102_400_000, "rungs": (25_600_000,)}
    data["ladder"][1]["set"] = {"batch_size": 1024, "learning_rate": 2e-4}
    found = expand(Study.model_validate(data))
    assert next(arm.name for arm in found.arms if "ladder" in arm.name) == "ladder 2: larger batch and learning rate"
