"""Data sets: embedded digits, folders of images, Hugging Face data sets, folders of latents.

To add one: a new file with an ``ImageDataset`` and one line in ``dit_core.parts.DATASETS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dit_core.data.config import DataConfig
from dit_core.parts import DATASETS

if TYPE_CHECKING:
    from dit_core.data.base import ImageDataset

_loaded: dict[tuple[DataConfig, str], ImageDataset] = {}
_KEEP = 4


def load_dataset(config: DataConfig) -> ImageDataset:
    """Loads and verifies a data set, or returns it from this process's cache when its files have not changed.

    Raises:
        UserError: when the data is missing, unreadable, empty, corrupt or does not fit ``config``.
    """
    kind = DATASETS.get(config.name, "data.name")
    key = (config, kind.stamp(config) + kind.stamp_of_features(config))
    if key not in _loaded:
        dataset = kind.load(config)
        dataset.take_features(config)
        while len(_loaded) >= _KEEP:
            del _loaded[next(iter(_loaded))]
        _loaded[key] = dataset
    return _loaded[key]


__all__ = ["DataConfig", "load_dataset"]
