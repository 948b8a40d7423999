"""A diffusers ``AutoencoderKL``: loading, identifying and checking it, encoding images and decoding latents."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import math
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from dit_core.data.base import to_uint8
from dit_core.data.latents_format import VaeIdentity
from dit_core.errors import UserError

DECODE_BATCH = 16
_ENCODING = ("encoder.", "quant_conv.")


@functools.cache
def load_vae(source: str, device: torch.device) -> Any:
    """Returns the ``AutoencoderKL`` called ``source``, in float32, for inference; cached per process.

    Args:
        source: hub name or local path.
        device: where it works.

    Raises:
        UserError: when it cannot be loaded, with the reason.
    """
    from diffusers import AutoencoderKL

    options = {"use_safetensors": True, "low_cpu_mem_usage": False, "torch_dtype": torch.float32}
    if not source.strip():
        raise UserError("data.vae: no name given; give a local folder in diffusers format, or a hub name")
    try:
        with quiet_hub():
            kind = AutoencoderKL.load_config(source).get("_class_name", "AutoencoderKL")
            if kind == "AutoencoderKL":
                vae, told = AutoencoderKL.from_pretrained(source, output_loading_info=True, **options)
    except Exception as error:  # the hub client and diffusers raise many types; all mean that it cannot be loaded
        raise UserError(
            f"data.vae: no AutoencoderKL can be loaded from {source!r} ({root_cause(error)}); give a local folder in "
            f"diffusers format, or a hub name that this machine can reach or has cached"
        ) from None
    if kind != "AutoencoderKL":
        raise UserError(f"data.vae: {source!r} is of the class {kind}; allowed: AutoencoderKL")
    _check_weights(vae, told, source)
    return vae.to(device).eval().requires_grad_(False)


def _check_weights(vae: Any, told: dict[str, Any], source: str) -> None:
    """Refuses a VAE of which diffusers filled a part with random numbers, or whose numbers are none."""
    for what, says in (("missing_keys", "lacks"), ("unexpected_keys", "has beside those of its configuration")):
        names = sorted(told.get(what, ()))
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise UserError(f"data.vae: the file of weights of {source!r} {says} {', '.join(names[:3])}{more}")
    for name, tensor in vae.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise UserError(f"data.vae: {source!r} holds numbers in {name} that are not finite")
    factor = vae.config.scaling_factor
    if not isinstance(factor, int | float) or not 0 < factor < math.inf:
        raise UserError(f"data.vae: {source!r} states scaling_factor {factor!r}; wanted: a number above 0")


@contextlib.contextmanager
def quiet_hub() -> Iterator[None]:
    """Keeps the hub client's warnings about every retry off the terminal; the error in the end says it all."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="huggingface_hub")
            yield
    finally:
        logger.setLevel(before)


def root_cause(error: BaseException) -> str:
    """Returns the first error of a chain: the outer ones say "no config.json" when the network is down."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text if len(text) <= 200 else text[:197] + '...'}"


@functools.cache
def vae_identity(source: str) -> VaeIdentity:
    """Returns what tells a VAE from others: its weights, in float32, whatever file they came from."""
    weights = load_vae(source, torch.device("cpu")).state_dict()
    content = {True: hashlib.sha256(), False: hashlib.sha256()}
    for name in sorted(weights):
        part = content[name.startswith(_ENCODING)]
        part.update(f"{name} {tuple(weights[name].shape)}\n".encode())
        part.update(weights[name].contiguous().numpy().tobytes())
    return VaeIdentity(name=source, encoder=content[True].hexdigest(), decoder=content[False].hexdigest())


def shrink_factor(vae: Any) -> int:
    """Returns an image's side over its latent's side."""
    return int(2 ** (len(vae.config.block_out_channels) - 1))


def shift_of(vae: Any) -> float:
    """Returns what is subtracted from a latent before it is scaled; most VAEs have none."""
    return float(getattr(vae.config, "shift_factor", None) or 0.0)


def check_vae(
    vae: Any, source: str, *, shape: tuple[int, int, int], image_size: int, scale: float, shift: float = 0.0
) -> None:
    """Checks that a VAE decodes latents of ``shape`` (C, H, W), ``scale`` and ``shift`` into images of ``image_size``.

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
    factor = shrink_factor(vae)
    if height * factor != image_size:
        raise UserError(
            f"data.image_size: {image_size} given, but {source!r} decodes latents of side {height} to {height * factor}"
        )
    check_scale(vae, source, scale)
    if not math.isclose(shift_of(vae), shift, rel_tol=1e-4):
        raise UserError(f"data.vae: {source!r} shifts its latents by {shift_of(vae)}, these latents by {shift}")


def check_scale(vae: Any, source: str, scale: float) -> None:
    """Checks that a VAE's latents become model inputs by a shift and the factor ``scale`` alone.

    Raises:
        UserError: when it states another factor, or statistics per channel.
    """
    if not math.isclose(vae.config.scaling_factor, scale, rel_tol=1e-4):
        raise UserError(f"data.vae_scale: {scale} given, but {source!r} states {vae.config.scaling_factor}")
    if getattr(vae.config, "latents_mean", None) or getattr(vae.config, "latents_std", None):
        raise UserError(f"data.vae: {source!r} normalises its latents per channel, which is not supported")


@torch.no_grad()
def encode_images(vae: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the posterior's mean and standard deviation, float32 (N, c, h, w), of images ``x`` in [-1, 1].

    Args:
        vae: on the device of ``x``.
        x: (N, C, H, W) float32.
    """
    with torch.autocast(x.device.type, enabled=False):
        posterior = vae.encode(x).latent_dist
    return posterior.mean, posterior.std


@torch.no_grad()
def decode_latents(vae: Any, x: Tensor, scale: float, shift: float = 0.0) -> Tensor:
    """Returns images, uint8 (N, C, H, W), of model inputs ``x`` on the VAE's device; float32 even under autocast."""
    with torch.autocast(x.device.type, enabled=False):
        return torch.cat([to_uint8(vae.decode(part.float() / scale + shift).sample) for part in x.split(DECODE_BATCH)])
