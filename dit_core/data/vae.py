"""Decoding latents through a diffusers ``AutoencoderKL``."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from torch import Tensor

from dit_core.data.base import to_uint8
from dit_core.errors import UserError

DECODE_BATCH = 16


@functools.cache
def load_vae(source: str, device: torch.device) -> Any:
    """Returns the ``AutoencoderKL`` called ``source``, in float32, for inference; cached per process.

    Args:
        source: hub name or local path.
        device: where it decodes.

    Raises:
        UserError: when it cannot be loaded, with the reason.
    """
    from diffusers import AutoencoderKL

    try:
        vae = AutoencoderKL.from_pretrained(source, use_safetensors=True, low_cpu_mem_usage=False)
    except Exception as error:  # the hub client and diffusers raise many types; all mean that it cannot be loaded
        raise UserError(
            f"data.vae: no AutoencoderKL can be loaded from {source!r} ({_root(error)}); give a local folder in "
            f"diffusers format, or a hub name that this machine can reach or has cached"
        ) from None
    return vae.to(device=device, dtype=torch.float32).eval().requires_grad_(False)


def _root(error: BaseException) -> str:
    """Returns the first error of a chain: the outer ones say "no config.json" when the network is down."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text if len(text) <= 200 else text[:197] + '...'}"


def check_vae(vae: Any, source: str, *, shape: tuple[int, int, int], image_size: int, scale: float) -> None:
    """Checks that a VAE decodes latents of ``shape`` (C, H, W) and ``scale`` into images of side ``image_size``.

    Raises:
        UserError: naming what does not fit.
    """
    config = vae.config
    channels, height, _ = shape
    if config.latent_channels != channels:
        raise UserError(
            f"data.vae: {source!r} has {config.latent_channels} latent channels, the latents have {channels}"
        )
    if config.out_channels not in (1, 3):
        raise UserError(f"data.vae: {source!r} decodes to {config.out_channels} channels; allowed: 1, 3")
    factor = 2 ** (len(config.block_out_channels) - 1)
    if height * factor != image_size:
        raise UserError(
            f"data.image_size: {image_size} given, but {source!r} decodes latents of side {height} to {height * factor}"
        )
    if not math.isclose(config.scaling_factor, scale, rel_tol=1e-4):
        raise UserError(f"data.vae_scale: {scale} given, but {source!r} states {config.scaling_factor}")
    if getattr(config, "shift_factor", None):
        raise UserError(f"data.vae: {source!r} shifts its latents by {config.shift_factor}, which is not supported")


@torch.no_grad()
def decode_latents(vae: Any, x: Tensor, scale: float) -> Tensor:
    """Returns images, uint8 (N, C, H, W), of scaled latents ``x`` on the VAE's device; float32 even under autocast."""
    with torch.autocast(x.device.type, enabled=False):
        return torch.cat([to_uint8(vae.decode(part.float() / scale).sample) for part in x.split(DECODE_BATCH)])
