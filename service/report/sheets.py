"""Draws pictures of samples: rows of images beside each other, each under its caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.report.style import canvas, in_style, png

Row = tuple[str, Any]
"""A caption, and the images beside each other as one."""


@dataclass(frozen=True)
class _Drawn:
    """A figure that was drawn: its rows' images and captions, and what its layout rests on."""

    figure: Any
    images: tuple[Any, ...]
    captions: tuple[Any, ...]
    sizes: tuple[tuple[int, int], ...]
    heights: list[tuple[float, float]]


class Sheets:
    """Draws sheets one after the other; one that is laid out as the sheet before takes over its figure.

    To make and lay out the axes takes more than half of the time. What the layout rests on is the number of rows, the
    sizes of their images and how high their captions are.
    """

    def __init__(self) -> None:
        self._before: _Drawn | None = None

    def draw(self, rows: Sequence[Row]) -> bytes:
        """Returns a sheet as PNG bytes, the same whatever was drawn before."""
        sizes = tuple(row.size for _, row in rows)
        before = self._before
        if before is not None and before.sizes == sizes and (again := _again(before, rows)) is not None:
            return again
        return self._anew(rows, sizes)

    def _anew(self, rows: Sequence[Row], sizes: tuple[tuple[int, int], ...]) -> bytes:
        height = 7.0 * sizes[0][1] / sizes[0][0]
        with canvas(7.2, (height + 0.24) * len(rows), grid=False, nrows=len(rows), squeeze=False) as (figure, grid):
            images, captions = [], []
            for axes, (caption, row) in zip(grid.flat, rows, strict=True):
                images.append(axes.imshow(row.convert("RGBA"), interpolation="none", aspect="equal"))
                captions.append(axes.set_title(caption, fontsize=7.5, fontweight="normal", pad=2))
                axes.set_axis_off()
            drawn = png(figure)
            figure.set_layout_engine("none")  # it stays as it is
            self._before = _Drawn(figure, tuple(images), tuple(captions), sizes, _heights(captions))
        return drawn


def _again(before: _Drawn, rows: Sequence[Row]) -> bytes | None:
    """Draws other rows in a figure; None where they would be laid out in another way."""
    import numpy as np

    with in_style(grid=False):
        for text, image, (caption, row) in zip(before.captions, before.images, rows, strict=True):
            text.set_text(caption)
            image.set_data(np.asarray(row.convert("RGBA")))
        return png(before.figure) if _heights(before.captions) == before.heights else None


def _heights(captions: Sequence[Any]) -> list[tuple[float, float]]:
    """Where captions begin and end, from below: a letter that is higher than others moves what is around it."""
    found = [caption.get_window_extent() for caption in captions]
    return [(box.y0, box.y1) for box in found]
