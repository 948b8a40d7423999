"""The Diffusion Transformer (Peebles & Xie, "Scalable Diffusion Models with Transformers", arXiv 2212.09748).

Shape legend: N images, C channels, H and W height and width, T tokens, S kept tokens, E extra tokens, D token width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dit_core.model.blocks.base import Block, Common
from dit_core.model.config import ModelConfig
from dit_core.model.decoders.base import Noised
from dit_core.model.embedders import LabelEmbedder, PatchEmbedder, TimestepEmbedder
from dit_core.model.positions import sequence_rotation
from dit_core.model.skips import LongSkip
from dit_core.parts import BLOCKS, DECODERS, POSITIONS


class DiT(nn.Module):
    """A transformer over image patches, conditioned on a diffusion timestep and a class label.

    Labels are used as given: replacing some by the null class (``config.num_classes``) during training is the
    training loop's part. Initial weights are drawn from torch's global generator. What ``position``, ``registers`` and
    ``mask_token`` add is drawn after everything else: networks that differ in one of these share all other initial
    weights. (``dit_core.training.state.initial_network`` sees to it that those which differ in ``mlp`` do as well.)

    Args:
        config: the network's shape, block and decoder.
    """

    pos_embed: nn.Parameter | None
    rotation: Tensor | None
    registers: nn.Parameter | None
    mask_token: nn.Parameter | None

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        block = BLOCKS.get(config.block, "model.block")
        decoder = DECODERS.get(config.decoder, "model.decoder")
        position = POSITIONS.get(config.position, "model.position")
        width = config.hidden_size
        self.x_embedder = PatchEmbedder(config.in_channels, config.patch_size, width)
        self.pos_embed = position.table(config) if position.table else None
        self.register_buffer("rotation", position.rotation(config) if position.rotation else None, persistent=False)
        self.t_embedder = TimestepEmbedder(width)
        self.y_embedder = LabelEmbedder(config.num_classes, width)
        self.extra_tokens = block.extra_tokens
        self.registers = nn.Parameter(torch.zeros(1, config.registers, width)) if config.registers else None
        self.shared = block.shared(config)
        self.blocks = nn.ModuleList(block(config) for _ in range(config.depth))
        self.skips = nn.ModuleList(LongSkip(width) for _ in range(config.depth // 2 if config.long_skips else 0))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width)) if config.mask_token else None
        self.final_norm = block.final_norm(config)
        self.decoder = decoder(config)
        self.initialise()

    def forward(self, x_NCHW: Tensor, t_N: Tensor, y_N: Tensor, keep_NS: Tensor | None = None) -> Tensor:
        """Predicts the noise and, where ``learn_sigma``, the variance.

        Args:
            x_NCHW: noisy images or latents, (N, in_channels, input_size, input_size).
            t_N: diffusion timesteps, (N,).
            y_N: labels in [0, num_classes], the last one being the null class, (N,) integers.
            keep_NS: which image tokens run through the blocks, (N, S) distinct indices of each image; the learned
                mask token stands in for the others before the decoder. None keeps them all.

        Returns:
            (N, out_channels, input_size, input_size): the noise in the first ``in_channels`` channels, the
            variance's interpolation in the others.

        Raises:
            ValueError: ``x_NCHW`` does not have the shape that the config says, or tokens are left out of a network
                without a mask token.
        """
        expected = (self.config.in_channels, self.config.input_size, self.config.input_size)
        if tuple(x_NCHW.shape[1:]) != expected:
            raise ValueError(f"x_NCHW: expected (N, {', '.join(map(str, expected))}), got {tuple(x_NCHW.shape)}")
        x_NTD = self.x_embedder(x_NCHW).to(
            self.x_embedder.proj.weight.dtype
        )  # the residuals' type, with positions or not
        if self.pos_embed is not None:
            x_NTD = x_NTD + self.pos_embed
        t_ND, y_ND = self.t_embedder(t_N), self.y_embedder(y_N)
        if keep_NS is not None:
            x_NTD = x_NTD.gather(1, _rows(keep_NS, x_NTD))
        images = x_NTD.shape[1]
        for extra_NED in (self.extra_tokens(t_ND, y_ND), self.registers):
            if extra_NED is not None:
                x_NTD = torch.cat((x_NTD, extra_NED.expand(len(x_NTD), -1, -1).to(x_NTD.dtype)), dim=1)
        x_NTD = self._through_blocks(x_NTD, t_ND, y_ND, self._common(t_ND, y_ND, keep_NS, x_NTD.shape[1] - images))
        x_NTD = self.final_norm(x_NTD[:, :images], t_ND, y_ND)
        if keep_NS is not None:
            x_NTD = self._fill(x_NTD, keep_NS)
        rotation_2NTR = None if self.rotation is None else self.rotation.unsqueeze(1)
        out_NCHW: Tensor = self.decoder(x_NTD, Noised(x_NCHW, t_ND, self.pos_embed, rotation_2NTR))
        return out_NCHW

    def _common(self, t_ND: Tensor, y_ND: Tensor, keep_NS: Tensor | None, extra: int) -> Common:
        rotation_2NTR = None if self.rotation is None else sequence_rotation(self.rotation, keep_NS, extra)
        return Common(rotation_2NTR, None if self.shared is None else self.shared(t_ND, y_ND))

    def _through_blocks(self, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor, common: Common) -> Tensor:
        """Runs the blocks; with long skips, the last ones see what their mirror images in the first half put out."""
        early: list[Tensor] = []
        first_joined = len(self.blocks) - len(self.skips)
        for index, block in enumerate(self.blocks):
            if index >= first_joined:
                x_NTD = self.skips[index - first_joined](x_NTD, early.pop())
            x_NTD = block(x_NTD, t_ND, y_ND, common)
            if index < len(self.skips):
                early.append(x_NTD)
        return x_NTD

    def _fill(self, x_NSD: Tensor, keep_NS: Tensor) -> Tensor:
        """Returns all image tokens, (N, T, D): those that were kept in their places, the mask token elsewhere."""
        if self.mask_token is None:
            raise ValueError("keep_NS: the network has no mask token for the other tokens; set model.mask_token")
        filled_NTD = self.mask_token.to(x_NSD.dtype).expand(len(x_NSD), self.config.num_tokens, -1)
        return filled_NTD.scatter(1, _rows(keep_NS, x_NSD), x_NSD)

    def initialise(self) -> None:
        """Draws the initial weights: the common rule first, then each part's own."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                nn.init.xavier_uniform_(module.weight.flatten(1))  # a convolution is viewed as a linear
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.t_embedder.initialise()
        self.y_embedder.initialise()
        if self.shared is not None:
            self.shared.initialise()
        for block in self.blocks:
            assert isinstance(block, Block)
            block.initialise()
        self.final_norm.initialise()
        self.decoder.initialise()
        for tokens in (self.pos_embed, self.registers, self.mask_token):
            if tokens is not None and tokens.requires_grad:
                nn.init.normal_(tokens, std=0.02)


def _rows(keep_NS: Tensor, x_NTD: Tensor) -> Tensor:
    """Returns the index that picks whole tokens, (N, S, D)."""
    return keep_NS.unsqueeze(-1).expand(-1, -1, x_NTD.shape[-1])
