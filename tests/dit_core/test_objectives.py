"""Objectives, timestep sampling and loss weighting against closed forms; what makes no sense together."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler
from small_trials import curve, only, tiny
from torch.distributions import Normal, kl_divergence

from dit_core.data import load_dataset
from dit_core.diffusion.build import build_process
from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.flow import Flow
from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.respacing import spaced_timesteps
from dit_core.diffusion.times import draw_times
from dit_core.events import Evaluated
from dit_core.runtime.randomness import integers, normal
from dit_core.training.batches import draw
from dit_core.training.loop import run

Tensor = torch.Tensor

GAUSSIAN = ("noise", "x0", "v")
STEPS = torch.tensor([0, 1, 40, 500, 999])
TIMES = torch.tensor([0.02, 0.2, 0.5, 0.8, 0.98])


def drawn(seed: int, channels: int = 2) -> Tensor:
    return torch.randn((5, channels, 8, 8), generator=torch.Generator().manual_seed(seed))


def alphas_cumprod() -> Tensor:
    return torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)


def times(objective: str) -> Tensor:
    return TIMES if objective == "flow" else STEPS


def target(objective: str, x0: Tensor, noise: Tensor) -> Tensor:
    kept = alphas_cumprod()[STEPS][:, None, None, None]
    v = (kept.sqrt() * noise - (1 - kept).sqrt() * x0).float()
    return {"noise": noise, "x0": x0, "v": v, "flow": noise - x0}[objective]


@pytest.mark.parametrize("objective", [*GAUSSIAN, "flow"])
def test_targets_are_the_papers_and_a_perfect_network_has_no_error(objective: str) -> None:
    process, t = build_process(DiffusionConfig(objective=objective)), times(objective)
    x0, noise = drawn(0), drawn(1)
    wanted = target(objective, x0, noise)
    torch.testing.assert_close(process.target(x0, t, noise), wanted, rtol=1e-5, atol=1e-5)
    xt = process.q_sample(x0, t, noise)
    mse, vb = process.losses(wanted, x0, xt, t, noise)
    assert mse.max().item() < 1e-10
    assert torch.equal(vb, torch.zeros(5))
    mse, _ = process.losses(wanted + 0.5, x0, xt, t, noise)
    torch.testing.assert_close(mse, torch.full((5,), 0.25))


@pytest.mark.parametrize("objective", [*GAUSSIAN, "flow"])
def test_image_and_noise_come_back_from_x_t_and_the_target(objective: str) -> None:
    process, t = build_process(DiffusionConfig(objective=objective)), times(objective)
    x0, noise = drawn(0), drawn(1)
    xt, prediction = process.q_sample(x0, t, noise), process.target(x0, t, noise)
    # noise / sqrt(alpha_bar) at the last step, and x_0 / sqrt(1 - alpha_bar) at the first, magnify rounding
    torch.testing.assert_close(process.predict_x0(xt, t, prediction), x0, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(process.predict_noise(xt, t, prediction), noise, rtol=1e-3, atol=1e-4)


def test_flow_is_the_straight_path_and_its_target_the_path_s_velocity() -> None:
    process, x0, noise = build_process(DiffusionConfig(objective="flow")), drawn(0), drawn(1)
    assert isinstance(process, Flow)
    before, after = process.q_sample(x0, TIMES - 0.01, noise), process.q_sample(x0, TIMES + 0.01, noise)
    torch.testing.assert_close(process.target(x0, TIMES, noise), (after - before) / 0.02, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(process.q_sample(x0, torch.zeros(5), noise), x0)
    torch.testing.assert_close(process.q_sample(x0, torch.ones(5), noise), noise)
    assert process.network_time(TIMES).tolist() == pytest.approx([20, 200, 500, 800, 980])
    assert [process.level(time) for time in (0.0, 0.3, 1.0)] == [0, 0.3, 1]


@pytest.mark.parametrize("objective", GAUSSIAN)
def test_a_reverse_step_with_a_learned_range_agrees_with_diffusers(objective: str) -> None:
    theirs = DDPMScheduler(
        num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02, beta_schedule="linear", clip_sample=False,
        variance_type="learned_range",
        prediction_type={"noise": "epsilon", "x0": "sample", "v": "v_prediction"}[objective],
    )  # fmt: skip
    theirs.alphas_cumprod = alphas_cumprod()
    process, output, xt = Diffusion(DiffusionConfig(objective=objective)), drawn(0, channels=4), drawn(1)
    output[:, 2:] = output[:, 2:].tanh()
    for step in (1, 300, 999):
        mean, log_variance = process.p_mean_variance(output, xt, torch.full((5,), step))
        noise = torch.randn(xt.shape, generator=torch.Generator().manual_seed(7))
        stepped = theirs.step(output, step, xt, generator=torch.Generator().manual_seed(7)).prev_sample
        ours = mean + (log_variance / 2).exp() * noise
        torch.testing.assert_close(ours, stepped.float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("objective", ["x0", "v"])
def test_the_variational_term_is_the_kl_between_the_reverse_steps(objective: str) -> None:
    process, t = Diffusion(DiffusionConfig(objective=objective)), torch.tensor([1, 2, 40, 500, 999])
    x0, noise, output = drawn(0).clamp(-1, 1), drawn(1), drawn(2, channels=4)
    xt = process.q_sample(x0, t, noise)
    output.requires_grad_()
    _, vb = process.losses(output, x0, xt, t, noise)

    kept, betas = alphas_cumprod(), torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    for row, step in enumerate(t.tolist()):
        now, before, beta = kept[step], kept[step - 1], betas[step]
        prediction, x = output[row, :2].detach().double(), xt[row].double()
        guess = prediction if objective == "x0" else now.sqrt() * x - (1 - now).sqrt() * prediction
        of_x0, of_xt = before.sqrt() * beta / (1 - now), (1 - beta).sqrt() * (1 - before) / (1 - now)
        variance = beta * (1 - before) / (1 - now)
        share = (output[row, 2:].detach().double() + 1) / 2
        learned = torch.exp(share * beta.log() + (1 - share) * variance.log())
        true, ours = of_x0 * x0[row].double() + of_xt * x, of_x0 * guess + of_xt * x
        divergence = kl_divergence(Normal(true, variance.sqrt()), Normal(ours, learned.sqrt())).mean() / math.log(2)
        assert vb[row].item() == pytest.approx(divergence.item(), rel=2e-3)
    vb.sum().backward()
    assert output.grad is not None
    assert torch.equal(output.grad[:, :2], torch.zeros_like(output.grad[:, :2]))  # the mean is not its to train


@pytest.mark.parametrize("gamma", [1.0, 5.0])
def test_min_snr_weights_are_the_closed_forms(gamma: float) -> None:
    kept = alphas_cumprod()[STEPS]
    snr = kept / (1 - kept)
    cut = snr.clamp(max=gamma)
    flow_snr = ((1 - TIMES) / TIMES).double() ** 2
    expected = {
        "noise": cut / snr, "x0": cut, "v": cut / (snr + 1), "flow": flow_snr.clamp(max=gamma) * TIMES.double() ** 2,
    }  # fmt: skip
    for objective, weight in expected.items():
        config = DiffusionConfig(objective=objective, loss_weighting="min-snr", min_snr_gamma=gamma)
        mse = torch.rand(5, generator=torch.Generator().manual_seed(0))
        found = build_process(config).weighted(mse, times(objective))
        torch.testing.assert_close(found.double(), weight * mse, rtol=1e-5, atol=1e-9)


def test_min_snr_weighs_the_error_of_x_0_whatever_is_predicted() -> None:
    """The same wrong guess of x_0 costs the same under every Gaussian objective, as the paper derives its weights."""
    x0, noise, wrong = drawn(0), drawn(1), drawn(2)
    costs = []
    for objective in GAUSSIAN:
        process = Diffusion(DiffusionConfig(objective=objective, loss_weighting="min-snr"))
        xt = process.q_sample(x0, STEPS, noise)
        kept = alphas_cumprod()[STEPS][:, None, None, None].float()
        guessed_noise = (xt - kept.sqrt() * wrong) / (1 - kept).sqrt()
        mse, _ = process.losses(process.target(wrong, STEPS, guessed_noise), x0, xt, STEPS, noise)
        costs.append(process.weighted(mse, STEPS))
    torch.testing.assert_close(costs[1], costs[0], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(costs[2], costs[0], rtol=1e-3, atol=1e-4)


def test_without_a_weighting_the_error_is_untouched_to_the_bit() -> None:
    mse = torch.rand(5, generator=torch.Generator().manual_seed(0))
    for objective in (*GAUSSIAN, "flow"):
        assert torch.equal(build_process(DiffusionConfig(objective=objective)).weighted(mse, times(objective)), mse)


def test_uniform_steps_are_the_integers_they_have_always_been() -> None:
    for objective in GAUSSIAN:
        found = draw_times(DiffusionConfig(objective=objective), 64, 3, 17)
        assert torch.equal(found, integers(64, 1000, 3, "timesteps", 17))


def test_uniform_flow_times_are_uniform() -> None:
    found = draw_times(DiffusionConfig(objective="flow"), 100_000, 0, 0)
    assert found.dtype == torch.float32
    assert 0 <= found.min().item() < found.max().item() < 1
    for quantile in (0.1, 0.5, 0.9):
        assert (found < quantile).float().mean().item() == pytest.approx(quantile, abs=0.005)


@pytest.mark.parametrize("objective", ["noise", "flow"])
def test_logit_normal_times_have_the_normal_s_quantiles(objective: str) -> None:
    config = DiffusionConfig(objective=objective, timestep_sampling="logit-normal")
    found = draw_times(config, 100_000, 0, 0)
    if objective == "noise":
        assert found.dtype == torch.int64
        assert 0 <= found.min().item() < found.max().item() <= 999
    level = found / 1000 if objective == "noise" else found
    for deviations in (-1.5, 0.0, 1.0):
        below = (level < 1 / (1 + math.exp(-deviations))).float().mean().item()
        assert below == pytest.approx(Normal(0.0, 1.0).cdf(torch.tensor(deviations)).item(), abs=0.006)
    assert torch.equal(draw_times(config, 8, 0, 0)[:8], draw_times(config, 8, 0, 0))
    assert not torch.equal(draw_times(config, 8, 0, 1), draw_times(config, 8, 0, 0))
    assert not torch.equal(draw_times(config, 8, 1, 0), draw_times(config, 8, 0, 0))


def test_the_steps_of_a_logit_normal_batch_are_those_of_its_times() -> None:
    found = draw_times(DiffusionConfig(timestep_sampling="logit-normal", num_timesteps=10), 1000, 4, 2)
    expected = [int(10 / (1 + math.exp(-z))) for z in normal(1000, 4, "timesteps", 2).double().tolist()]
    assert (found - torch.tensor(expected)).abs().sum().item() <= 1  # float32 against float64 on an edge
    assert found.max().item() <= 9


def test_arms_of_all_objectives_see_the_same_images_and_noise() -> None:
    dataset = load_dataset(tiny().data)
    batches = [
        draw(
            tiny(diffusion={"objective": name}, model={"learn_sigma": name != "flow"}), dataset, 3, torch.device("cpu")
        )
        for name in (*GAUSSIAN, "flow")
    ]
    for batch in batches[1:]:
        assert torch.equal(batch.x0, batches[0].x0)
        assert torch.equal(batch.noise, batches[0].noise)
        assert torch.equal(batch.y, batches[0].y)
    assert all(torch.equal(batch.t, batches[0].t) for batch in batches[1:3])
    assert batches[3].t.dtype == torch.float32


@pytest.mark.parametrize(
    ("diffusion", "model"),
    [
        ({"objective": "x0"}, {}),
        ({"objective": "v", "timestep_sampling": "logit-normal"}, {}),
        ({"objective": "flow", "timestep_sampling": "logit-normal"}, {"learn_sigma": False}),
        ({"loss_weighting": "min-snr"}, {}),
    ],
)
def test_trials_train_and_sample_under_every_objective(
    diffusion: dict[str, Any], model: dict[str, Any], tmp_path: Path
) -> None:
    config = tiny(diffusion=diffusion, model=model, training={"learning_rate": 4e-3})
    events = list(run(config, tmp_path, until=3200))
    points = list(curve(events))
    assert sum(point.mse for point in points[-5:]) < 0.9 * sum(point.mse for point in points[:5])
    for point in points:
        if "loss_weighting" in diffusion:
            assert point.loss < point.mse  # the weights of noise prediction are at most 1
        else:
            assert point.loss == pytest.approx(point.mse + point.vb, rel=1e-5)
        assert (point.vb == 0) == (not config.model.learn_sigma)
    (evaluated,) = only(Evaluated, events)
    assert math.isfinite(evaluated.metrics[0].value)


@pytest.mark.parametrize(("count", "steps"), [(1000, 250), (1000, 50), (1000, 10), (1000, 7), (400, 40), (100, 99)])
def test_respacing_is_the_official_one_in_exact_arithmetic(count: int, steps: int) -> None:
    """Evenly from the first to the last, rounded half to even; ties apart, where a running float sum may fall either
    way. diffusers' DDPM default ("leading") never visits the last, noisiest step.
    """
    stride = Fraction(count - 1, steps - 1)
    exact = [index * stride for index in range(steps)]
    found = spaced_timesteps(count, steps)
    for kept, position in zip(found, exact, strict=True):
        assert kept == round(position) or abs(kept - position) == Fraction(1, 2)
    assert (found[0], found[-1]) == (0, count - 1)
    theirs = DDPMScheduler(num_train_timesteps=count)
    theirs.set_timesteps(steps)
    assert theirs.timesteps[0].item() < count - 1


def test_250_of_1000_steps_are_those_of_the_released_code() -> None:
    found = spaced_timesteps(1000, 250)
    assert found[:8] == [0, 4, 8, 12, 16, 20, 24, 28]
    assert found[-8:] == [971, 975, 979, 983, 987, 991, 995, 999]
