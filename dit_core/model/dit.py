"""The Diffusion Transformer (Peebles & Xie, "Scalable Diffusion Models with Transformers", arXiv 2212.09748).

Shape legend: N images, C channels, H and W height and width, T tokens, S kept tokens, E extra tokens, D token width,
H heads (where an attention is meant), L blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from dit_core.model.alignment import Projector
from dit_core.model.blocks.base import Block
from dit_core.model.common import Common, Dropped
from dit_core.model.config import ModelConfig
from dit_core.model.decoders.base import Noised
from dit_core.model.embedders import LabelEmbedder, PatchEmbedder, TimestepEmbedder
from dit_core.model.positions import offsets, sequence_offsets, sequence_rotation
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

    Attributes:
        activation_checkpointing: whether training keeps only the blocks' inputs and computes the rest anew (Chen et
            al., arXiv 1604.06174).
    """

    pos_embed: nn.Parameter | None
    rotation: Tensor | None
    offsets: Tensor | None
    registers: nn.Parameter | None
    mask_token: nn.Parameter | None

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.activation_checkpointing = False
        block = BLOCKS.get(config.block, "model.block")
        decoder = DECODERS.get(config.decoder, "model.decoder")
        position = POSITIONS.get(config.position, "model.position")
        width = config.hidden_size
        self.x_embedder = PatchEmbedder(config.in_channels, config.patch_size, width)
        self.pos_embed = position.table(config) if position.table else None
        self.register_buffer("rotation", position.rotation(config) if position.rotation else None, persistent=False)
        self.register_buffer("offsets", offsets(config) if position.bias else None, persistent=False)
        self.t_embedder = TimestepEmbedder(width)
        self.y_embedder = LabelEmbedder(config.classes, width)
        self.extra_tokens = block.extra_tokens
        self.registers = nn.Parameter(torch.zeros(1, config.registers, width)) if config.registers else None
        self.shared = block.shared(config)
        self.blocks = nn.ModuleList(block(config) for _ in range(1 + config.block_of_layer[-1]))
        self.skips = nn.ModuleList(LongSkip(width) for _ in range(config.depth // 2 if config.long_skips else 0))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width)) if config.mask_token else None
        self.final_norm = block.final_norm(config)
        self.decoder = decoder(config)
        self.alignment = Projector(config) if config.alignment_layer else None
        self.initialise()

    def forward(
        self,
        x_NCHW: Tensor,
        t_N: Tensor,
        y_N: Tensor,
        keep_NS: Tensor | None = None,
        attention_dropout: Dropped | None = None,
        mlp_dropout: Dropped | None = None,
        project: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Predicts the noise and, where ``learn_sigma``, the variance.

        Args:
            x_NCHW: noisy images or latents, (N, in_channels, input_size, input_size).
            t_N: diffusion timesteps, (N,).
            y_N: labels in [0, num_classes], the last one being the null class, (N,) integers.
            keep_NS: which image tokens run through the blocks, (N, S) distinct indices of each image; the learned
                mask token stands in for the others before the decoder. None keeps them all.
            attention_dropout: of the attention weights of every block, (L, N, H, S + E, S + E).
            mlp_dropout: of the output of every block's pointwise network, (L, N, S + E, D).
            project: also return what ``config.alignment_layer`` makes of the image tokens, projected to features.

        Returns:
            (N, out_channels, input_size, input_size): the noise in the first ``in_channels`` channels, the
            variance's interpolation in the others. With ``project`` also (N, S, F), F being ``alignment_width``.

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
        common = self._places(keep_NS, x_NTD.shape[1] - images)._replace(
            shared=None if self.shared is None else self.shared(t_ND, y_ND),
            attention_dropout=attention_dropout,
            mlp_dropout=mlp_dropout,
        )
        x_NTD, aligned_NTD = self._through_blocks(x_NTD, t_ND, y_ND, common)
        x_NTD = self.final_norm(x_NTD[:, :images], t_ND, y_ND)
        if keep_NS is not None:
            x_NTD = self._fill(x_NTD, keep_NS)
        out_NCHW: Tensor = self.decoder(x_NTD, Noised(x_NCHW, t_ND, self.pos_embed, self._places(None, 0)))
        if not project:
            return out_NCHW
        if self.alignment is None or aligned_NTD is None:
            raise ValueError("project: the network has nothing to project with; set model.alignment_layer and _width")
        return out_NCHW, self.alignment(aligned_NTD[:, :images])

    def _places(self, keep_NS: Tensor | None, extra: int) -> Common:
        """Returns where the tokens of a sequence are: the image's that are kept, then ``extra`` without a place."""
        return Common(
            None if self.rotation is None else sequence_rotation(self.rotation, keep_NS, extra),
            None if self.offsets is None else sequence_offsets(self.offsets, keep_NS),
        )

    def _through_blocks(
        self, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor, common: Common
    ) -> tuple[Tensor, Tensor | None]:
        """Runs the blocks; with long skips, the last ones see what their mirror images in the first half put out.

        Returns:
            What the last block puts out, and what ``alignment_layer`` does.
        """
        early: list[Tensor] = []
        aligned_NTD = None
        first_joined = self.config.depth - len(self.skips)
        for index, own in enumerate(self.config.block_of_layer):
            if index >= first_joined:
                x_NTD = self.skips[index - first_joined](x_NTD, early.pop())
            x_NTD = self._through(self.blocks[own], x_NTD, t_ND, y_ND, common.of_block(index))
            if index < len(self.skips):
                early.append(x_NTD)
            if index + 1 == self.config.alignment_layer:
                aligned_NTD = x_NTD
        return x_NTD, aligned_NTD

    def _through(self, block: nn.Module, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor, common: Common) -> Tensor:
        if not (self.activation_checkpointing and torch.is_grad_enabled()):
            out_NTD: Tensor = block(x_NTD, t_ND, y_ND, common)
            return out_NTD
        # nothing in a block draws at random, so there is no generator's state to keep
        again: Tensor = checkpoint(block, x_NTD, t_ND, y_ND, common, use_reentrant=False, preserve_rng_state=False)
        return again

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
