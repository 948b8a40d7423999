"""What one training step minimises."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from dit_core.diffusion.process import Process
from dit_core.training.batches import Batch
from dit_core.training.masking import pick

RECONSTRUCTION_WEIGHT = 0.1
"""MaskDiT's weight of the error on masked patches (arXiv 2306.09305, section 4)."""


def step_loss(
    process: Process, batch: Batch, xt: Tensor, output: Tensor, patch_size: int, of: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns what some images add to the loss of a step, to its squared error and to its variational term.

    Each is a sum over the images of a term that depends on one image alone, divided by ``of``. The parts of a batch add
    up to the whole batch but for the order of summation, and so do their gradients.

    Where tokens are masked, an image's last two terms are means over its kept patches, and its loss has a third part:
    on the masked patches the network is to reconstruct its input ``x_t``, as in MaskDiT (which also standardises every
    patch in its code, though not in the paper). The noise of a patch that was not seen cannot be predicted.

    Args:
        process: the noise process.
        batch: what the step saw, or a part of it.
        xt: (n, C, H, W) noised images.
        output: (n, C or 2C, H, W) float32 prediction.
        patch_size: side of a patch.
        of: images of the step on this rank. (Ranks have equally many, so the mean over ranks is that over the global
            batch.)
    """
    predicted, x0, noised, noise = output, batch.x0, xt, batch.noise
    if batch.kept is not None:
        predicted, x0, noised, noise = (pick(x, batch.kept, patch_size) for x in (predicted, x0, noised, noise))
    mse, vb = process.losses(predicted, x0, noised, batch.t, noise)
    loss = process.weighted(mse, batch.t) + vb
    if batch.masked is not None:
        guess, hidden = (pick(x, batch.masked, patch_size) for x in (output[:, : xt.shape[1]], xt))
        loss = loss + RECONSTRUCTION_WEIGHT * (guess - hidden).square().flatten(1).mean(1)
    return loss.sum() / of, mse.sum() / of, vb.sum() / of


def alignment_loss(projected_NSF: Tensor, features_NTF: Tensor, keep_NS: Tensor | None, of: int) -> Tensor:
    """Returns what some images add to the alignment term of a step: minus the mean cosine similarity of their tokens.

    REPA (Yu et al., arXiv 2410.06940, section 3.2, eq. 8).

    Args:
        projected_NSF: float32, of the tokens that ran through the blocks.
        features_NTF: of all tokens.
        keep_NS: which tokens those are; None for all.
        of: images of the step on this rank.
    """
    if keep_NS is not None:
        features_NTF = features_NTF.gather(1, keep_NS.unsqueeze(-1).expand(-1, -1, features_NTF.shape[-1]))
    similarity: Tensor = F.cosine_similarity(projected_NSF, features_NTF, dim=-1)
    return -similarity.mean(1).sum() / of
