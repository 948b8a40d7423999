"""Every sampler against diffusers' schedulers, or against data whose samples are known in closed form."""

from __future__ import annotations

import math
import sys
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from random_weights import random_dit, small

from dit_core.diffusion.build import build_process
from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.process import Process
from dit_core.diffusion.sampling import Network, sample
from dit_core.errors import UserError
from dit_core.parts import SAMPLERS

Tensor = torch.Tensor

STEPS = 10
THEIR_NAME = {"noise": "epsilon", "x0": "sample", "v": "v_prediction"}
GAUSSIAN = [name for name in SAMPLERS if SAMPLERS.about(name).process == "gaussian"]
FLOW = [name for name in SAMPLERS if SAMPLERS.about(name).process == "flow"]
EVERY_SAMPLER = [*(("noise", name) for name in GAUSSIAN), *(("flow", name) for name in FLOW)]
LABELS = torch.tensor([0, 3, 6])


def drawn(count: int, seed: int = 1) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn((3, 4, 8, 8), generator=generator) for _ in range(count)]


def draw(network: Network, process: Process, sampler: str, steps: int, noises: list[Tensor], **options: Any) -> Tensor:
    return sample(
        network, process, noise=noises[-1], labels=LABELS, steps=steps, null_label=7, sampler=sampler,
        step_noise=lambda index: noises[index], **{"guidance_scale": 1.0, **options},
    )  # fmt: skip


def scheduler(kind: Any, objective: str = "noise", **options: Any) -> Any:
    made = kind(
        num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02, beta_schedule="linear",
        prediction_type=THEIR_NAME[objective], **options,
    )  # fmt: skip
    made.alphas_cumprod = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    return made


def even_steps(steps: int) -> list[int]:
    """Evenly spaced over 0 .. 999, both included, from the noisiest down."""
    return [round(999 * index / (steps - 1)) for index in reversed(range(steps))]


@pytest.mark.parametrize("objective", THEIR_NAME)
@pytest.mark.parametrize("learned", [True, False])
def test_ddpm_agrees_with_diffusers(objective: str, learned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    network, noises = random_dit(small(learn_sigma=learned), decoder_gain=0.5), drawn(STEPS + 1)
    ours = draw(network, Diffusion(DiffusionConfig(objective=objective)), "ddpm", STEPS, noises)

    theirs = scheduler(
        DDPMScheduler, objective, variance_type="learned_range" if learned else "fixed_large", clip_sample=False
    )
    theirs.set_timesteps(timesteps=even_steps(STEPS))
    remaining = iter(reversed(noises[1:-1]))
    monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, **__: next(remaining))
    x = noises[-1]
    with torch.inference_mode():
        for timestep in theirs.timesteps:
            x = theirs.step(network(x, timestep.repeat(3), LABELS), timestep, x).prev_sample.float()
    assert next(remaining, None) is None
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("objective", THEIR_NAME)
@pytest.mark.parametrize("steps", [STEPS, 50])
def test_ddim_agrees_with_diffusers(objective: str, steps: int) -> None:
    network, noises = random_dit(small(), decoder_gain=0.5), drawn(1)
    ours = draw(network, Diffusion(DiffusionConfig(objective=objective)), "ddim", steps, noises)

    theirs = scheduler(DDIMScheduler, objective, clip_sample=False)
    timesteps, x = even_steps(steps), noises[-1]
    with torch.inference_mode():
        for now, following in zip(timesteps, [*timesteps[1:], -21], strict=True):
            # it steps by 1000 // num_inference_steps, whatever the timesteps are
            theirs.num_inference_steps = 1000 // (now - following)
            assert 1000 // theirs.num_inference_steps == now - following
            output = network(x, torch.full((3,), now), LABELS)[:, :4]
            x = theirs.step(output, now, x).prev_sample.float()
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("objective", THEIR_NAME)
@pytest.mark.parametrize("steps", [1, STEPS, 20])
def test_dpm_solver_agrees_with_diffusers_fed_with_the_prediction_itself(objective: str, steps: int) -> None:
    network, noises = random_dit(small(), decoder_gain=0.5), drawn(1)
    ours = draw(network, Diffusion(DiffusionConfig(objective=objective)), "dpm-solver++", steps, noises)

    theirs = scheduler(DPMSolverMultistepScheduler, objective)
    theirs.set_timesteps(steps)
    x = noises[-1]
    with torch.inference_mode():
        for timestep in theirs.timesteps:
            x = theirs.step(network(x, timestep.repeat(3), LABELS)[:, :4], timestep, x).prev_sample
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-4)


