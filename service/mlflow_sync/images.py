"""Grids of sample images by training progress, as MLflow's pages show them: with a slider, and across runs.

``MlflowClient.log_image`` names its files at random, so that a sync that was cut off would leave an image twice. Here
the same files have names that follow from the image, and are artifacts like any other: uploaded once.
"""

from __future__ import annotations

import hashlib
import io

from service.mlflow_sync.names import GRIDS

IMAGES_TAG = "mlflow.loggedImages"
"""Tag of a run: whether it has images that the pages look for."""
SMALL = 256
"""Longer side of the copy that the pages show before an image is opened, in pixels; as ``log_image`` makes it."""


def grid_name(images: int) -> str:
    """Returns under which name it is remembered that a run has the grid of a milestone."""
    return f"{GRIDS}@{images}"


def files(grid: bytes, images: int, time: int) -> dict[str, bytes]:
    """Returns the artifacts that make a grid one of a run's images.

    Args:
        grid: the PNG.
        images: training images seen.
        time: when it was made, in milliseconds.

    Returns:
        Name -> content: the grid, and a small copy of it.
    """
    mark = hashlib.sha256(grid).hexdigest()[:12]
    name = f"images/{GRIDS}+step+{images}+timestamp+{time}+{mark}"
    return {f"{name}.png": grid, f"{name}+compressed.webp": _small(grid)}


def _small(grid: bytes) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(grid)) as image:
        small = image.convert("RGB")
        small.thumbnail((SMALL, SMALL))
        written = io.BytesIO()
        small.save(written, "WEBP")
        return written.getvalue()
