"""Combinations of objective, sampler and guidance that make no sense, and the identity of those that do."""

from __future__ import annotations

from typing import Any

import pytest
from small_trials import tiny

from dit_core import identity
from dit_core.config import TrialConfig
from dit_core.errors import UserError, parse

FLOW: dict[str, Any] = {"diffusion": {"objective": "flow"}, "model": {"learn_sigma": False}}

NONSENSE: list[tuple[dict[str, Any], str]] = [
    (
        {"diffusion": {"objective": "nois"}},
        "diffusion.objective: unknown value 'nois'; allowed: noise, x0, v, flow; did you mean 'noise'?",
    ),
    (
        {"diffusion": {"timestep_sampling": "logitnormal"}},
        "diffusion.timestep_sampling: unknown value 'logitnormal'; allowed: uniform, logit-normal; "
        "did you mean 'logit-normal'?",
    ),
    (
        {"diffusion": {"loss_weighting": "snr"}},
        "diffusion.loss_weighting: unknown value 'snr'; allowed: none, min-snr; did you mean 'min-snr'?",
    ),
    (
        {"evaluation": {"sampler": "dimm"}},
        "evaluation.sampler: unknown value 'dimm'; allowed: ddpm, ddim, dpm-solver++, euler, heun; "
        "did you mean 'ddim'?",
    ),
    (
        {"diffusion": {"objective": "flow"}},
        "model.learn_sigma: true given, but the objective flow has no variance to learn; allowed: false",
    ),
    (
        {**FLOW, "evaluation": {"sampler": "ddim"}},
        "evaluation.sampler: ddim cannot sample a model trained with the objective flow; allowed: euler, heun",
    ),
    (
        {"evaluation": {"sampler": "heun"}},
        "evaluation.sampler: heun cannot sample a model trained with the objective noise; "
        "allowed: ddpm, ddim, dpm-solver++",
    ),
    (
        {**FLOW, "evaluation": {"sampler": "heun", "sampling_steps": 1}},
        "evaluation.sampling_steps: 1 is less than the 2 that heun needs",
    ),
    (
        {"evaluation": {"sampling_steps": 1001}},
        "evaluation.sampling_steps: 1001 is more than the 1000 that ddpm can take of 1000 diffusion steps",
    ),
    (
        {"evaluation": {"sampler": "dpm-solver++", "sampling_steps": 1000}},
        "evaluation.sampling_steps: 1000 is more than the 999 that dpm-solver++ can take of 1000 diffusion steps",
    ),
    (
        {"evaluation": {"guidance_channels": 5}},
        "evaluation.guidance_channels: 5 is more than the 4 of model.in_channels",
    ),
    (
        {"evaluation": {"guidance_interval": [0.7, 0.2]}},
        "evaluation.guidance_interval: 0.7 to 0.2 given; allowed: two rising numbers from 0 (data) to 1 (noise), "
        "e.g. 0 to 0.7",
    ),
    (
        {"evaluation": {"guidance_interval": [0.2, 1.5]}},
        "evaluation.guidance_interval: 0.2 to 1.5 given; allowed: two rising numbers from 0 (data) to 1 (noise), "
        "e.g. 0 to 0.7",
    ),
    (
        {"evaluation": {"guidance_scale": 2}, "training": {"class_dropout": 0}},
        "evaluation.guidance_scale: 2 given, but training.class_dropout 0 never trains the null class that guidance "
        "needs; give a dropout above 0, or guidance_scale 1",
    ),
    (
        {"evaluation": {"guidance_scale": 1.5}, "model": {"num_classes": 0}},
        "evaluation.guidance_scale: 1.5 given, but unconditional data (model.num_classes: 0) has no classes to guide "
        "towards; allowed: 1",
    ),
]


@pytest.mark.parametrize(("sections", "sentence"), NONSENSE)
def test_what_makes_no_sense_is_one_clear_sentence(sections: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        parse(TrialConfig, sections)
    assert str(error.value) == sentence


def test_what_is_unusual_but_sensible_is_allowed() -> None:
    few = {**FLOW, "diffusion": {"objective": "flow", "num_timesteps": 10}}
    parse(TrialConfig, {**few, "evaluation": {"sampling_steps": 500}})  # a flow's time is continuous
    parse(TrialConfig, {"training": {"class_dropout": 0}})
    parse(TrialConfig, {"evaluation": {"guidance_interval": [0, 1], "guidance_channels": 4, "guidance_scale": 2}})


def test_equal_images_have_equal_sampling_identities() -> None:
    def one(**evaluation: Any) -> str:
        return identity.eval_id("train", 100, tiny(evaluation=evaluation), "fid")

    assert one() == one(sampler="ddpm")
    assert one() == one(guidance_channels=1) == one(guidance_interval=(0.2, 0.5))  # nothing to place without guidance
    assert one(guidance_scale=2) == one(guidance_scale=2, guidance_channels=1, guidance_interval=(0.0, 1.0))
    different = [
        one(), one(sampler="ddim"), one(sampler="dpm-solver++"), one(guidance_scale=2),
        one(guidance_scale=2, guidance_interval=(0.0, 0.7)), one(guidance_scale=2, guidance_interval=(0.1, 0.7)),
    ]  # fmt: skip
    assert len(set(different)) == len(different)
    assert identity.sampling(tiny(**FLOW))["sampler"] == "euler"
    assert identity.train_id(tiny(evaluation={"sampler": "ddim", "sampling_steps": 9}), "d") == identity.train_id(
        tiny(), "d"
    )
