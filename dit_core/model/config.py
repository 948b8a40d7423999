"""What determines the network: its shape, its conditioning block and its decoder."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from dit_core.base import Added, Config
from dit_core.errors import UserError


class ModelConfig(Config):
    """A Diffusion Transformer (Peebles & Xie, arXiv 2212.09748, section 3.2).

    Attributes:
        input_size: height and width of the input, in pixels or latent cells.
        in_channels: channels of the input (4 for Stable Diffusion latents, 1 for digits).
        patch_size: side of one patch; must divide ``input_size``.
        hidden_size: token width D.
        depth: number of transformer blocks N.
        num_heads: attention heads; must divide ``hidden_size``.
        mlp_ratio: hidden width of a block's MLP over D.
        block: conditioning block, a name in ``dit_core.parts.BLOCKS``.
        decoder: output head, a name in ``dit_core.parts.DECODERS``.
        num_classes: classes of the data, 0 for unconditional data; the null class is an extra row of the label table.
        class_conditional: whether the network is told the labels; without, every image has the null class, in training
            and in sampling.
        learn_sigma: predict the variance as well (doubles the output channels).
        position: how tokens know where they are, a name in ``dit_core.parts.POSITIONS``.
        norm: normalisation in the blocks and before the decoder, a name in ``dit_core.parts.NORMS``.
        qk_norm: normalise queries and keys per head before attention.
        mlp: the pointwise network of a block, a name in ``dit_core.parts.MLPS``.
        gate_init: how the gates of adaLN-Zero start, a name in ``dit_core.parts.GATE_INITS``.
        registers: learned tokens that are appended to the image's and dropped before the decoder.
        long_skips: connect the first half of the blocks to the second half, U-shaped.
        shared_blocks: how many consecutive blocks share one set of weights; 1 for none, 0 for all.
        alignment_layer: block after which training aligns tokens with given features, counted from 1; 0 for none.
        alignment_width: features of a token that it aligns with; 0 for none.
        mask_token: learn a token that stands in, before the decoder, for image tokens that are left out of the blocks.

    Every size has an upper limit, far above what anybody trains: a network is built to count what it costs, and a
    slip of the keyboard would be built for hours.
    """

    input_size: int = Field(32, gt=0, le=4096)
    in_channels: int = Field(4, gt=0, le=4096)
    patch_size: int = Field(2, gt=0)
    hidden_size: int = Field(1152, gt=0, le=65_536)
    depth: int = Field(28, gt=0, le=256)
    num_heads: int = Field(16, gt=0)
    mlp_ratio: float = Field(4.0, gt=0, le=256)
    block: str = "adaln-zero"
    decoder: str = "linear"
    num_classes: int = Field(1000, ge=0, le=10_000_000)
    class_conditional: Annotated[bool, Added(as_before=True)] = True
    learn_sigma: bool = True
    position: str = "sincos"
    norm: str = "layernorm"
    qk_norm: bool = False
    mlp: str = "gelu"
    gate_init: str = "zero"
    registers: int = Field(0, ge=0, le=65_536)
    long_skips: bool = False
    shared_blocks: Annotated[int, Added(as_before=1)] = Field(1, ge=0)
    alignment_layer: Annotated[int, Added(as_before=0)] = Field(0, ge=0)
    alignment_width: Annotated[int, Added(as_before=0)] = Field(0, ge=0, le=65_536)
    mask_token: bool = False

    @property
    def num_tokens(self) -> int:
        """Tokens T = (input_size / patch_size)^2."""
        return (self.input_size // self.patch_size) ** 2

    @property
    def classes(self) -> int:
        """Classes that the network tells apart, besides the null class."""
        return self.num_classes if self.class_conditional else 0

    @property
    def out_channels(self) -> int:
        """Channels the network predicts: doubled when the variance is learned."""
        return self.in_channels * (2 if self.learn_sigma else 1)

    @property
    def block_of_layer(self) -> tuple[int, ...]:
        """Which set of weights each of the ``depth`` blocks has, counted from 0."""
        return tuple(layer // (self.shared_blocks or self.depth) for layer in range(self.depth))

    @property
    def mlp_width(self) -> int:
        """Hidden width of a block's MLP."""
        return int(self.hidden_size * self.mlp_ratio)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.long_skips and self.depth < 2:
            raise UserError(
                "model.long_skips: a network of depth 1 has no two halves to connect; allowed: depth 2 or more"
            )
        if not self.class_conditional and self.num_classes == 0:
            raise UserError(
                "model.class_conditional: false given, but the data has no labels to leave out (model.num_classes: 0); "
                "allowed: true"
            )
        if self.input_size % self.patch_size:
            divisors = [p for p in range(1, self.input_size + 1) if self.input_size % p == 0]
            raise UserError(
                f"model.patch_size: {self.patch_size} does not divide the input size {self.input_size}; "
                f"allowed: {', '.join(map(str, divisors))}"
            )
        if self.hidden_size % self.num_heads:
            fitting = [heads for heads in range(1, self.hidden_size + 1) if self.hidden_size % heads == 0]
            near = sorted(sorted(fitting, key=lambda heads: abs(math.log(heads / self.num_heads)))[:4])
            raise UserError(
                f"model.num_heads: {self.num_heads} does not divide the hidden size {self.hidden_size}; "
                f"nearest that do: {', '.join(map(str, near))}"
            )
        if self.mlp_width < 1:
            raise UserError(
                f"model.mlp_ratio: {self.mlp_ratio} of the hidden size {self.hidden_size} leaves no hidden unit; "
                f"allowed: at least {1 / self.hidden_size:g}"
            )
        return self
