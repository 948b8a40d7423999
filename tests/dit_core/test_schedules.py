"""Noise schedules against diffusers and their closed forms; what trains and samples with them."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch import Tensor

from dit_core.config import TrialConfig
from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.sampling import sample
from dit_core.diffusion.schedules import MAX_BETA
from dit_core.errors import UserError, parse
from dit_core.interop.pipeline import scheduler_config
from dit_core.parts import NOISE_SCHEDULES, SAMPLERS

THEIRS = {"linear": "linear", "scaled-linear": "scaled_linear", "cosine": "squaredcos_cap_v2", "sigmoid": "sigmoid"}
ENDS = [(1e-4, 0.02, 1000), (8.5e-4, 0.012, 400)]


def config(name: str, low: float = 1e-4, high: float = 0.02, count: int = 1000) -> DiffusionConfig:
    return DiffusionConfig(noise_schedule=name, beta_start=low, beta_end=high, num_timesteps=count)


def test_every_schedule_has_its_counterpart() -> None:
    assert set(THEIRS) == set(NOISE_SCHEDULES)


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("name", THEIRS)
def test_the_betas_are_those_of_diffusers(name: str, ends: tuple[float, float, int]) -> None:
    low, high, count = ends
    theirs = DDPMScheduler(count, low, high, THEIRS[name])
    process = Diffusion(config(name, *ends))
    # theirs are float32, ours float64
    torch.testing.assert_close(process.betas.float(), theirs.betas, rtol=2e-6, atol=1e-7)
    torch.testing.assert_close(process.alphas_cumprod.float(), theirs.alphas_cumprod, rtol=2e-4, atol=1e-9)


def test_the_share_of_signal_under_cosine_is_the_papers_squared_cosine() -> None:
    def kept(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    process = Diffusion(config("cosine"))
    below = [step for step in range(1000) if process.betas[step] < MAX_BETA]
    assert below == list(range(999)), "only the last step is cut off"
    for step in (0, 1, 250, 500, 998):
        assert process.alphas_cumprod[step].item() == pytest.approx(kept((step + 1) / 1000) / kept(0), rel=1e-9)
    assert process.betas[-1] == MAX_BETA and process.alphas_cumprod[-1] > 0


def test_square_roots_of_scaled_linear_betas_are_evenly_spaced() -> None:
    roots = Diffusion(config("scaled-linear")).betas.sqrt()
    torch.testing.assert_close(roots.diff(), torch.full((999,), (0.02**0.5 - 1e-4**0.5) / 999, dtype=torch.float64))


def test_a_sigmoid_s_betas_lie_symmetrically_about_their_middle() -> None:
    betas = Diffusion(config("sigmoid")).betas
    torch.testing.assert_close(betas + betas.flip(0), torch.full((1000,), 0.0201, dtype=torch.float64))
    assert betas.diff().argmax().item() in (498, 499, 500)


@pytest.mark.parametrize("objective", ["noise", "x0", "v"])
@pytest.mark.parametrize("name", THEIRS)
def test_every_sampler_turns_perfect_predictions_into_the_image(name: str, objective: str) -> None:
    """With the objective's exact target at every step, whatever the schedule, samplers end at the image behind it."""
    process = Diffusion(config(name).model_copy(update={"objective": objective}))
    image = torch.linspace(-1, 1, 64).reshape(1, 1, 8, 8)

    def perfect(x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        kept = process.alphas_cumprod[t[0]].float()
        noise = (x - kept.sqrt() * image) / (1 - kept).sqrt()
        return process.target(image, t, noise)

    start = torch.randn((1, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    for sampler in SAMPLERS:
        if SAMPLERS.about(sampler).process == "gaussian":
            found = sample(
                perfect, process, noise=start, labels=torch.zeros(1, dtype=torch.long), steps=20, guidance_scale=1.0,
                null_label=0, step_noise=lambda step: torch.randn(1, 1, 8, 8), sampler=sampler,
            )  # fmt: skip
            torch.testing.assert_close(found, image, atol=0.02, rtol=0, msg=f"{sampler}, {name}")


@pytest.mark.parametrize("name", THEIRS)
def test_an_exported_scheduler_follows_the_schedule(name: str) -> None:
    own = config(name, 1e-4, 0.01, 500)
    theirs = DDIMScheduler(**scheduler_config(own))
    torch.testing.assert_close(theirs.alphas_cumprod, Diffusion(own).alphas_cumprod.float(), rtol=2e-4, atol=1e-9)


def test_a_flow_has_no_schedule() -> None:
    sections = {"diffusion": {"objective": "flow", "noise_schedule": "cosine"}, "model": {"learn_sigma": False}}
    with pytest.raises(UserError) as error:
        parse(TrialConfig, sections)
    assert str(error.value) == (
        "diffusion.noise_schedule: 'cosine' given, but the objective flow follows a straight path and has no betas; "
        "allowed: 'linear', which it does not look at"
    )
