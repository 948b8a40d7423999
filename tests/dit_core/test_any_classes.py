"""Unlabelled data, one class, three classes: trained, sampled, scored and shown for real."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import random_dinov2
from PIL import Image
from random_weights import batch, small
from small_trials import curve, only, tiny

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.errors import UserError
from dit_core.evaluation import draw_labels
from dit_core.events import Evaluated, Progress
from dit_core.parts import BLOCKS
from dit_core.training.batches import draw
from dit_core.training.loop import run
from dit_core.training.state import initial_network

BATCH = 32
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dinov2(tmp_path_factory: pytest.TempPathFactory) -> str:
    return random_dinov2(tmp_path_factory.mktemp("dinov2"))


def images(root: Path, classes: int) -> Path:
    """48 images of 8x8 pixels in a folder per class, or beside each other for none."""
    generator = np.random.default_rng(0)
    for i in range(48):
        path = root / f"{i}.png" if classes == 0 else root / f"class {i % classes}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
    return root


def trial(folder: Path, classes: int, dinov2: str = "", **evaluation: Any) -> TrialConfig:
    scored = {"metrics": ["fd_dinov2"], "dinov2_weights": dinov2} if dinov2 else {}
    return tiny(
        model={"in_channels": 3, "num_classes": classes},
        data={"name": "image-folder", "path": str(folder), "image_size": 8, "held_out_fraction": 0.25},
        evaluation={**scored, "num_samples": 48, "allow_few_samples": True, "grid_images": 12, **evaluation},
    )


@pytest.mark.parametrize(("classes", "columns"), [(0, 8), (1, 8), (3, 3)])
def test_any_number_of_classes_trains_and_is_evaluated(tmp_path: Path, dinov2: str, classes: int, columns: int) -> None:
    config = trial(images(tmp_path / "images", classes), classes, dinov2)
    events = list(run(config, tmp_path / "trial", until=4 * BATCH, device=CPU))
    (scored,) = only(Evaluated, events)
    assert np.isfinite(only(Progress, events)[-1].points[-1].loss)
    assert scored.metrics[0].name == "fd_dinov2" and np.isfinite(scored.metrics[0].value)
    width, height = Image.open(io.BytesIO(scored.grid)).size
    side, rows = 48, -(-12 // columns)
    assert (width, height) == (columns * (side + 2) - 2, rows * (side + 2) - 2)


@pytest.mark.parametrize("classes", [0, 1, 3])
def test_the_null_class_comes_after_the_classes(tmp_path: Path, classes: int) -> None:
    config = trial(images(tmp_path, classes), classes)
    dropped = config.model_copy(update={"training": config.training.model_copy(update={"class_dropout": 1.0})})
    dataset = load_dataset(config.data)
    assert draw(dropped, dataset, 0, CPU).y.tolist() == [classes] * BATCH
    seen = {label for step in range(4) for label in draw(config, dataset, step, CPU).y.tolist()}
    assert seen == set(range(classes + 1))


@pytest.mark.parametrize("labels", ["uniform", "balanced"])
def test_labels_to_sample_are_classes_or_the_null_class_alone(tmp_path: Path, labels: str) -> None:
    for classes in (0, 1, 3):
        drawn = draw_labels(trial(tmp_path, classes, labels=labels), torch.arange(60))
        assert drawn.dtype == torch.int64 and set(drawn.tolist()) == set(range(max(1, classes)))


def test_another_number_of_classes_is_refused_before_training(tmp_path: Path) -> None:
    unlabelled = images(tmp_path / "images", 0)
    with pytest.raises(
        UserError, match=r"model\.num_classes: 10 does not fit the data set 'image-folder', which has 0"
    ):
        next(run(trial(unlabelled, 10), tmp_path / "trial", until=BATCH, device=CPU))


def test_guidance_needs_classes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"evaluation\.guidance_scale: 1\.5 given, but unconditional data"):
        trial(tmp_path, 0, guidance_scale=1.5)


@pytest.mark.parametrize("block", BLOCKS.names())
def test_an_unconditional_network_is_the_conditional_one_that_sees_the_null_class(block: str) -> None:
    networks = []
    for conditional in (True, False):
        torch.manual_seed(0)
        networks.append(initial_network(small(block=block, class_conditional=conditional)))
    told, untold = networks
    for network in networks:  # what starts at zero would hide the labels
        generator = torch.Generator().manual_seed(1)
        for name, parameter in network.named_parameters():
            if name != "y_embedder.embedding_table.weight":
                parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    x, t, y = batch(told.config)
    with torch.no_grad():
        assert (y < 7).any() and not torch.equal(told(x, t, y), untold(x, t, y))
        assert torch.equal(told(x, t, torch.full_like(y, 7)), untold(x, t, y))
    assert {name for name, tensor in told.state_dict().items() if tensor.shape != untold.state_dict()[name].shape} == {
        "y_embedder.embedding_table.weight"
    }


def test_unconditional_training_is_training_with_every_label_dropped(tmp_path: Path) -> None:
    """To the bit: labels are drawn and dropped as before, and change nothing."""
    untold = tiny(model={"class_conditional": False})
    dropped = tiny(training={"class_dropout": 1 - 2**-52})
    losses = [
        list(curve(run(config, tmp_path / str(index), until=12 * BATCH, evaluate=False, device=CPU)))
        for index, config in enumerate((untold, dropped, tiny()))
    ]
    assert losses[0] == losses[1] != losses[2]
    (scored,) = only(Evaluated, run(untold, tmp_path / "0", until=12 * BATCH, device=CPU))
    assert np.isfinite(scored.metrics[0].value)


def test_without_labels_there_is_nothing_to_guide_towards() -> None:
    with pytest.raises(
        ValueError, match=r"a network that is told no labels \(model\.class_conditional: false\) has no"
    ):
        tiny(model={"class_conditional": False}, evaluation={"guidance_scale": 1.5})
    with pytest.raises(ValueError, match=r"model\.class_conditional: false given, but the data has no labels"):
        tiny(model={"class_conditional": False, "num_classes": 0})
