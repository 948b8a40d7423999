"""From a folder of images to a study file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dit_core.data import DataConfig, load_dataset
from dit_core.errors import UserError
from search_spaces.pixel_profiles import LADDERS
from search_spaces.text_files import write_yaml
from service.cost.estimate import Estimate
from service.first_study.budget import fitted
from service.first_study.draft import Machine, drafted, fitting_side, slug
from service.first_study.survey import Survey, survey


@dataclass(frozen=True)
class FirstStudy:
    """A study that was written.

    Attributes:
        path: its file.
        study: it, as plain data.
        survey: what the data is.
        estimate: what the study will take.
        machine: what it was fitted to.
    """

    path: Path
    study: dict[str, Any]
    survey: Survey
    estimate: Estimate
    machine: Machine


def write_first_study(
    given: str,
    *,
    vae: str | None = None,
    image_size: int | None = None,
    hours: float = 2.0,
    to: Path | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> FirstStudy:
    """Looks at a data set and writes a study of it.

    Args:
        given: a folder of images or of latents, or a hub name.
        vae: train on latents of this ``AutoencoderKL``, which are made beside the study file; None for pixels.
        image_size: side of the images in pixels; None takes what fits them.
        hours: wall-clock that the study may take on this machine, by the estimate.
        to: the study file; None names it after the data.
        tell: told what is being done.

    Raises:
        UserError: the data cannot be read, or does not fit what is asked; or the file is there already.
    """
    if not 0 < hours < 10_000:
        raise UserError(f"--hours: {hours:g} is no time that a study can take; allowed: more than 0")
    called = slug(given)
    path = to or Path(f"{called.replace('_', '-')}.yaml")
    if path.exists():
        raise UserError(f"init: {path} is there already; give another file with --to")
    tell(f"Looking at {given}: every image is decoded once, or known from before")
    found = survey(given)
    data = _data(found, vae, image_size, path, tell)
    machine = Machine(torch.cuda.is_available(), hours)
    tell("Training the small network whose features the metric compares, unless this machine has it")
    draft = drafted(data, found, called, machine)
    study, estimated = fitted(draft, load_dataset(data).count("train"), machine)
    try:
        path.write_text(_head(found) + write_yaml(study), encoding="utf-8")
    except OSError as error:
        raise UserError(f"init: cannot write {path} ({error.strerror or error})") from None
    return FirstStudy(path, study, found, estimated, machine)


def _data(
    found: Survey, vae: str | None, image_size: int | None, path: Path, tell: Callable[[str], None]
) -> DataConfig:
    """Returns how the study loads its images."""
    own = found.data
    if own.name == "latents":
        if vae is not None:
            raise UserError(f"--vae: {vae!r} given, but {own.path!r} holds latents already")
        return own
    if vae is not None:
        return _latents(own, vae, image_size or 256, path, tell)
    side = image_size or fitting_side(found)
    if side not in LADDERS:
        listed = ", ".join(map(str, LADDERS))
        raise UserError(f"--image-size: {side} given; of pixels there are ladders for {listed}; give --vae for more")
    return own.model_copy(update={"image_size": side})


def _latents(images: DataConfig, vae: str, side: int, path: Path, tell: Callable[[str], None]) -> DataConfig:
    from dit_core.data.cache_latents import cache_latents

    folder = path.with_name(f"{path.stem}-latents").absolute()
    tell(f"Encoding the images with {vae} into {folder}; the same command goes on where it was stopped")
    manifest = cache_latents(images.model_copy(update={"image_size": side}), folder, vae)
    return DataConfig(
        name="latents", path=str(folder), image_size=side, random_flip=True, vae=vae, vae_scale=manifest.scale
    )


def _head(found: Survey) -> str:
    classes = f"{found.classes} classes" if found.classes else "unlabelled"
    return (
        f"# {found.count:,} images ({classes}). Change anything; `dit-ablate plan` says what comes of it.\n"
        "# The metric compares features of a small network trained on these images: its values mean something for\n"
        "# these images and this network only, and are no FID.\n"
    )
