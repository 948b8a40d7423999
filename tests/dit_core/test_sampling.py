"""Classifier-free guidance against the released rule, and what ancestral sampling asks of its noise."""

from __future__ import annotations

import torch

from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.guidance import guided_channels
from dit_core.diffusion.sampling import guided, sample
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT

STEPS = 10


def network(channels: int) -> DiT:
    torch.manual_seed(0)
    model = DiT(
        ModelConfig(
            input_size=8, in_channels=channels, patch_size=4, hidden_size=16, depth=1, num_heads=2, num_classes=5
        )
    )
    for parameter in model.parameters():  # zero-initialised layers would say nothing
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def noises(channels: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn((3, channels, 8, 8), generator=generator) for _ in range(STEPS + 1)]


def test_guidance_1_runs_the_network_once_on_the_plain_batch() -> None:
    model, drawn, sizes = network(1), noises(1), []

    def counted(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        sizes.append(len(x))
        return model(x, t, y)

    for scale, expected in ((1.0, 3), (2.0, 6)):
        sizes.clear()
        sample(
            counted, Diffusion(DiffusionConfig()), noise=drawn[-1], labels=torch.tensor([0, 1, 2]), steps=STEPS,
            guidance_scale=scale, null_label=5, step_noise=lambda index: drawn[index],
        )  # fmt: skip
        assert sizes == [expected] * STEPS


def test_guidance_reaches_three_of_four_latent_channels_and_every_pixel_channel() -> None:
    for channels, reached in ((4, 3), (1, 1), (3, 3), (16, 16)):
        assert guided_channels(channels) == reached
        model = network(channels)
        x, t, y = torch.randn(2, channels, 8, 8), torch.tensor([10, 700]), torch.tensor([1, 2])
        with torch.inference_mode():
            found = guided(model, 3.0, 5, guided_channels(channels))(x, t, y)
            conditional, free = model(x, t, y), model(x, t, torch.tensor([5, 5]))
        expected = conditional.clone()
        expected[:, :reached] = free[:, :reached] + 3.0 * (conditional - free)[:, :reached]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_guidance_0_is_unconditional() -> None:
    model = network(1)
    x, t, y = torch.randn(2, 1, 8, 8), torch.tensor([10, 700]), torch.tensor([1, 2])
    with torch.inference_mode():
        found = guided(model, 0.0, 5, 1)(x, t, y)[:, :1]
        torch.testing.assert_close(found, model(x, t, torch.tensor([5, 5]))[:, :1])


def test_the_last_step_adds_no_noise_and_every_other_one_does() -> None:
    asked: list[int] = []
    drawn = noises(1)

    def step_noise(index: int) -> torch.Tensor:
        asked.append(index)
        return drawn[index]

    sample(
        network(1), Diffusion(DiffusionConfig()), noise=drawn[-1], labels=torch.tensor([0, 1, 2]), steps=STEPS,
        guidance_scale=1.0, null_label=5, step_noise=step_noise,
    )  # fmt: skip
    assert asked == list(range(STEPS - 1, 0, -1))


def test_a_network_that_knows_the_image_arrives_at_it() -> None:
    """The exact noise of a known image takes sampling to that image, whatever the noise on the way."""
    diffusion = Diffusion(DiffusionConfig())
    image = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(5)) * 2 - 1

    def oracle(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        kept = diffusion.alphas_cumprod[t].float()[:, None, None, None]
        return torch.cat([(x - kept.sqrt() * image) / (1 - kept).sqrt(), torch.zeros_like(x)], 1)

    drawn = noises(1)
    found = sample(
        oracle, diffusion, noise=drawn[-1], labels=torch.zeros(3, dtype=torch.int64), steps=STEPS, guidance_scale=1.0,
        null_label=5, step_noise=lambda index: drawn[index],
    )  # fmt: skip
    torch.testing.assert_close(found, image, rtol=0, atol=1e-4)
