"""Networks trained on a data set's own training images, for ``fd_<data>_cnn``: made once, kept, known by a hash.

A network lies in the cache folder, in ``feature-networks/<hash>.safetensors``. The hash is over its weights, and is
what a configuration names (``evaluation.feature_network``): the networks of two machines that would train other
weights from the same images cannot be taken for one another.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.data.paths import cache_folder
from dit_core.data.pixels import PixelDataset
from dit_core.errors import UserError
from dit_core.files import write_durably
from dit_core.metrics.features.cnn_features import CNNFeatures
from dit_core.metrics.features.extractor import weights_hash
from dit_core.metrics.features.small_cnn import LARGEST, ROTATIONS, SmallCNN, fit, turned

RECIPE = 1
"""Raised whenever a change makes another network of the same images."""
STEPS, BATCH, SEED = 400, 64, 0
MOST_IMAGES = 20_000
"""Training images that it learns from; of more, the first ones in the data set's order that are evenly apart."""
_FIELD = "evaluation.feature_network"


def folder() -> Path:
    """Returns the folder of networks; it need not exist."""
    return cache_folder() / "feature-networks"


def network_of(dataset: ImageDataset, steps: int = STEPS) -> str:
    """Returns the hash of a data set's network, which is trained where this machine has none of it yet.

    Args:
        dataset: the data; only its training split is looked at while training.
        steps: of the optimiser.

    Raises:
        UserError: it cannot be kept.
    """
    note = folder() / f"{dataset.fingerprint[:32]}-{RECIPE}-{steps}.json"
    try:
        known = str(json.loads(note.read_text())["network"])
        if _read(known) is not None:
            return known
    except (OSError, ValueError, KeyError, TypeError):
        pass  # it was not made yet, or is damaged: it is made again
    network, about = _trained(dataset, steps)
    name = weights_hash(network)
    state = {key: value.contiguous() for key, value in network.state_dict().items()}
    try:
        write_durably(_path(name), save(state, {"about": json.dumps(about)}))
        write_durably(note, json.dumps({"network": name}).encode())
    except OSError as error:
        raise UserError(f"{_FIELD}: the network cannot be kept in {folder()} ({error.strerror or error})") from None
    return name


@functools.cache
def load_network(name: str, device: torch.device) -> CNNFeatures:
    """Returns the features of a network by its hash; cached per process.

    Raises:
        UserError: this machine does not have it, or not whole.
    """
    found = _read(name)
    if found is None:
        raise UserError(
            f"{_FIELD}: the network {name!r:.40} is not in this machine's cache; copy {_path(name).name} into "
            f"{folder()} from the machine where `dit-ablate init` made it"
        )
    network, about = found
    told = {f"classifier_{key}": about[key] for key in ("task", "held_out_accuracy") if key in about}
    told["features"] = f"small CNN {name}"
    return CNNFeatures(network.requires_grad_(False).to(device), f"cnn-{name}", told, device)


def _path(name: str) -> Path:
    return folder() / f"{name}.safetensors"


def _read(name: str) -> tuple[SmallCNN, dict[str, Any]] | None:
    """Reads a network; None where there is none, or it is not what its name says."""
    if not name.isalnum():
        return None
    try:
        content = _path(name).read_bytes()
        state = load(content)
        length = int.from_bytes(content[:8], "little")
        about = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["about"])
        network = SmallCNN(about["channels"], about["side"], about["outputs"]).eval()
        network.load_state_dict(state)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError):
        return None
    return (network, about) if weights_hash(network) == name else None


def _trained(dataset: ImageDataset, steps: int) -> tuple[SmallCNN, dict[str, Any]]:
    classes = dataset.num_classes if dataset.num_classes > 1 else 0
    images, labels = _sample(dataset)
    outputs = classes or ROTATIONS
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(1)
    try:
        network = fit(images, labels if classes else None, outputs, steps=steps, batch=BATCH, seed=SEED)
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)
    about: dict[str, Any] = {
        "channels": network.channels,
        "side": network.side,
        "outputs": outputs,
        "task": f"{classes} classes" if classes else "rotations by quarters",
        "data": dataset.fingerprint,
        "recipe": RECIPE,
        "steps": steps,
    }
    held_out = _small(next(iter(dataset.reference("held_out"))).cpu())
    if not classes:
        turns = torch.arange(len(held_out)) % ROTATIONS
        about["held_out_accuracy"] = _accuracy(network, turned(held_out, turns), turns)
    elif isinstance(dataset, PixelDataset):
        about["held_out_accuracy"] = _accuracy(network, held_out, dataset.labels("held_out")[: len(held_out)])
    return network, about


def _sample(dataset: ImageDataset) -> tuple[Tensor, Tensor]:
    """Returns training images, at most ``LARGEST`` wide, and their labels."""
    count = len(dataset)
    every = max(1, -(-count // MOST_IMAGES))
    images, labels, start = [], [], 0
    for batch in dataset.reference("train"):
        rows = torch.arange(-start % every, len(batch), every)
        if len(rows):
            images.append(_small(batch[rows].cpu()))
            labels.append(dataset.batch(rows + start).y)
        start += len(batch)
    return torch.cat(images), torch.cat(labels)


def _small(images: Tensor) -> Tensor:
    if images.shape[-1] <= LARGEST:
        return images
    smaller = torch.nn.functional.interpolate(images.float(), size=(LARGEST, LARGEST), mode="area")
    return smaller.round().to(torch.uint8)


def _accuracy(network: SmallCNN, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return round(float((network(images).argmax(1) == labels).float().mean()), 4)
