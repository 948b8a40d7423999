"""A small convolutional network whose features Fréchet distances compare on small images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURES = 48
LARGEST = 64
"""Larger images are made this small first, by the mean over areas."""
ROTATIONS = 4


class SmallCNN(nn.Module):
    """3x3 convolutions down to 4x4 cells and two linear layers.

    The features are the inputs of the last linear layer, before the non-linearity would cut half of each off.

    Args:
        channels: of the images.
        side: height and width of the images, in pixels.
        outputs: classes.
    """

    def __init__(self, channels: int, side: int, outputs: int) -> None:
        super().__init__()
        self.channels, self.side, self.outputs = channels, min(side, LARGEST), outputs
        layers: list[nn.Module] = [
            nn.Conv2d(channels, 24, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(24, 32, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(32, 48, 3, padding=1),
            nn.GELU(),
        ]
        left = (self.side + 1) // 2
        while left > 4:
            layers += [nn.Conv2d(48, 48, 3, stride=2, padding=1), nn.GELU()]
            left = (left + 1) // 2
        self.stem = nn.Sequential(*layers, nn.Flatten(), nn.Linear(48 * left * left, FEATURES))
        self.head = nn.Sequential(nn.GELU(), nn.Linear(FEATURES, outputs))

    def features(self, images: Tensor) -> Tensor:
        """Returns features (N, 48) of uint8 images (N, channels, side, side), or of larger ones."""
        x = images.float() / 127.5 - 1
        if x.shape[-1] != self.side:
            x = functional.interpolate(x, size=(self.side, self.side), mode="area")
        features: Tensor = self.stem(x)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Returns class logits (N, outputs) of uint8 images."""
        logits: Tensor = self.head(self.features(images))
        return logits


def fit(images: Tensor, labels: Tensor | None, outputs: int, *, steps: int, batch: int, seed: int) -> SmallCNN:
    """Trains a network to tell classes apart, or, without labels, by how many quarters an image was turned.

    Deterministic on one machine and one thread. Telling rotations apart needs what is in the images, and no labels
    (Gidaris et al., arXiv 1803.07728).

    Args:
        images: uint8 (N, C, side, side).
        labels: (N,) int64; None for unlabelled images.
        outputs: classes; without labels ``ROTATIONS``.
        steps: of the optimiser.
        batch: images of a step.
        seed: of weights, batches and augmentation.

    Returns:
        The network, in evaluation mode.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = SmallCNN(images.shape[1], images.shape[-1], outputs)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(0, len(images), (batch,), generator=generator)
        seen = augment(images[chosen], generator)
        if labels is None:
            turns = torch.randint(0, ROTATIONS, (batch,), generator=generator)
            seen, wanted = turned(seen, turns), turns
        else:
            wanted = labels[chosen]
        loss = functional.cross_entropy(model(seen), wanted, label_smoothing=0.1)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    return model.eval()


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shifts each image of ``images`` (N, C, H, H) by up to a sixteenth of its side each way and adds noise.

    The Gaussian noise of up to 0.05 makes the features change smoothly, not suddenly, as generated images become less
    clean. Images of less than 32 pixels are shifted by up to one.
    """
    count, side = len(images), images.shape[-1]
    most = max(1, side // 16)
    padded = functional.pad(images, (most, most, most, most))
    shift = torch.randint(0, 2 * most + 1, (count, 2), generator=generator)
    rows = (shift[:, :1] + torch.arange(side))[:, :, None]
    columns = (shift[:, 1:] + torch.arange(side))[:, None, :]
    moved = padded[torch.arange(count)[:, None, None], :, rows, columns].permute(0, 3, 1, 2).contiguous().float()
    amount = torch.rand(count, 1, 1, 1, generator=generator) * 0.05 * 255
    noisy = moved + amount * torch.randn(moved.shape, generator=generator)
    return noisy.round().clamp(0, 255).to(torch.uint8)


def turned(images: Tensor, turns: Tensor) -> Tensor:
    """Turns each image (N, C, H, H) by its number of quarters (N,)."""
    return torch.stack([image.rot90(int(turn), (1, 2)) for image, turn in zip(images, turns, strict=True)])
