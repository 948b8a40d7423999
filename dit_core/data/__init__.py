"""Data sets: embedded digits, folders of images, Hugging Face data sets, folders of latents."""

from __future__ import annotations

from dit_core.data.base import ImageDataset, Split
from dit_core.data.config import DataConfig
from dit_core.data.digits import Digits
from dit_core.data.huggingface import HuggingFace
from dit_core.data.image_folder import ImageFolder
from dit_core.data.latents import Latents
from dit_core.registry import Registry

DATASETS: Registry[type[ImageDataset]] = Registry(
    "data set", {"digits": Digits, "image-folder": ImageFolder, "huggingface": HuggingFace, "latents": Latents}
)
"""Every data set by name. Adding one is one file with an ``ImageDataset`` and one line here."""

_loaded: dict[tuple[DataConfig, str], ImageDataset] = {}
_KEEP = 4


def load_dataset(config: DataConfig) -> ImageDataset:
    """Loads and verifies a data set, or returns it from this process's cache when its files have not changed.

    Raises:
        UserError: when the data is missing, unreadable, empty, corrupt or does not fit ``config``.
    """
    kind = DATASETS.get(config.name, "data.name")
    key = (config, kind.stamp(config))
    if key not in _loaded:
        dataset = kind.load(config)
        while len(_loaded) >= _KEEP:
            del _loaded[next(iter(_loaded))]
        _loaded[key] = dataset
    return _loaded[key]


__all__ = ["DATASETS", "DataConfig", "ImageDataset", "Split", "load_dataset"]
