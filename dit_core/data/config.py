"""Which images a trial trains on and is compared with."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from dit_core.base import Config, Irrelevant
from dit_core.errors import UserError, unknown


class DataConfig(Config):
    """A data set and its fixed split.

    Attributes:
        name: a name in ``dit_core.parts.DATASETS`` (``digits``, ``image-folder``, ``huggingface``, ``latents``).
        path: folder of the data set, for ``huggingface`` also a hub name; None for embedded ones.
        image_size: side of the (cropped, resized) images, in pixels; for latents, of the decoded image.
        random_flip: flip training images horizontally with probability one half.
        held_out_fraction: share of the images kept out of training.
        split_seed: seed of the split between training and held-out images.
        corrupt: what to do with unreadable images: ``refuse`` or ``skip`` (they are named and counted).
        vae: hub name or local path of a diffusers ``AutoencoderKL`` that decodes latents; None for pixels, and for
            latents the one that made them.
        vae_scale: factor between VAE latents and model inputs.
        features: local path of a file with features of the training images, for ``training.alignment_weight``; see
            ``dit_core.data.features``.
        image_column: column of a ``huggingface`` data set that holds the images; None takes the only image column.
        label_column: its column of labels; None takes the only class-label column, or one named ``label``, or treats
            the images as unlabelled when there is neither; ``none`` treats them as unlabelled anyway.
        source_split: its split that images are taken from; None takes the only one, or ``train``.
    """

    name: str = "digits"
    path: Annotated[str | None, Irrelevant("the fingerprint of the images stands for where they lie")] = None
    image_size: int = Field(8, gt=0, le=65_536)
    random_flip: bool = False
    held_out_fraction: float = Field(0.2, gt=0, lt=1)
    split_seed: int = Field(0, ge=0)
    corrupt: Annotated[str, Irrelevant("the fingerprint is that of the images that are left")] = "refuse"
    vae: Annotated[str | None, Irrelevant("decodes for evaluation: eval_id has it")] = None
    vae_scale: float = Field(0.18215, gt=0)
    features: Annotated[str | None, Irrelevant("the fingerprint is that of images and features")] = None
    image_column: Annotated[str | None, Irrelevant("the fingerprint is that of the images")] = None
    label_column: Annotated[str | None, Irrelevant("the fingerprint is that of the images and labels")] = None
    source_split: Annotated[str | None, Irrelevant("the fingerprint is that of the images")] = None

    @field_validator("corrupt")
    @classmethod
    def _corrupt(cls, value: str) -> str:
        if value not in ("refuse", "skip"):
            raise unknown("data.corrupt", value, ("refuse", "skip"))
        return value

    @model_validator(mode="after")
    def _columns(self) -> Self:
        for field in ("image_column", "label_column", "source_split"):
            value = getattr(self, field)
            if value is not None and self.name != "huggingface":
                raise UserError(f"data.{field}: {value!r} given, but only the data set 'huggingface' has one")
        return self
