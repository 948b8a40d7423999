"""Starting from somebody's weights instead of random ones: ``training.initial_weights``."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dit_core.errors import UserError
from dit_core.interop import reading
from dit_core.interop.diffusers import config_fields
from dit_core.interop.files import FIELD, WeightFiles, find
from dit_core.interop.layout import TRAINING_ONLY, Layout, Shape, inference_state
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.parts import LAYOUTS

_SHOWN = 4
_POSITIONS_TOLERANCE = 1e-3


def check(source: str, config: ModelConfig, field: str = FIELD) -> Layout:
    """Makes sure that the weights at ``source`` fit the network; reads names and shapes only.

    Args:
        source: a file or folder.
        config: the network.
        field: where ``source`` was given, for the error.

    Returns:
        The layout they are in.

    Raises:
        UserError: naming the fields of the config that would fit, or the tensors expected and found.
    """
    try:
        return _check(find(source), config)
    except UserError as error:
        raise UserError(f"{field}: {error}") from None


def load(model: DiT, source: str, field: str = FIELD) -> None:
    """Replaces the weights of ``model`` by those at ``source``, in either layout.

    Args:
        model: the network, on any device.
        source: a file or folder.
        field: where ``source`` was given, for the error.

    Raises:
        UserError: they do not fit.
    """
    try:
        files = find(source)
        layout, kept = _check(files, model.config), reading.tensors(files)
        tensors = layout.to_ours({name: tensor.float() for name, tensor in kept.items()})
        own = model.state_dict()
        tensors |= {name: tensor for name, tensor in own.items() if name.startswith(TRAINING_ONLY)}
        digits = torch.finfo(kept["pos_embed"].dtype).eps if "pos_embed" in kept else 0.0
        _check_positions(tensors.setdefault("pos_embed", own["pos_embed"]), own["pos_embed"], files, digits)
        model.load_state_dict(tensors)
    except UserError as error:
        raise UserError(f"{field}: {error}") from None


def _check(files: WeightFiles, config: ModelConfig) -> Layout:
    found = reading.shapes(files)
    layout = _layout(files, found)
    wrong = {name: value for name, value in layout.fixed.items() if getattr(config, name) != value}
    if wrong:
        raise UserError(
            f"{files.path} is in the {layout.name} layout, which holds {_assigned(wrong)} only; the configuration has "
            f"{_assigned({name: getattr(config, name) for name in wrong})}"
        )
    expected = _expected(layout.name, config)
    _check_dimensions(files, found, expected)
    fields = {**layout.model_fields(found), **(config_fields(files.config) if layout.name == "diffusers" else {})}
    apart = {name: value for name, value in fields.items() if getattr(config, name) != value}
    if apart:
        raise UserError(
            f"{files.path} is of a network with {_assigned(apart)}; the configuration has "
            f"{_assigned({name: getattr(config, name) for name in apart})}; set the former, or give other weights"
        )
    optional = {"pos_embed"}  # a fixed table: some save it, some compute it
    problems = [
        _listed("expected and absent", [name for name in expected if name not in found and name not in optional]),
        _listed("found and not expected", [name for name in found if name not in expected and name not in optional]),
        _listed(
            "of another shape",
            [
                f"{name} (expected {shape}, found {found[name]})"
                for name, shape in expected.items()
                if name in found and found[name] != shape
            ],
        ),
    ]
    if any(problems):
        told = "; ".join(problem for problem in problems if problem)
        raise UserError(f"{files.path} does not fit the network ({layout.name} layout): {told}")
    return layout


def _layout(files: WeightFiles, found: Mapping[str, Shape]) -> Layout:
    for name in LAYOUTS:
        if LAYOUTS.get(name).recognises(found):
            return LAYOUTS.get(name)
    if any(name.startswith("model.") for name in found) and any(name.startswith("optimizer.") for name in found):
        raise UserError(f"{files.path} is a checkpoint of a store; `dit-ablate export` turns it into weights")
    raise UserError(
        f"{files.path} is in no known layout; known: {', '.join(LAYOUTS)}; its first tensors are "
        f"{', '.join(sorted(found)[:_SHOWN]) or 'none'}"
    )


@functools.lru_cache(maxsize=16)
def _expected(layout: str, config: ModelConfig) -> dict[str, Shape]:
    with torch.device("meta"):
        tensors = LAYOUTS.get(layout).from_ours(inference_state(DiT(config)))
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _check_dimensions(files: WeightFiles, found: Mapping[str, Shape], expected: Mapping[str, Shape]) -> None:
    """Refuses tensors that no size of the network would have, before its sizes are read off them."""
    wrong = [
        f"{name} (expected {len(shape)} dimensions such as {shape}, found {found[name]})"
        for name, shape in expected.items()
        if name in found and (len(found[name]) != len(shape) or 0 in found[name])
    ]
    if wrong:
        raise UserError(f"{files.path} does not fit the network: {_listed('of another shape', wrong)}")


def _check_positions(given: Tensor, own: Tensor, files: WeightFiles, digits: float) -> None:
    apart = (given.cpu() - own.cpu()).abs().max().item()
    if apart > max(_POSITIONS_TOLERANCE, digits):
        raise UserError(
            f"{files.path} has other positions than the fixed 2-D sin-cos table: pos_embed is off by up to {apart:.3g}"
        )


def _assigned(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"model.{name}={value}" for name, value in fields.items())


def _listed(what: str, names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what}: {', '.join(names[:_SHOWN])}{more}" if names else ""
