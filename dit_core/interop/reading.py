"""Reading weights from disk. Nothing is unpickled but tensors and plain data."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from dit_core.errors import UserError
from dit_core.interop.diffusers import rows_in_use
from dit_core.interop.files import SAFE, WeightFiles
from dit_core.interop.layout import Shape


def shapes(files: WeightFiles) -> dict[str, Shape]:
    """Returns every tensor's shape without reading the tensors.

    Raises:
        UserError: a file cannot be read.
    """
    found = {name: shape for part in files.parts for name, shape in _shapes(part).items()}
    return {name: (_rows(files, name, shape[0]), *shape[1:]) if shape else shape for name, shape in found.items()}


def tensors(files: WeightFiles) -> dict[str, Tensor]:
    """Returns the tensors, float32 on the CPU.

    Raises:
        UserError: a file cannot be read.
    """
    found = {name: tensor.float() for part in files.parts for name, tensor in _tensors(part).items()}
    return {
        name: tensor[: _rows(files, name, len(tensor))] if tensor.dim() else tensor for name, tensor in found.items()
    }


def _rows(files: WeightFiles, name: str, rows: int) -> int:
    return rows_in_use(name, rows, files.record.get("num_classes"))


def _shapes(path: Path) -> dict[str, Shape]:
    if path.suffix not in SAFE:
        return {name: tuple(tensor.shape) for name, tensor in _tensors(path).items()}  # mapped, not read
    try:
        with safe_open(path, "pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} cannot be read ({error})") from None


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix in SAFE:
        try:
            with safe_open(path, "pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (SafetensorError, OSError) as error:
            raise UserError(f"{path} cannot be read ({error})") from None
    found = _unpickled(path)
    if isinstance(found, dict) and isinstance(found.get("ema"), dict):  # the paper's code trains {"model", "ema", ...}
        found = found["ema"]
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise UserError(f'{path} holds no named tensors; allowed: a state_dict, or a checkpoint with one under "ema"')
    return dict(found)


def _unpickled(path: Path) -> Any:
    # the training checkpoints of the paper's code keep their arguments beside the weights: plain values only
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            try:
                return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            except RuntimeError:  # written in the format before torch 1.6, which cannot be mapped
                return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} cannot be read as weights ({reason})") from None
