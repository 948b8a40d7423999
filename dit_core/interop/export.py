"""A checkpoint of ours as weights that the paper's code or diffusers opens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.files import replacing, require_room_for
from dit_core.interop.files import SAFE
from dit_core.interop.layout import inference_state
from dit_core.interop.pipeline import write_pipeline
from dit_core.model.dit import DiT
from dit_core.parts import LAYOUTS
from dit_core.training.checkpoint import read

OFFICIAL_SUFFIXES = (".pt", *SAFE)


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        path: the file or folder.
        layout: a name in ``LAYOUTS``.
        images: training images that the weights have seen.
        weights: which weights: ``EMA 0.9999``, or ``raw``.
        notes: sentences on what whoever uses them should know.
    """

    path: Path
    layout: str
    images: int
    weights: str
    notes: tuple[str, ...] = ()


def export(
    config: TrialConfig,
    checkpoint: Path,
    images: int,
    to: Path,
    *,
    layout: str,
    decay: float | None = None,
    vae: str | None = None,
    record: Mapping[str, Any] | None = None,
) -> Exported:
    """Writes the weights of a checkpoint in another code base's layout.

    Args:
        config: the trial that the checkpoint is of.
        checkpoint: a checkpoint of ``dit_core.training``.
        images: training images it must be of.
        to: for ``official`` a file (``.pt`` or ``.safetensors``), for ``diffusers`` a new folder.
        layout: a name in ``LAYOUTS``.
        decay: which average; None is the one that evaluation takes, 0 the raw weights.
        vae: hub name or local path of the ``AutoencoderKL`` that goes into the pipeline; None takes ``data.vae``.
        record: provenance to write beside the weights.

    Raises:
        UserError: the layout cannot hold this network, there is no such average, or ``to`` is taken or
            cannot be written.
        CorruptCheckpoint: the checkpoint is torn.
    """
    chosen = LAYOUTS.get(layout, "layout")
    check_layout(config, layout)
    require_room_for(to, "to")
    _check_target(to, layout)
    weights, tensors = averaged(config, checkpoint, images, decay)
    provenance = {**(record or {}), "images": images, "weights": weights, "config": config.model_dump(mode="json")}

    notes: tuple[str, ...] = ()
    with replacing(to) as temporary:
        if layout == "diffusers":
            source = vae or config.data.vae
            notes = write_pipeline(
                temporary,
                tensors,
                config.model,
                config.diffusion,
                vae=source,
                vae_scale=config.data.vae_scale,
                record=provenance,
            )
        else:
            _write_file(temporary, chosen.from_ours(tensors), provenance)
    return Exported(to, layout, images, weights, notes)


def averaged(
    config: TrialConfig, checkpoint: Path, images: int, decay: float | None = None
) -> tuple[str, dict[str, Tensor]]:
    """Returns the weights of a checkpoint that samples are made with, under our own names.

    Args:
        config: the trial that the checkpoint is of.
        checkpoint: a checkpoint of ``dit_core.training``.
        images: training images it must be of.
        decay: which average; None is the one that evaluation takes, 0 the raw weights.

    Returns:
        Which weights they are, such as ``EMA 0.9999``, and name -> tensor.

    Raises:
        UserError: there is no such average.
        CorruptCheckpoint: the checkpoint is torn.
    """
    length = config.evaluation.ema_length if decay is None else None
    decay = config.evaluated_decay if decay is None else decay
    if decay not in (*config.training.ema_decays, 0):
        kept = ", ".join(map(repr, config.training.ema_decays))
        raise UserError(f"ema: {decay!r} is not among the averages that were kept; allowed: {kept}, or the raw weights")
    weights, prefix = ("raw", "model.") if decay == 0 else (f"EMA {decay!r}", f"ema.{decay!r}.")
    if length is not None:
        weights, prefix = f"EMA of length {length!r}", f"ema.length-{length!r}."
    return weights, _state(read(checkpoint, images), prefix, config)


def check_layout(config: TrialConfig, layout: str) -> None:
    """Makes sure that a layout can hold the network of ``config``.

    Raises:
        UserError: naming the fields that it cannot express.
    """
    model = config.model
    fixed = LAYOUTS.get(layout, "layout").fixed
    wrong = {name: value for name, value in fixed.items() if getattr(model, name) != value}
    if wrong:
        has = ", ".join(f"model.{name}={getattr(model, name)}" for name in wrong)
        only = ", ".join(f"{name}={value}" for name, value in wrong.items())
        raise UserError(f"layout: {layout} cannot hold a network with {has}; it has {only} only")


def _check_target(to: Path, layout: str) -> None:
    if to.exists() and not (to.is_dir() and layout == "diffusers" and not any(to.iterdir())):
        raise UserError(f"to: {to} is already there; give another path, or remove it first")
    if layout != "diffusers" and to.suffix not in OFFICIAL_SUFFIXES:
        raise UserError(
            f"to: {to.name} is no name for a file of weights; the {layout} layout is written to "
            f"{' or '.join(OFFICIAL_SUFFIXES)}"
        )


def _state(tensors: Mapping[str, Tensor], prefix: str, config: TrialConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        names = list(inference_state(DiT(config.model)))
    return {name: tensors[prefix + name] for name in names}


def _write_file(path: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
    # copies off the checkpoint's memory map; the released file is a plain state_dict as well
    copies = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
    if path.suffix in SAFE:
        save_file(copies, path, {"format": "pt", "dit_ablate": json.dumps(record)})
    else:
        torch.save(copies, path)
