"""Reading weights from disk. Nothing is unpickled but tensors and plain data."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from dit_core.errors import UserError
from dit_core.interop.diffusers import rows_in_use
from dit_core.interop.files import SAFE, WeightFiles
from dit_core.interop.layout import Shape

T = TypeVar("T")


def shapes(files: WeightFiles) -> dict[str, Shape]:
    """Returns every tensor's shape without reading the tensors.

    Raises:
        UserError: a file cannot be read.
    """
    found = {name: shape for part in files.parts for name, shape in _shapes(part).items()}
    return {name: (_rows(files, name, shape[0]), *shape[1:]) if shape else shape for name, shape in found.items()}


def tensors(files: WeightFiles) -> dict[str, Tensor]:
    """Returns the tensors as they are kept, of any floating-point type, on the CPU.

    Raises:
        UserError: a file cannot be read, or holds something else than finite floating-point numbers.
    """
    found = {name: tensor for part in files.parts for name, tensor in _tensors(part).items()}
    for name, tensor in found.items():
        if not tensor.is_floating_point():
            raise UserError(
                f"{files.path} holds {name} as {str(tensor.dtype).rpartition('.')[2]}; wanted: real numbers"
            )
        if not torch.isfinite(tensor.float()).all():
            raise UserError(
                f"{files.path} holds numbers in {name} that are not finite: the training it is from diverged"
            )
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
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no dict)
            return unwrapped(shapes)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} cannot be read ({not_weights(path) or error})") from None


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix in SAFE:
        try:
            with safe_open(path, "pt") as file:
                return unwrapped({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 (not a dict)
        except (SafetensorError, OSError) as error:
            raise UserError(f"{path} cannot be read ({not_weights(path) or error})") from None
    found = _unpickled(path)
    inside = next(
        (key for key in _CHECKPOINT_KEYS if isinstance(found, dict) and isinstance(found.get(key), dict)), None
    )
    found = found[inside] if inside is not None else found
    if (
        not isinstance(found, dict)
        or not all(isinstance(value, Tensor) for value in found.values())
        or not all(isinstance(name, str) for name in found)
    ):
        raise UserError(
            f"{path} holds no named tensors; allowed: a state_dict, or a checkpoint with one under "
            f"{', '.join(map(repr, _CHECKPOINT_KEYS))}"
        )
    for name, tensor in found.items():
        if tensor.is_quantized or tensor.is_meta or tensor.layout != torch.strided:
            raise UserError(f"{path} holds {name} quantised, sparse or without its numbers; save it as a plain tensor")
    return unwrapped(found)


_CHECKPOINT_KEYS = ("ema", "model", "state_dict")
"""Where checkpoints keep the network: the paper's code has ``model`` and ``ema``, the average."""

_WRAPPERS = ("module.", "_orig_mod.")
"""What DistributedDataParallel and ``torch.compile`` put before every name."""


def unwrapped(named: Mapping[str, T]) -> dict[str, T]:
    """Returns named things without what a wrapper around the network has put before every name."""
    found = dict(named)
    while prefix := next((one for one in _WRAPPERS if found and all(name.startswith(one) for name in found)), None):
        found = {name.removeprefix(prefix): value for name, value in found.items()}
    return found


def _unpickled(path: Path) -> Any:
    # the training checkpoints of the paper's code keep their arguments beside the weights: plain values only
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            try:
                return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            except RuntimeError:  # written in the format before torch 1.6, which cannot be mapped
                return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, TypeError, KeyError) as error:
        reason = not_weights(path)
        if reason is None and "weights_only" in str(error):  # its advice, to run the code in it, is not ours
            reason = "it is torn, or holds more than tensors and plain values, and code in a file is never run"
        elif reason is None:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} cannot be read as weights ({reason})") from None


def not_weights(path: Path) -> str | None:
    """Says what a file that cannot be read as weights is instead, as far as its beginning tells."""
    try:
        with path.open("rb") as file:
            head = file.read(200).lstrip()
    except OSError as error:
        return error.strerror or str(error)
    if head.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer and not the file itself, which `git lfs pull` fetches"
    if head[:1] == b"<":
        return "it is a web page"
    return None if head else "it is empty"
