"""Writes our network as a folder that ``diffusers.DiTPipeline.from_pretrained`` opens."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dit_core.data.vae import check_vae, load_vae
from dit_core.diffusion.config import DiffusionConfig
from dit_core.errors import UserError
from dit_core.interop.diffusers import NULL_CLASS, Diffusers, fill_null_classes, transformer_config
from dit_core.interop.files import RECORD
from dit_core.model.config import ModelConfig
from dit_core.parts import NOISE_SCHEDULES

PREDICTION_TYPES = {"noise": "epsilon", "x0": "sample", "v": "v_prediction"}
"""Our objectives, as diffusers' schedulers call them; those of ``DiTPipeline`` know no flow."""


SCHEDULES = {"linear": "linear", "scaled-linear": "scaled_linear", "cosine": "squaredcos_cap_v2"}
"""Our noise schedules, as diffusers' DDIM calls them; it takes the betas of any other one as they are."""


def scheduler_config(config: DiffusionConfig) -> dict[str, Any]:
    """Returns the arguments of the ``DDIMScheduler`` that follows the trained process, without clipping.

    Its timesteps lead (0, 20, ..., 980 for 50 steps), as the paper's code spaces DDIM. With ``linspace`` diffusers
    visits the timesteps of the paper's ancestral sampler, but steps from each as if they were T // steps apart.

    Raises:
        UserError: the objective is one that the pipeline's schedulers do not have.
    """
    if config.objective not in PREDICTION_TYPES:
        raise UserError(
            f"diffusion.objective: {config.objective!r} has no scheduler that DiTPipeline can sample with; "
            f"allowed: {', '.join(PREDICTION_TYPES)}; the official layout holds any"
        )
    named = SCHEDULES.get(config.noise_schedule)
    betas = None if named else NOISE_SCHEDULES.get(config.noise_schedule)(config).tolist()
    return {
        "num_train_timesteps": config.num_timesteps,
        "beta_start": config.beta_start,
        "beta_end": config.beta_end,
        "beta_schedule": named or "linear",
        "trained_betas": betas,
        "prediction_type": PREDICTION_TYPES[config.objective],
        "timestep_spacing": "leading",
        "clip_sample": False,
        "set_alpha_to_one": True,
        "steps_offset": 0,
    }


def write_pipeline(
    folder: Path,
    tensors: Mapping[str, Tensor],
    model: ModelConfig,
    diffusion: DiffusionConfig,
    *,
    vae: str | None,
    vae_scale: float,
    record: Mapping[str, Any],
) -> tuple[str, ...]:
    """Writes ``transformer/``, ``scheduler/`` and, where there is a VAE, ``vae/`` and ``model_index.json``.

    Args:
        folder: where to; made here.
        tensors: the state of a ``DiT``.
        model: its config.
        diffusion: the process it was trained with.
        vae: hub name or local path of the ``AutoencoderKL`` of its latents; None for a network on pixels.
        vae_scale: factor between the VAE's latents and the network's inputs.
        record: provenance, written beside the weights.

    Returns:
        Sentences on what whoever samples from it should know.

    Raises:
        UserError: the VAE does not fit, or the objective has no scheduler.
    """
    from diffusers import DDIMScheduler, DiTPipeline, DiTTransformer2DModel

    notes = [
        "diffusers divides the timestep frequencies by 127, the paper's code by 128: "
        "dit_core.interop.diffusers.match_timesteps(pipeline.transformer) makes the loaded model exact"
    ]
    if model.num_classes > NULL_CLASS:
        notes.append(
            f"DiTPipeline takes label {NULL_CLASS} for the null class, which is one of your {model.num_classes} "
            "classes: guidance_scale must be 1 there"
        )
    elif model.in_channels == 4:
        notes.append("DiTPipeline guides all four latent channels, the paper's code the first three")
    scheduler = DDIMScheduler(**scheduler_config(diffusion))
    autoencoder = None if vae is None else _fitting_vae(vae, model, vae_scale)

    transformer = DiTTransformer2DModel(**transformer_config(model))
    named = fill_null_classes(Diffusers().from_ours(tensors), model.num_classes)
    transformer.load_state_dict(named, strict=True)
    if autoencoder is None:
        transformer.save_pretrained(folder / "transformer")
        scheduler.save_pretrained(folder / "scheduler")
        notes.append("without a VAE there is a transformer and a scheduler, but no DiTPipeline; give one with --vae")
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # diffusers' own, on how it registers its parts
            DiTPipeline(transformer=transformer, vae=autoencoder, scheduler=scheduler).save_pretrained(folder)
    text = json.dumps({**record, "num_classes": model.num_classes}, indent=1)
    (folder / "transformer" / RECORD).write_text(text)
    return tuple(notes)


def _fitting_vae(source: str, model: ModelConfig, scale: float) -> Any:
    vae = load_vae(source, torch.device("cpu"))
    side = model.input_size * 2 ** (len(vae.config.block_out_channels) - 1)
    shape = (model.in_channels, model.input_size, model.input_size)
    check_vae(vae, source, shape=shape, image_size=side, scale=scale)
    return vae