MEAN, DEVIATION = 0.3, 0.5
"""Data that is N(MEAN, DEVIATION^2) everywhere: the best prediction is known, and so is where every noise leads."""


def best(process: Process) -> Network:
    """The network that predicts the mean of the target given x_t, for that data."""

    def network(x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        t = t / process.config.num_timesteps if process.config.objective == "flow" else t
        signal, scale = process._at(t, "signal", "scale")
        variance = (signal * DEVIATION) ** 2 + scale**2
        x0 = MEAN + signal * DEVIATION**2 / variance * (x - signal * MEAN)
        noise = scale / variance * (x - signal * MEAN)
        return process.target(x0, t, noise)

    return network


def exact(process: Process, noise: Tensor) -> Tensor:
    """Where the probability flow takes noise: it keeps how many deviations a point lies from the mean."""
    last = torch.tensor([1.0 if process.config.objective == "flow" else 999]).to(
        torch.float32 if process.config.objective == "flow" else torch.int64
    )
    signal, scale = (value.item() for value in process._at(last, "signal", "scale"))
    return MEAN + DEVIATION * (noise - signal * MEAN) / math.sqrt((signal * DEVIATION) ** 2 + scale**2)


def error(objective: str, sampler: str, steps: int) -> float:
    process, noises = build_process(DiffusionConfig(objective=objective)), drawn(1)
    found = draw(best(process), process, sampler, steps, noises)
    return (found - exact(process, noises[-1])).abs().max().item()


@pytest.mark.parametrize("sampler", GAUSSIAN)
def test_every_gaussian_objective_leads_to_the_same_samples(sampler: str) -> None:
    noises = drawn(STEPS + 1)
    found = [
        draw(best(process), process, sampler, STEPS, noises)
        for process in (Diffusion(DiffusionConfig(objective=objective)) for objective in THEIR_NAME)
    ]
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[2], found[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("objective", "sampler", "order"),
    [("noise", "ddim", 1), ("flow", "euler", 1), ("flow", "heun", 2)],
)
def test_deterministic_samplers_converge_at_their_order(objective: str, sampler: str, order: int) -> None:
    coarse, fine = error(objective, sampler, 20), error(objective, sampler, 40)
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.35)


def test_dpm_solver_converges_at_order_2() -> None:
    # its steps are even in t, not in the logarithm of the signal-to-noise ratio, so only the trend is regular
    assert 1.8 < math.log2(error("v", "dpm-solver++", 20) / error("v", "dpm-solver++", 160)) / 3 < 2.7


def test_heun_with_an_odd_number_of_evaluations_still_converges_at_order_2() -> None:
    assert math.log2(error("flow", "heun", 21) / error("flow", "heun", 41)) == pytest.approx(2, abs=0.35)
    assert error("flow", "heun", 20) < error("flow", "euler", 20) / 3


def test_ancestral_samples_have_the_mean_and_deviation_of_the_data() -> None:
    process = Diffusion(DiffusionConfig())
    generator = torch.Generator().manual_seed(0)
    found = sample(
        best(process), process, noise=torch.randn((20_000, 1, 1, 1), generator=generator), steps=250,
        labels=torch.zeros(20_000, dtype=torch.int64), guidance_scale=1.0, null_label=7,
        step_noise=lambda _: torch.randn((20_000, 1, 1, 1), generator=generator),
    )  # fmt: skip
    assert found.mean().item() == pytest.approx(MEAN, abs=0.015)
    assert found.std().item() == pytest.approx(DEVIATION, rel=0.03)


