"""Writes a study of one's own images: a profile that fits them, three questions, and a metric that works offline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from dit_core.data import DataConfig, load_dataset
from dit_core.data.base import ImageDataset
from dit_core.errors import UserError
from dit_core.metrics.features.data_cnn import network_of
from dit_core.parts import METRICS
from search_spaces.pixel_profiles import LADDERS
from service.first_study.survey import Survey

LEAST_IMAGES = 100


@dataclass(frozen=True)
class Machine:
    """What a study is to run on.

    Attributes:
        gpu: whether a lane has a GPU.
        hours: wall-clock that the study may take, by the estimate.
    """

    gpu: bool
    hours: float


def fitting_side(survey: Survey) -> int:
    """Returns the largest of the ladders' sides that the images have, in pixels."""
    return max((side for side in LADDERS if side <= survey.side), default=min(LADDERS))


def slug(path: str) -> str:
    """Returns what a data set is called in names, e.g. ``my_images``."""
    own = re.sub(r"[^a-z0-9]+", "_", path.rstrip("/").rpartition("/")[2].lower()).strip("_")[:30].strip("_")
    taken = not own or f"fd_{own}_cnn" in METRICS.names()
    return f"my_{own}".rstrip("_") if taken else own


def drafted(data: DataConfig, survey: Survey, called: str, machine: Machine) -> dict[str, Any]:
    """Returns a study as plain data, with the most images that it may want to train on; ``fitted`` cuts these.

    The network behind its metric is trained where this machine has none yet.

    Args:
        data: how the images are loaded.
        survey: what they are.
        called: what they are called; see ``slug``.
        machine: what the study is to run on.

    Raises:
        UserError: there are too few images.
    """
    if survey.count < LEAST_IMAGES:
        raise UserError(f"init: {survey.count} images are too few to compare with; {LEAST_IMAGES} or more are needed")
    dataset = load_dataset(data)
    metric = f"fd_{called}_cnn"
    overrides: dict[str, Any] = {
        "size": "B" if machine.gpu else "S",
        **_data(data),
        **_model(dataset),
        "evaluation.metrics": [metric],
        "evaluation.feature_network": network_of(dataset),
        "evaluation.num_samples": 1024 if machine.gpu else 256,
    }
    profile = "small-latents" if data.name == "latents" else f"pixels-{data.image_size}"
    patches = [2, 4, 8] if data.image_size < 64 or data.name == "latents" else [4, 8, 16]
    if not machine.gpu:
        overrides |= {"patch_size": patches[1], "training.batch_size": 64, "evaluation.sampling_steps": 25}
    study: dict[str, Any] = {
        "name": called.replace("_", "-"),
        "description": f"What matters in a Diffusion Transformer on {survey.count:,} images of {called}",
        "baseline": {"profile": profile, "overrides": overrides},
        "ablations": [
            {"name": "Patch size", "axis": "patch_size", "values": patches[:2]},
            {"name": "Objective", "axis": "objective", "values": ["noise", "v", "flow"]},
            {"name": "Block", "axis": "block", "values": ["adaln-zero", "adaln"]},
        ],
        "primary_metric": metric,
        "seeds": [0, 1, 2],
    }
    if machine.gpu:
        study["resources"] = {"gpus_per_worker": 1}
    return study


def _data(data: DataConfig) -> dict[str, Any]:
    """The data set's settings that are not everybody's."""
    own, plain = data.model_dump(mode="json"), DataConfig().model_dump(mode="json")
    always = ("name", "path", "image_size")
    return {f"data.{name}": value for name, value in own.items() if name in always or value != plain[name]}


def _model(dataset: ImageDataset) -> dict[str, Any]:
    return {
        "model.input_size": dataset.size,
        "model.in_channels": dataset.channels,
        "model.num_classes": dataset.num_classes,
    }
