"""Settings of the process and of sampling that make no sense together, each said in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dit_core.diffusion.samplers import sampler_name
from dit_core.errors import UserError
from dit_core.parts import OBJECTIVES, SAMPLERS

if TYPE_CHECKING:
    from dit_core.config import TrialConfig


def check_process(config: TrialConfig) -> None:
    """Makes sure that variance, schedule, sampler and steps suit the objective.

    Raises:
        UserError: they do not.
    """
    diffusion, evaluation = config.diffusion, config.evaluation
    process = OBJECTIVES.about(diffusion.objective, "diffusion.objective").process
    if process == "flow" and config.model.learn_sigma:
        raise UserError(
            f"model.learn_sigma: true given, but the objective {diffusion.objective} has no variance to learn; "
            "allowed: false"
        )
    if process == "flow" and diffusion.noise_schedule != "linear":
        raise UserError(
            f"diffusion.noise_schedule: {diffusion.noise_schedule!r} given, but the objective {diffusion.objective} "
            "follows a straight path and has no betas; allowed: 'linear', which it does not look at"
        )
    name = sampler_name(diffusion.objective, evaluation.sampler)
    sampler = SAMPLERS.about(name, "evaluation.sampler")
    if sampler.process != process:
        fitting = ", ".join(other for other in SAMPLERS if SAMPLERS.about(other).process == process)
        raise UserError(
            f"evaluation.sampler: {name} cannot sample a model trained with the objective {diffusion.objective}; "
            f"allowed: {fitting}"
        )
    steps, most = evaluation.sampling_steps, sampler.most(diffusion.num_timesteps)
    if steps < sampler.least:
        raise UserError(f"evaluation.sampling_steps: {steps} is less than the {sampler.least} that {name} needs")
    if most is not None and steps > most:
        raise UserError(
            f"evaluation.sampling_steps: {steps} is more than the {most} that {name} can take of "
            f"{diffusion.num_timesteps} diffusion steps"
        )


def check_guidance(config: TrialConfig) -> None:
    """Makes sure that guidance has a trained null class, channels and an interval.

    Raises:
        UserError: it has not.
    """
    evaluation, model = config.evaluation, config.model
    if evaluation.guidance_channels is not None and evaluation.guidance_channels > model.in_channels:
        raise UserError(
            f"evaluation.guidance_channels: {evaluation.guidance_channels} is more than the {model.in_channels} "
            "of model.in_channels"
        )
    if evaluation.guidance_interval is not None:
        low, high = evaluation.guidance_interval
        if not 0 <= low < high <= 1:
            raise UserError(
                f"evaluation.guidance_interval: {low:g} to {high:g} given; allowed: two rising numbers from 0 (data) "
                "to 1 (noise), e.g. 0 to 0.7"
            )
    if evaluation.guidance_scale == 1:
        return
    if model.num_classes == 0:
        raise UserError(
            f"evaluation.guidance_scale: {evaluation.guidance_scale:g} given, but unconditional data "
            "(model.num_classes: 0) has no classes to guide towards; allowed: 1"
        )
    if not model.class_conditional:
        raise UserError(
            f"evaluation.guidance_scale: {evaluation.guidance_scale:g} given, but a network that is told no labels "
            "(model.class_conditional: false) has no classes to guide towards; allowed: 1"
        )
    if config.training.class_dropout == 0 and config.training.initial_weights is None:
        raise UserError(
            f"evaluation.guidance_scale: {evaluation.guidance_scale:g} given, but training.class_dropout 0 never "
            "trains the null class that guidance needs; give a dropout above 0, or guidance_scale 1"
        )
