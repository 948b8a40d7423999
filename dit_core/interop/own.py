"""Weights under our own names, of any network: a folder with a safetensors file and the configuration beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.interop.export import averaged
from dit_core.interop.layout import TRAINING_ONLY
from dit_core.model.dit import DiT

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def write_model(config: TrialConfig, checkpoint: Path, images: int, to: Path, record: Mapping[str, Any]) -> str:
    """Writes the weights of a checkpoint that samples are made with into a folder.

    Args:
        config: the trial that the checkpoint is of.
        checkpoint: a checkpoint of ``dit_core.training``.
        images: training images it must be of.
        to: an empty folder.
        record: where they come from, to be written beside them.

    Returns:
        Which weights they are, such as ``EMA 0.9999``.

    Raises:
        CorruptCheckpoint: the checkpoint is torn.
    """
    weights, tensors = averaged(config, checkpoint, images)
    copies = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}  # off the checkpoint's memory map
    save_file(copies, to / WEIGHTS, {"format": "pt", "dit_ablate": json.dumps({**record, "weights": weights})})
    (to / CONFIG).write_text(config.model_dump_json(indent=2) + "\n")
    return weights


def read_model(folder: Path) -> tuple[DiT, TrialConfig]:
    """Returns the network that ``write_model`` wrote, ready to sample, and its configuration.

    Raises:
        UserError: it is not there, or is no such folder.
    """
    try:
        config = TrialConfig.model_validate_json((folder / CONFIG).read_text())
        tensors = load_file(folder / WEIGHTS)
        model = DiT(config.model)
        training = {name: own for name, own in model.state_dict().items() if name.startswith(TRAINING_ONLY)}
        model.load_state_dict({**training, **tensors})
    except (OSError, ValidationError, SafetensorError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"model: {folder} holds no network that this version can open ({reason})") from None
    return model.eval(), config
