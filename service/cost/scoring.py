"""What the networks cost that look at generated images: feature extractors, and the VAE that decodes latents."""

from __future__ import annotations

from dit_core.config import TrialConfig
from dit_core.parts import METRICS

_INCEPTION = 5.713
"""Inception-v3 (Szegedy et al., arXiv 1512.00567) on one image of 299x299; counted, as all figures here, by PyTorch's
operator counter on the network itself."""

FEATURES: dict[str, tuple[str, float]] = {
    "fd_digits_cnn": ("digits classifier", 0.00038),
    "fid": ("Inception-v3", _INCEPTION),
    "sfid": ("Inception-v3", _INCEPTION),
    "inception_score": ("Inception-v3", _INCEPTION),
    "precision": ("Inception-v3", _INCEPTION),
    "recall": ("Inception-v3", _INCEPTION),
    "kid": ("Inception-v3", _INCEPTION),
    "fid_infinity": ("Inception-v3", _INCEPTION),
    "fd_dinov2": ("DINOv2", 81.01),  # ViT-L/14 of Oquab et al., arXiv 2304.07193, on 224x224
}
"""Metric -> (its feature network, billions of multiply-adds per image). One that is not listed counts as another
network of Inception's size."""

_DECODER = 311.1 / 256**2
"""Billions of multiply-adds per pixel of the decoder of Stable Diffusion's VAE (Rombach et al., arXiv 2112.10752)."""


def scoring_gmacs(config: TrialConfig) -> float:
    """Returns the billions of multiply-adds that scoring one image takes; metrics of one network share its pass.

    The reference statistics, which are computed once and kept, and the matrix root at the end are not in it.
    """
    return sum(dict(map(_network, config.evaluation.metrics)).values())


def _network(metric: str) -> tuple[str, float]:
    if not metric.startswith("torchmetrics."):
        return FEATURES.get(metric, (metric, _INCEPTION))
    network = METRICS.about(metric).network
    return next((known for known in FEATURES.values() if known[0] == network), (metric, _INCEPTION))


def decoding_gmacs(config: TrialConfig) -> float:
    """Returns the billions of multiply-adds that turn one sample into an image: the VAE's decoder for latents."""
    latents = config.data.name == "latents" or config.data.vae is not None
    return _DECODER * config.data.image_size**2 if latents else 0.0
