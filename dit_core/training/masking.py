"""Token masking (MaskDiT: Zheng et al., arXiv 2306.09305): a training step runs the blocks on some of the tokens only.

Shape legend: N images, C channels, H and W height and width, p patch side, T tokens, S picked tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dit_core.errors import UserError
from dit_core.parts import DECODERS

if TYPE_CHECKING:
    from torch import Tensor

    from dit_core.config import TrialConfig


def kept_tokens(tokens: int, mask_ratio: float) -> int:
    """Returns how many of an image's tokens a training step keeps."""
    return round(tokens * (1 - mask_ratio))


def check_masking(config: TrialConfig) -> None:
    """Makes sure that masking leaves some tokens, leaves some out, and hides those.

    Raises:
        UserError: it does not.
    """
    model, ratio = config.model, config.training.mask_ratio
    if (ratio > 0) != model.mask_token:
        needed = "needs model.mask_token: true" if ratio > 0 else "would never train model.mask_token; allowed: false"
        raise UserError(f"training.mask_ratio: {ratio:g} {needed}")
    if ratio == 0:
        return
    kept = kept_tokens(model.num_tokens, ratio)
    if not 0 < kept < model.num_tokens:
        fewest, most = 1 / model.num_tokens, 1 - 1 / model.num_tokens
        raise UserError(
            f"training.mask_ratio: {ratio:g} of {model.num_tokens} tokens leaves out {model.num_tokens - kept}; "
            + (f"allowed: 0, or {fewest:.3g} to {most:.3g}" if model.num_tokens > 1 else "allowed: 0")
        )
    if DECODERS.about(model.decoder).looks_again:
        blind = ", ".join(name for name in DECODERS if not DECODERS.about(name).looks_again)
        raise UserError(
            f"training.mask_ratio: {ratio:g} hides nothing from the decoder {model.decoder!r}, which looks at the "
            f"noised image itself; allowed: 0, or one of the decoders {blind}"
        )


def pick(x_NCHW: Tensor, index_NS: Tensor, patch_size: int) -> Tensor:
    """Returns some patches of every image, one below the other, (N, C, S * p, p).

    Args:
        x_NCHW: the images.
        index_NS: which patches, counted row by row.
        patch_size: side p of a patch.
    """
    count, channels, height, width = x_NCHW.shape
    rows, columns = height // patch_size, width // patch_size
    x_NChpwq = x_NCHW.reshape(count, channels, rows, patch_size, columns, patch_size)
    x_NCTpq = x_NChpwq.transpose(3, 4).reshape(count, channels, rows * columns, patch_size, patch_size)
    index_N1S11 = index_NS[:, None, :, None, None].expand(-1, channels, -1, patch_size, patch_size)
    return x_NCTpq.gather(2, index_N1S11).flatten(2, 3)
