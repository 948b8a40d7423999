"""The Diffusion Transformer (Peebles & Xie, "Scalable Diffusion Models with Transformers", arXiv 2212.09748).

Shape legend: N images, C channels, H and W height and width, T tokens, E extra tokens, D token width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dit_core.model.blocks import BLOCKS, Block
from dit_core.model.config import ModelConfig
from dit_core.model.decoders import DECODERS
from dit_core.model.embedders import LabelEmbedder, PatchEmbedder, TimestepEmbedder, position_table


class DiT(nn.Module):
    """A transformer over image patches, conditioned on a diffusion timestep and a class label.

    Labels are used as given: replacing some by the null class (``config.num_classes``) during training is the
    training loop's part. Initial weights are drawn from torch's global generator.

    Args:
        config: the network's shape, block and decoder.
    """

    pos_embed: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        block = BLOCKS.get(config.block, "model.block")
        decoder = DECODERS.get(config.decoder, "model.decoder")
        self.x_embedder = PatchEmbedder(config.in_channels, config.patch_size, config.hidden_size)
        self.pos_embed = nn.Parameter(
            position_table(config.hidden_size, config.input_size // config.patch_size), requires_grad=False
        )
        self.t_embedder = TimestepEmbedder(config.hidden_size)
        self.y_embedder = LabelEmbedder(config.num_classes, config.hidden_size)
        self.extra_tokens = block.extra_tokens
        self.blocks = nn.ModuleList(block(config) for _ in range(config.depth))
        self.final_norm = block.final_norm(config)
        self.decoder = decoder(config)
        self.initialise()

    def forward(self, x_NCHW: Tensor, t_N: Tensor, y_N: Tensor) -> Tensor:
        """Predicts the noise and, where ``learn_sigma``, the variance.

        Args:
            x_NCHW: noisy images or latents, (N, in_channels, input_size, input_size).
            t_N: diffusion timesteps, (N,).
            y_N: labels in [0, num_classes], the last one being the null class, (N,) integers.

        Returns:
            (N, out_channels, input_size, input_size): the noise in the first ``in_channels`` channels, the
            variance's interpolation in the others.

        Raises:
            ValueError: ``x_NCHW`` does not have the shape that the config says.
        """
        expected = (self.config.in_channels, self.config.input_size, self.config.input_size)
        if tuple(x_NCHW.shape[1:]) != expected:
            raise ValueError(f"x_NCHW: expected (N, {', '.join(map(str, expected))}), got {tuple(x_NCHW.shape)}")
        x_NTD = self.x_embedder(x_NCHW) + self.pos_embed
        t_ND, y_ND = self.t_embedder(t_N), self.y_embedder(y_N)
        extra_NED = self.extra_tokens(t_ND, y_ND)
        if extra_NED is not None:
            x_NTD = torch.cat((x_NTD, extra_NED.to(x_NTD.dtype)), dim=1)
        for block in self.blocks:
            x_NTD = block(x_NTD, t_ND, y_ND)
        x_NTD = self.final_norm(x_NTD[:, : self.config.num_tokens], t_ND, y_ND)
        out_NCHW: Tensor = self.decoder(x_NTD)
        return out_NCHW

    def initialise(self) -> None:
        """Draws the initial weights: the common rule first, then each part's own."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                nn.init.xavier_uniform_(module.weight.flatten(1))  # a convolution is viewed as a linear
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.t_embedder.initialise()
        self.y_embedder.initialise()
        for block in self.blocks:
            assert isinstance(block, Block)
            block.initialise()
        self.final_norm.initialise()
        self.decoder.initialise()
