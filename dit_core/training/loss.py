"""What one training step minimises."""

from __future__ import annotations

from torch import Tensor

from dit_core.diffusion.process import Process
from dit_core.training.batches import Batch
from dit_core.training.masking import pick

RECONSTRUCTION_WEIGHT = 0.1
"""MaskDiT's weight of the error on masked patches (arXiv 2306.09305, section 4)."""


def step_loss(
    process: Process, batch: Batch, xt: Tensor, output: Tensor, patch_size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the loss of a step, its squared error and its variational term, each a mean over the images.

    Where tokens are masked, the last two are means over the kept patches, and the loss has a third part: on the
    masked patches the network is to reconstruct its input ``x_t``, as in MaskDiT (which also standardises every
    patch in its code, though not in the paper). The noise of a patch that was not seen cannot be predicted.

    Args:
        process: the noise process.
        batch: what the step saw.
        xt: (n, C, H, W) noised images.
        output: (n, C or 2C, H, W) float32 prediction.
        patch_size: side of a patch.
    """
    if batch.kept is None or batch.masked is None:
        mse, vb = process.losses(output, batch.x0, xt, batch.t, batch.noise)
        return process.weighted(mse, batch.t).mean() + vb.mean(), mse.mean(), vb.mean()
    output_kept, x0, xt_kept, noise = (pick(x, batch.kept, patch_size) for x in (output, batch.x0, xt, batch.noise))
    mse, vb = process.losses(output_kept, x0, xt_kept, batch.t, noise)
    guess, seen = (pick(x, batch.masked, patch_size) for x in (output[:, : xt.shape[1]], xt))
    reconstruction = (guess - seen).square().mean()
    loss = process.weighted(mse, batch.t).mean() + vb.mean() + RECONSTRUCTION_WEIGHT * reconstruction
    return loss, mse.mean(), vb.mean()
