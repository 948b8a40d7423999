"""Trains the classifier behind ``fd_digits_cnn`` (``python -m dit_core.metrics.features.train_digits_cnn``).

Deterministic on one machine and one thread. Uses the training images of the default split only; the accuracy printed
and stored is on the held-out ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from dit_core.data.config import DataConfig
from dit_core.data.digits import Digits
from dit_core.metrics.features.digits_cnn import WEIGHTS
from dit_core.metrics.features.small_cnn import FEATURES, SmallCNN, fit

STEPS = 1500
BATCH = 128
SEED = 0


def train(steps: int = STEPS, seed: int = SEED) -> tuple[SmallCNN, float]:
    """Returns the trained classifier and its accuracy on the held-out images."""
    dataset = Digits.load(DataConfig())
    images = torch.cat(list(dataset.reference("train")))
    model = fit(images, dataset.labels("train"), dataset.num_classes, steps=steps, batch=BATCH, seed=seed)
    with torch.no_grad():
        predicted = model(torch.cat(list(dataset.reference("held_out")))).argmax(1)
    return model, (predicted == dataset.labels("held_out")).float().mean().item()


def main() -> None:
    """Trains, prints the accuracy and writes the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    model, accuracy = train(arguments.steps)
    config = DataConfig()
    about = {
        "test_accuracy": f"{accuracy:.4f}",
        "split": f"split_seed {config.split_seed}, held_out_fraction {config.held_out_fraction}",
        "steps": str(arguments.steps),
        "seed": str(SEED),
        "features": str(FEATURES),
    }
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(state, arguments.output, metadata=about)
    print(f"test accuracy {accuracy:.4f}; {arguments.output.stat().st_size} bytes in {arguments.output}")


if __name__ == "__main__":
    main()
