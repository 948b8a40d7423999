"""Trains the classifier behind ``fd_digits_cnn`` (``python -m dit_core.metrics.features.train_digits_cnn``).

Deterministic on one machine and one thread. Uses the training images of the default split only; the accuracy printed
and stored is on the held-out ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from dit_core.data.config import DataConfig
from dit_core.data.digits import Digits
from dit_core.metrics.features.digits_cnn import FEATURES, WEIGHTS, DigitsCNN

STEPS = 1500
BATCH = 128
SEED = 0


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shifts each image of ``images`` (N, 1, 8, 8) by up to one pixel each way and adds Gaussian noise of up to 0.05.

    The noise makes the features change smoothly, not suddenly, as generated images become less clean.
    """
    count = len(images)
    padded = functional.pad(images, (1, 1, 1, 1))
    shift = torch.randint(0, 3, (count, 2), generator=generator)
    rows = (shift[:, :1] + torch.arange(8))[:, :, None]
    columns = (shift[:, 1:] + torch.arange(8))[:, None, :]
    moved = padded[torch.arange(count)[:, None, None], 0, rows, columns][:, None].float()
    amount = torch.rand(count, 1, 1, 1, generator=generator) * 0.05 * 255
    noisy = moved + amount * torch.randn(moved.shape, generator=generator)
    return noisy.round().clamp(0, 255).to(torch.uint8)


def train(steps: int = STEPS, seed: int = SEED) -> tuple[DigitsCNN, float]:
    """Returns the trained classifier and its accuracy on the held-out images."""
    dataset = Digits.load(DataConfig())
    images = torch.cat(list(dataset.reference("train")))
    labels = dataset.labels("train")
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = DigitsCNN()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(0, len(images), (BATCH,), generator=generator)
        logits = model(augment(images[chosen], generator))
        loss = functional.cross_entropy(logits, labels[chosen], label_smoothing=0.1)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    model.eval()
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
