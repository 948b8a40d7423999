"""The noise process against closed forms and against diffusers' DDPMScheduler."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from diffusers import DDPMScheduler
from torch.distributions import Normal, kl_divergence

from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.gaussian import Diffusion, discretized_gaussian_log_likelihood
from dit_core.diffusion.respacing import spaced_timesteps
from dit_core.errors import UserError

SHAPE = (2, 8, 8)


@pytest.fixture(scope="module")
def diffusion() -> Diffusion:
    return Diffusion(DiffusionConfig())


def scheduler(**options: object) -> DDPMScheduler:
    return DDPMScheduler(
        num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02, beta_schedule="linear", clip_sample=False, **options
    )


def drawn(count: int, seed: int, channels: int = SHAPE[0]) -> torch.Tensor:
    return torch.randn((count, channels, *SHAPE[1:]), generator=torch.Generator().manual_seed(seed))


def test_betas_are_the_papers(diffusion: Diffusion) -> None:
    assert diffusion.betas.dtype == torch.float64
    assert diffusion.betas[0].item() == pytest.approx(1e-4)
    assert diffusion.betas[-1].item() == pytest.approx(0.02)
    steps = diffusion.betas.diff()
    assert torch.allclose(steps, steps[:1].expand_as(steps))
    assert torch.equal(diffusion.timesteps, torch.arange(1000))


def test_forward_process_has_the_moments_of_adding_noise_step_by_step(diffusion: Diffusion) -> None:
    # x_t = sqrt(1 - beta) x_{t-1} + sqrt(beta) e, composed by hand over the first 30 steps
    signal, variance = 1.0, 0.0
    for beta in diffusion.betas[:30].tolist():
        signal, variance = signal * math.sqrt(1 - beta), variance * (1 - beta) + beta
    x0 = torch.full((200_000, 1, 1, 1), 0.7)
    noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
    xt = diffusion.q_sample(x0, torch.full((len(x0),), 29), noise)
    assert xt.mean().item() == pytest.approx(signal * 0.7, abs=4 * math.sqrt(variance / len(x0)))
    assert xt.var().item() == pytest.approx(variance, rel=0.02)


def test_forward_process_agrees_with_diffusers(diffusion: Diffusion) -> None:
    t = torch.tensor([0, 1, 250, 999])
    x0, noise = drawn(4, 0), drawn(4, 1)
    torch.testing.assert_close(diffusion.q_sample(x0, t, noise), scheduler().add_noise(x0, noise, t))


def test_predict_x0_inverts_the_forward_process(diffusion: Diffusion) -> None:
    t = torch.tensor([0, 10, 400, 900])
    x0, noise = drawn(4, 0), drawn(4, 1)
    recovered = diffusion.predict_x0(diffusion.q_sample(x0, t, noise), t, noise)
    torch.testing.assert_close(recovered, x0, rtol=1e-3, atol=1e-3)


def test_posterior_is_bayes_rule(diffusion: Diffusion) -> None:
    # q(x_{t-1} | x_t, x_0) is proportional to q(x_t | x_{t-1}) q(x_{t-1} | x_0): a product of two Gaussians
    for step in (1, 2, 500, 999):
        beta = diffusion.betas[step].item()
        kept = diffusion.alphas_cumprod[step - 1].item()
        x0, xt = 0.3, -0.8
        precision = (1 - beta) / beta + 1 / (1 - kept)
        mean = (math.sqrt(1 - beta) * xt / beta + math.sqrt(kept) * x0 / (1 - kept)) / precision
        found_mean, found_log_variance = diffusion.posterior(
            torch.full((1, 1, 1, 1), x0), torch.full((1, 1, 1, 1), xt), torch.tensor([step])
        )
        assert found_mean.item() == pytest.approx(mean, rel=1e-4)
        assert found_log_variance.exp().item() == pytest.approx(1 / precision, rel=1e-4)


@pytest.mark.parametrize("step", [1, 2, 300, 999])
def test_reverse_step_with_a_learned_range_agrees_with_diffusers(diffusion: Diffusion, step: int) -> None:
    output, xt = drawn(3, 0, channels=4), drawn(3, 1)
    output[:, 2:] = output[:, 2:].tanh()
    mean, log_variance = diffusion.p_mean_variance(output, xt, torch.full((3,), step))
    theirs = scheduler(variance_type="learned_range")
    generator = torch.Generator().manual_seed(7)
    noise_they_draw = torch.randn(xt.shape, generator=torch.Generator().manual_seed(7))
    ours = mean + (log_variance / 2).exp() * noise_they_draw
    stepped = theirs.step(output, step, xt, generator=generator).prev_sample
    torch.testing.assert_close(ours, stepped, rtol=1e-4, atol=1e-4)


def test_variance_spans_posterior_to_beta(diffusion: Diffusion) -> None:
    t = torch.tensor([5, 700])
    output, xt = drawn(2, 0, channels=4), drawn(2, 1)
    for v, expected in (
        (-1.0, diffusion.posterior(xt, xt, t)[1]),
        (1.0, diffusion.betas[t].log()[:, None, None, None]),
    ):
        output[:, 2:] = v
        _, log_variance = diffusion.p_mean_variance(output, xt, t)
        torch.testing.assert_close(log_variance, expected.float().expand_as(log_variance))


def test_without_a_learned_range_the_variance_is_beta_and_there_is_no_variational_term(diffusion: Diffusion) -> None:
    t = torch.tensor([3, 800])
    x0, noise, output = drawn(2, 0), drawn(2, 1), drawn(2, 2)
    xt = diffusion.q_sample(x0, t, noise)
    _, log_variance = diffusion.p_mean_variance(output, xt, t)
    torch.testing.assert_close(log_variance.flatten().double().exp(), diffusion.betas[t], rtol=1e-5, atol=0)
    mse, vb = diffusion.losses(output, x0, xt, t, noise)
    torch.testing.assert_close(mse, ((output - noise) ** 2).mean((1, 2, 3)))
    assert torch.equal(vb, torch.zeros(2))


def test_variational_term_is_the_gaussian_kl_in_bits(diffusion: Diffusion) -> None:
    t = torch.tensor([1, 40, 999])
    x0, noise, output = drawn(3, 0).clamp(-1, 1), drawn(3, 1), drawn(3, 2, channels=4)
    xt = diffusion.q_sample(x0, t, noise)
    _, vb = diffusion.losses(output, x0, xt, t, noise)

    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    kept = torch.cumprod(1 - betas, 0)
    for row, step in enumerate(t.tolist()):
        beta, now, before = betas[step], kept[step], kept[step - 1]
        eps = output[row, :2].double()
        guess = (xt[row].double() - (1 - now).sqrt() * eps) / now.sqrt()
        variance = beta * (1 - before) / (1 - now)

        def mean(x: torch.Tensor, row: int = row, beta=beta, now=now, before=before) -> torch.Tensor:
            return (before.sqrt() * beta * x + (1 - beta).sqrt() * (1 - before) * xt[row].double()) / (1 - now)

        share = (output[row, 2:].double() + 1) / 2
        learned = torch.exp(share * beta.log() + (1 - share) * variance.log())
        divergence = kl_divergence(Normal(mean(x0[row].double()), variance.sqrt()), Normal(mean(guess), learned.sqrt()))
        assert vb[row].item() == pytest.approx(divergence.mean().item() / math.log(2), rel=2e-3)


def test_at_step_0_the_term_is_the_likelihood_of_the_pixels_bin(diffusion: Diffusion) -> None:
    t = torch.zeros(2, dtype=torch.int64)
    x0 = (torch.randint(0, 256, (2, *SHAPE), generator=torch.Generator().manual_seed(0)) / 127.5) - 1
    x0[0, 0, 0, :2] = torch.tensor([-1.0, 1.0])  # both open-ended bins
    noise, output = drawn(2, 1), torch.zeros(2, 4, 8, 8)
    output[:, :2] = noise + 0.3 * drawn(2, 2)
    output[:, 2:] = drawn(2, 3).tanh()
    xt = diffusion.q_sample(x0, t, noise)
    _, vb = diffusion.losses(output, x0, xt, t, noise)
    mean, log_variance = diffusion.p_mean_variance(output, xt, t)
    exact = Normal(mean.double(), (log_variance.double() / 2).exp())
    above, below = exact.cdf(x0.double() + 1 / 255), exact.cdf(x0.double() - 1 / 255)
    probability = torch.where(x0 < -0.999, above, torch.where(x0 > 0.999, 1 - below, above - below))
    expected = -probability.clamp(min=1e-12).log().mean((1, 2, 3)) / math.log(2)
    torch.testing.assert_close(vb.double(), expected, rtol=5e-3, atol=5e-3)


def test_the_256_bins_cover_everything() -> None:
    levels = (torch.arange(256) / 127.5 - 1).reshape(1, 1, 16, 16)
    mean, log_scale = torch.full_like(levels, 0.1), torch.full_like(levels, -1.0)
    assert discretized_gaussian_log_likelihood(levels, mean, log_scale).exp().sum().item() == pytest.approx(1, abs=1e-4)


def test_the_variational_term_does_not_train_the_mean(diffusion: Diffusion) -> None:
    t = torch.tensor([0, 10, 900])
    x0, noise = drawn(3, 0), drawn(3, 1)
    output = drawn(3, 2, channels=4).requires_grad_()
    _, vb = diffusion.losses(output, x0, diffusion.q_sample(x0, t, noise), t, noise)
    vb.sum().backward()
    assert output.grad is not None
    assert torch.equal(output.grad[:, :2], torch.zeros(3, *SHAPE))
    assert (output.grad[:, 2:] != 0).any(dim=(1, 2, 3)).all()


def test_a_perfect_network_has_no_loss_but_the_last_bin(diffusion: Diffusion) -> None:
    t = torch.tensor([1, 500])
    x0, noise = drawn(2, 0), drawn(2, 1)
    output = torch.cat([noise, torch.full_like(noise, -1)], 1)  # the posterior's own variance
    mse, vb = diffusion.losses(output, x0, diffusion.q_sample(x0, t, noise), t, noise)
    assert mse.abs().max().item() == 0
    assert vb.abs().max().item() < 1e-4


@pytest.mark.parametrize("steps", [1, 2, 7, 50, 250, 999, 1000])
def test_spacing_is_even_and_includes_both_ends(steps: int) -> None:
    kept = spaced_timesteps(1000, steps)
    assert len(set(kept)) == steps
    assert kept == sorted(kept)
    assert kept[0] == 0
    if steps > 1:
        assert kept[-1] == 999
        gaps = {later - earlier for earlier, later in itertools.pairwise(kept)}
        assert max(gaps) - min(gaps) <= 1


def test_respaced_process_keeps_the_share_of_signal(diffusion: Diffusion) -> None:
    spaced = diffusion.respaced(50)
    torch.testing.assert_close(spaced.alphas_cumprod, diffusion.alphas_cumprod[spaced.timesteps], rtol=1e-12, atol=0)


def test_full_respacing_is_the_process_itself(diffusion: Diffusion) -> None:
    torch.testing.assert_close(diffusion.respaced(1000).betas, diffusion.betas, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_spacing_is_an_error(diffusion: Diffusion, steps: int) -> None:
    with pytest.raises(UserError, match=f"sampling_steps: {steps} given; allowed: 1 to the 1000"):
        diffusion.respaced(steps)
