"""Feature extractors with random weights, in the layouts that the real ones come in."""

from __future__ import annotations

from pathlib import Path

import torch


def random_inception(path: Path) -> str:
    """Saves a random state dict of torch-fidelity's Inception-v3 as its own weights are; returns the path."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Fresh(FeatureExtractorInceptionV3):  # type: ignore[misc]
        def load_state_dict(self, *_: object, **__: object) -> None:
            """Keeps the initial weights."""

    torch.save({}, path)
    torch.manual_seed(0)
    network = Fresh("inception", ["2048"], feature_extractor_weights_path=str(path))
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    torch.nn.init.normal_(network.fc.weight, std=1.0)  # classes that images really differ in
    torch.save(network.state_dict(), path)
    return str(path)


def random_dinov2(folder: Path, width: int = 32) -> str:
    """Saves a tiny random DINOv2 in transformers' layout; returns the folder."""
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    config = Dinov2Config(hidden_size=width, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14)
    Dinov2Model(config).save_pretrained(folder)
    return str(folder)
