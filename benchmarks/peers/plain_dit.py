"""DiT with adaLN-Zero blocks and a linear decoder, written plainly (Peebles & Xie, arXiv 2212.09748, section 3.2)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head self-attention.

    Args:
        width: token width.
        heads: attention heads.
        fused: ``scaled_dot_product_attention``, which timm's attention (used by the official code) has chosen by
            default since 0.9; else the softmax is written out, as before.
    """

    def __init__(self, width: int, heads: int, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        count, tokens, width = x.shape
        qkv = self.qkv(x).reshape(count, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = ((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).softmax(dim=-1) @ v
        return self.out(mixed.transpose(1, 2).reshape(count, tokens, width))


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class Block(nn.Module):
    """A transformer block whose norms and residuals are modulated by the conditioning."""

    def __init__(self, width: int, heads: int, mlp_width: int, fused: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attention = Attention(width, heads, fused)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, mlp_width), nn.GELU(approximate="tanh"), nn.Linear(mlp_width, width))
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(c).chunk(6, dim=1)
        x = x + gate1.unsqueeze(1) * self.attention(modulated(self.norm1(x), shift1, scale1))
        x = x + gate2.unsqueeze(1) * self.mlp(modulated(self.norm2(x), shift2, scale2))
        return x


class PlainDiT(nn.Module):
    """The network. Labels are dropped inside while it is in training mode, as in the official code.

    Weights start at PyTorch's defaults: they are loaded, or nothing depends on them.
    """

    def __init__(
        self,
        *,
        input_size: int,
        channels: int,
        patch_size: int,
        width: int,
        depth: int,
        heads: int,
        mlp_width: int,
        num_classes: int,
        class_dropout: float,
        fused_attention: bool,
    ) -> None:
        super().__init__()
        self.channels, self.patch_size, self.side = channels, patch_size, input_size // patch_size
        self.num_classes, self.class_dropout = num_classes, class_dropout
        self.patches = nn.Conv2d(channels, width, kernel_size=patch_size, stride=patch_size)
        self.positions = nn.Parameter(torch.zeros(1, self.side**2, width), requires_grad=False)
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.labels = nn.Embedding(num_classes + 1, width)
        self.blocks = nn.ModuleList(Block(width, heads, mlp_width, fused_attention) for _ in range(depth))
        self.last_norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.last_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self.last = nn.Linear(width, patch_size**2 * 2 * channels)

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Maps (N, C, H, W), (N,) and (N,) to the noise and the variance's interpolation, (N, 2C, H, W)."""
        if self.training and self.class_dropout > 0:
            dropped = torch.rand(len(y), device=y.device) < self.class_dropout
            y = torch.where(dropped, self.num_classes, y)
        frequencies = torch.exp(-math.log(10_000) * torch.arange(128, dtype=torch.float32, device=t.device) / 128)
        angles = t[:, None].float() * frequencies[None]
        c = self.time(torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)) + self.labels(y)
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = block(x, c)
        shift, scale = self.last_modulation(c).chunk(2, dim=1)
        x = self.last(modulated(self.last_norm(x), shift, scale))
        side, patch = self.side, self.patch_size
        x = x.reshape(len(x), side, side, patch, patch, 2 * self.channels)
        return torch.einsum("nhwpqc->nchpwq", x).reshape(len(x), 2 * self.channels, side * patch, side * patch)


def guided(model: nn.Module, scale: float, null_label: int, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
    """Runs the network with and without labels in one batch and extrapolates the leading noise channels.

    Three of four latent channels are guided, as in the released code, or all of any other number.
    """
    channels = x.shape[1]
    leading = 3 if channels == 4 else channels
    out = model(torch.cat([x, x]), torch.cat([t, t]), torch.cat([y, torch.full_like(y, null_label)]))
    with_label, without = out.chunk(2)
    noise = without[:, :leading] + scale * (with_label[:, :leading] - without[:, :leading])
    return torch.cat([noise, with_label[:, leading:]], dim=1)
