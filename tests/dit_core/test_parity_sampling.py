"""Samples against diffusers' schedulers: the same network, the same noise, the same 250 or 50 steps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from random_weights import Denoiser, random_dit, small
from torch import Tensor, nn

from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.respacing import spaced_timesteps
from dit_core.diffusion.sampling import sample
from dit_core.errors import UserError
from dit_core.interop.pipeline import scheduler_config

PROCESS: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 1e-4,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "clip_sample": False,
}
TOLERANCE = {"atol": 1e-4, "rtol": 0.0}
SHAPE = (3, 4, 8, 8)
LABELS = torch.tensor([0, 3, 6])


def network(learn_sigma: bool = True) -> Denoiser:
    model = random_dit(small(learn_sigma=learn_sigma, depth=2, hidden_size=32), decoder_gain=0.05)
    return Denoiser(model, Diffusion(DiffusionConfig()).alphas_cumprod)


def start() -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(11))


@torch.no_grad()
def ancestral(model: Denoiser, steps: int, **options: Any) -> Tensor:
    """What diffusers' ancestral sampler makes of the network, at the paper's timesteps."""
    scheduler = DDPMScheduler(**PROCESS, **options)
    scheduler.set_timesteps(timesteps=spaced_timesteps(1000, steps)[::-1])
    generator, x = torch.Generator().manual_seed(12), start()
    for t in scheduler.timesteps:
        output = model(x, t.expand(len(x)), LABELS)
        x = scheduler.step(output, t, x, generator=generator).prev_sample
    return x


def ours(model: Denoiser, steps: int) -> Tensor:
    generator = torch.Generator().manual_seed(12)
    return sample(
        model,
        Diffusion(DiffusionConfig()),
        noise=start(),
        labels=LABELS,
        steps=steps,
        guidance_scale=1.0,
        null_label=7,
        step_noise=lambda _: torch.randn(SHAPE, generator=generator),
    )


@pytest.mark.slow
@pytest.mark.parametrize(("learn_sigma", "variance"), [(True, "learned_range"), (False, "fixed_large")])
def test_250_ancestral_steps_end_at_the_same_image(learn_sigma: bool, variance: str) -> None:
    model = network(learn_sigma)
    reference = ancestral(model, 250, variance_type=variance)
    found = ours(model, 250)
    assert reference.isfinite().all() and 0.3 < reference.std() < 5
    torch.testing.assert_close(found, reference, **TOLERANCE)


@torch.no_grad()
def deterministic(model: nn.Module, steps: int, prediction: str) -> Tensor:
    """What diffusers' DDIM makes of the network, at the paper's timesteps.

    The scheduler takes the step before to be ``T // num_inference_steps`` earlier; the steps here are 20 or 21 apart.
    """
    scheduler = DDIMScheduler(**PROCESS, prediction_type=prediction)
    timesteps, x = spaced_timesteps(1000, steps), start()
    for before, t in reversed(list(pairwise([-1, *timesteps]))):
        scheduler.num_inference_steps = 1000 // (t - before)
        assert t == 0 or 1000 // scheduler.num_inference_steps == t - before
        output = model(x, torch.full((len(x),), t), LABELS)[:, : x.shape[1]]
        x = scheduler.step(output, t, x).prev_sample
    return x


@pytest.mark.parametrize(("objective", "prediction"), [("noise", "epsilon"), ("x0", "sample"), ("v", "v_prediction")])
def test_50_deterministic_steps_end_at_the_same_image(objective: str, prediction: str) -> None:
    model = network() if objective == "noise" else random_dit(small(depth=2, hidden_size=32))
    reference = deterministic(model, 50, prediction)
    found = sample(
        model,
        Diffusion(DiffusionConfig(objective=objective)),
        noise=start(),
        labels=LABELS,
        steps=50,
        guidance_scale=1.0,
        null_label=7,
        step_noise=lambda _: torch.full(SHAPE, torch.nan),
        sampler="ddim",
    )
    assert reference.isfinite().all() and 0.3 < reference.std() < 5
    torch.testing.assert_close(found, reference, **TOLERANCE)


def test_an_exported_scheduler_follows_the_trained_process() -> None:
    process = Diffusion(DiffusionConfig(beta_end=0.01, num_timesteps=500, objective="v"))
    scheduler = DDIMScheduler(**scheduler_config(process.config))
    torch.testing.assert_close(scheduler.alphas_cumprod, process.alphas_cumprod.float())
    scheduler.set_timesteps(50)
    assert scheduler.timesteps.tolist() == list(range(490, -1, -10)), "those that the paper's code calls ddim50"
    assert scheduler.config.prediction_type == "v_prediction" and not scheduler.config.clip_sample
    with pytest.raises(UserError, match=r"diffusion\.objective: 'flow' .* allowed: noise, x0, v"):
        scheduler_config(DiffusionConfig(objective="flow"))


def test_the_papers_timesteps_are_those_of_linspace() -> None:
    scheduler = DDPMScheduler(**PROCESS, timestep_spacing="linspace")
    for steps in (250, 50, 10, 2):
        scheduler.set_timesteps(steps)
        assert scheduler.timesteps.tolist() == spaced_timesteps(1000, steps)[::-1]


def test_diffusers_default_spacing_is_another_sample() -> None:
    model = network()
    scheduler = DDPMScheduler(**PROCESS, variance_type="learned_range")
    assert scheduler.config.timestep_spacing == "leading"
    scheduler.set_timesteps(250)
    assert scheduler.timesteps.tolist() == list(range(996, -1, -4))
    assert spaced_timesteps(1000, 250)[-1] == 999
    generator, x = torch.Generator().manual_seed(12), start()
    with torch.no_grad():
        for t in scheduler.timesteps:
            x = scheduler.step(model(x, t.expand(3), LABELS), t, x, generator=generator).prev_sample
    assert (x - ours(model, 250)).abs().max() > 1e-2
