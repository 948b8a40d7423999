"""What bfloat16 in the feature network would do to a distance: ``fd_digits_cnn`` both ways, on ever noisier digits.

    python benchmarks/scoring_precision.py

Seconds on one core. Scoring in bfloat16 would be worth it on a GPU if the value moved by less than a thousandth.
"""

from __future__ import annotations

import checkout  # noqa: F401 (before everything that imports the project)
import torch
from torch import Tensor

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.metrics.fd_digits_cnn import DigitsCNNDistance
from dit_core.metrics.features.cnn_features import CNNFeatures
from dit_core.metrics.features.extractor import Extractor

GOAL = 1e-3
CPU = torch.device("cpu")


class Halved(Extractor):
    """Another extractor, its network under autocast to bfloat16, for the training images as well.

    Args:
        whole: the extractor.
    """

    moments = CNNFeatures.moments
    on_disk = False

    def __init__(self, whole: Extractor) -> None:
        super().__init__(whole.device)
        self._whole, self.dims, self.key = whole, whole.dims, f"{whole.key} in bfloat16"

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Returns every feature, (N, D) float32, of images, uint8 (N, C, H, W)."""
        with torch.autocast(self.device.type, torch.bfloat16):
            found = self._whole.forward(images)
        return {name: feature.float() for name, feature in found.items()}

    def about(self, feature: str) -> dict[str, object]:
        """Returns what a reader must know about a feature."""
        return self._whole.about(feature)


def distance(images: Tensor, *, halved: bool) -> float:
    """Returns the distance of images, uint8 (N, C, H, W), to the training images."""
    config = TrialConfig.model_validate({"evaluation": {"num_samples": len(images)}})
    metric = DigitsCNNDistance(config, load_dataset(config.data), CPU)
    if halved:
        metric.extractor = Halved(metric.extractor)
    metric.update(images, 0)
    return metric.result().value


def main() -> None:
    """Prints the table."""
    held_out = torch.cat(list(load_dataset(TrialConfig().data).reference("held_out")))
    generator = torch.Generator().manual_seed(0)
    print("noise (of 255)  float32   bfloat16  relative difference")
    worst = 0.0
    for noise in (0, 10, 30, 60, 120):
        shifted = held_out + noise * torch.randn(held_out.shape, generator=generator)
        images = shifted.clamp(0, 255).to(torch.uint8)
        whole, half = distance(images, halved=False), distance(images, halved=True)
        worst = max(worst, abs(half / whole - 1))
        print(f"{noise:14d} {whole:8.3f} {half:10.3f} {half / whole - 1:20.2%}")
    print(f"largest: {worst:.2%}; the goal is {GOAL:.1%}")


if __name__ == "__main__":
    main()