def recorded(channels: int = 4) -> tuple[Network, list[tuple[int, float]]]:
    """A network, and (batch, time) of every call to it."""
    calls: list[tuple[int, float]] = []

    def network(x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        calls.append((len(x), t[0].item()))
        assert (t == t[0]).all()
        return torch.where(y[:, None, None, None] == 7, 0.1, 0.2) * torch.ones_like(x[:, :channels])

    return network, calls


@pytest.mark.parametrize(("objective", "sampler"), EVERY_SAMPLER)
@pytest.mark.parametrize("steps", [2, 5, 10])
def test_sampling_steps_are_network_evaluations(objective: str, sampler: str, steps: int) -> None:
    network, calls = recorded()
    process = build_process(DiffusionConfig(objective=objective))
    found = draw(network, process, sampler, steps, drawn(steps + 1))
    assert found.shape == (3, 4, 8, 8)
    assert found.isfinite().all()
    assert [batch for batch, _ in calls] == [3] * steps


@pytest.mark.parametrize(("objective", "sampler"), EVERY_SAMPLER)
def test_outside_the_interval_the_network_runs_once_unguided(objective: str, sampler: str) -> None:
    network, calls = recorded()
    process = build_process(DiffusionConfig(objective=objective))
    draw(network, process, sampler, STEPS, drawn(STEPS + 1), guidance_scale=3.0, guidance_interval=(0.25, 0.7))
    top = 1000 if objective == "flow" else 999
    assert [batch for batch, _ in calls] == [6 if 0.25 <= time / top <= 0.7 else 3 for _, time in calls]
    assert {batch for batch, _ in calls} == {3, 6}


@pytest.mark.parametrize(("objective", "sampler"), EVERY_SAMPLER)
def test_an_interval_of_everything_is_no_interval(objective: str, sampler: str) -> None:
    process, noises = build_process(DiffusionConfig(objective=objective)), drawn(STEPS + 1)
    network = random_dit(small(learn_sigma=False))
    everywhere = draw(network, process, sampler, STEPS, noises, guidance_scale=3.0, guidance_interval=(0.0, 1.0))
    assert torch.equal(everywhere, draw(network, process, sampler, STEPS, noises, guidance_scale=3.0))
    assert not torch.equal(
        everywhere, draw(network, process, sampler, STEPS, noises, guidance_scale=3.0, guidance_interval=(0.0, 0.5))
    )


@pytest.mark.parametrize(("given", "reached"), [(None, 3), (1, 1), (4, 4)])
def test_guidance_reaches_the_channels_asked_for(given: int | None, reached: int) -> None:
    process = build_process(DiffusionConfig(objective="flow"))
    network, noises = recorded()[0], drawn(1)
    found = draw(network, process, "euler", 1, noises, guidance_scale=3.0, guidance_channels=given)
    velocity = noises[-1] - found  # one Euler step from noise to data
    assert velocity[:, :reached].mean().item() == pytest.approx(0.1 + 3 * 0.1, abs=1e-5)
    if reached < 4:
        assert velocity[:, reached:].mean().item() == pytest.approx(0.2, abs=1e-5)


def test_flow_tells_the_network_a_time_on_the_scale_of_the_timesteps() -> None:
    network, calls = recorded()
    draw(network, build_process(DiffusionConfig(objective="flow")), "euler", 4, drawn(1))
    assert [time for _, time in calls] == [1000, 750, 500, 250]
    calls.clear()
    draw(network, build_process(DiffusionConfig(objective="flow")), "heun", 5, drawn(1))
    assert [time for _, time in calls] == pytest.approx([1000, 2000 / 3, 2000 / 3, 1000 / 3, 1000 / 3], rel=1e-6)


def test_dpm_solver_says_which_package_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(UserError, match=r"evaluation\.sampler: dpm-solver\+\+ needs the package diffusers"):
        draw(recorded()[0], Diffusion(DiffusionConfig()), "dpm-solver++", 4, drawn(1))
