"""Samples side by side: one row per arm, the same noise and labels in every row."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

from PIL import Image

from dit_core.config import TrialConfig
from search_spaces.types import AblationView
from service.analysis.cells import own_label
from service.analysis.summary import ArmSummary, Summary
from service.records.store import Store
from service.report.sheets import Sheets


@dataclass(frozen=True)
class Strip:
    """One arm's samples beside each other.

    Attributes:
        caption: the arm, and after how many images.
        png: the images.
    """

    caption: str
    png: bytes

    @property
    def uri(self) -> str:
        """The images as a data URI."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True)
class SampleSheet:
    """An ablation's samples.

    Attributes:
        png: all of them in one picture.
        strips: the same, an arm each.
        seed: the seed whose trials are shown.
        labels: the class labels of the columns; none for unlabelled data.
    """

    png: bytes
    strips: tuple[Strip, ...]
    seed: int
    labels: tuple[int, ...]


def sample_sheet(view: AblationView, summary: Summary, store: Store, sheets: Sheets) -> SampleSheet | None:
    """Puts the first row of every arm's sample grid under the others', each at its last evaluation.

    Args:
        view: the ablation.
        summary: the arms that are drawn.
        store: where the sample grids are.
        sheets: draws them.

    Returns:
        None when no arm of the ablation has a grid yet.
    """
    seed = summary.study.seeds[0]
    found = []
    for label, name in view.arms:
        arm = summary.arm(name)
        status = next(status for status in arm.statuses if status.trial.seed == seed)
        config = status.trial.config
        picture = store.grid(summary.results[status.trial.name].evaluations.get(status.images, {}))
        if picture is not None:
            found.append((_caption(label, arm, status.images), first_row(picture, config), config))
    if not found:
        return None
    sheet = sheets.draw([(caption, row) for caption, row, _ in found])
    config = found[0][2]
    classes = config.model.classes
    labels = tuple(index % classes for index in range(config.grid_columns)) if classes else ()
    strips = tuple(Strip(caption, _png(row)) for caption, row, _ in found)
    return SampleSheet(sheet, strips, seed, labels)


def first_row(grid: bytes, config: TrialConfig) -> Any:
    """Cuts the first row of images out of a trial's sample grid (see ``dit_core.evaluation.render``)."""
    image = Image.open(io.BytesIO(grid))
    rows = -(-config.evaluation.grid_images // config.grid_columns)
    return image.crop((0, 0, image.width, image.height // rows))


def _png(image: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _caption(label: str, arm: ArmSummary, images: int) -> str:
    label = own_label(label) if arm.arm.is_baseline else label
    ended = "stopped" if arm.ended_early else ""
    return label + (f"  ·  {ended} at {images:,} images" if ended else f"  ·  {images:,} images")
