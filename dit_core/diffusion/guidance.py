"""Which channels of a prediction classifier-free guidance steers."""

from __future__ import annotations


def guided_channels(channels: int, given: int | None = None) -> int:
    """Returns how many leading channels of the prediction guidance applies to: ``given``, or the usual number.

    The released DiT code guides the first three of the four latent channels, and the paper's figures come from it;
    so do we for four channels. Any other input (pixels, other latents) is guided in all of its channels.
    """
    if given is not None:
        return given
    return 3 if channels == 4 else channels
