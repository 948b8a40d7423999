"""An exported ``DiTPipeline`` draws our images: network, null class, guidance, scheduler and VAE together."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, DiTPipeline
from random_weights import random_dit, small

from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.sampling import sample
from dit_core.errors import UserError
from dit_core.interop.diffusers import match_timesteps
from dit_core.interop.pipeline import write_pipeline

STEPS = 20
SCALE = 0.3
LABELS = [0, 3, 6]


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("vae")
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    sizes = {"block_out_channels": (8, 8), "norm_num_groups": 4, "latent_channels": 3, "scaling_factor": SCALE}
    AutoencoderKL(**kinds, **sizes).save_pretrained(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["noise", "v"])
@pytest.mark.parametrize("num_classes", [7, 1000])
def test_the_images_are_the_same(objective: str, num_classes: int, vae: Path, tmp_path: Path) -> None:
    # as many steps as the process has: every spacing then agrees
    process = DiffusionConfig(num_timesteps=STEPS, objective=objective)
    model = random_dit(small(in_channels=3, num_classes=num_classes, depth=2))
    notes = write_pipeline(
        tmp_path, model.state_dict(), model.config, process, vae=str(vae), vae_scale=SCALE, record={"arm": "baseline"}
    )
    assert len(notes) == 1 and "match_timesteps" in notes[0]
    pipeline = DiTPipeline.from_pretrained(tmp_path)
    pipeline.set_progress_bar_config(disable=True)

    start = torch.randn((3, 3, 8, 8), generator=torch.Generator().manual_seed(2))
    latents = sample(
        model,
        Diffusion(process),
        noise=start,
        labels=torch.tensor(LABELS),
        steps=STEPS,
        guidance_scale=4.0,
        null_label=num_classes,
        step_noise=lambda _: torch.full_like(start, torch.nan),
        sampler="ddim",
    )
    with torch.no_grad():
        expected = (pipeline.vae.decode(latents / SCALE).sample / 2 + 0.5).clamp(0, 1)

    def drawn() -> torch.Tensor:
        generator = torch.Generator().manual_seed(2)
        options = {"guidance_scale": 4.0, "num_inference_steps": STEPS, "output_type": "np"}
        images = pipeline(LABELS, generator=generator, **options).images
        return torch.from_numpy(images).permute(0, 3, 1, 2)

    assert (drawn() - expected).abs().max() > 1e-3, "the frequencies of diffusers are other ones"
    match_timesteps(pipeline.transformer)
    assert expected.std() > 0.01
    torch.testing.assert_close(drawn(), expected, atol=1e-4, rtol=0)


def test_more_classes_than_the_pipeline_knows_come_with_a_warning(vae: Path, tmp_path: Path) -> None:
    model = random_dit(small(in_channels=3, num_classes=1003, depth=1))
    notes = write_pipeline(
        tmp_path, model.state_dict(), model.config, DiffusionConfig(), vae=str(vae), vae_scale=SCALE, record={}
    )
    assert "label 1000 for the null class, which is one of your 1003 classes" in notes[1]
    assert DiTPipeline.from_pretrained(tmp_path).transformer.config.num_embeds_ada_norm == 1003


def test_a_vae_of_other_latents_is_refused(vae: Path, tmp_path: Path) -> None:
    model = random_dit(small(depth=1))
    with pytest.raises(UserError, match=r"data\.vae: .* has 3 latent channels, the latents have 4"):
        write_pipeline(
            tmp_path, model.state_dict(), model.config, DiffusionConfig(), vae=str(vae), vae_scale=SCALE, record={}
        )
    assert not any(tmp_path.iterdir())
