"""The look of the figures: quiet, colour-blind safe, the same everywhere."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from service.analysis.numbers import significant

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#7F7F7F")
"""Colours that people with any colour vision can tell apart (Okabe & Ito 2008, without
yellow, with brown and grey)."""
BASELINE = "#111111"
FLOOR = "#888888"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")

_RC = {
    "figure.dpi": 160,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # else every title is placed by its axis's ticks, which are laid out for it again and again
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.loc": "upper right",  # "best" compares every place with every point, and says so on the terminal
    "legend.fontsize": 8,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelcolor": "#222222",
    "ytick.labelcolor": "#222222",
    "svg.hashsalt": "dit-ablate",
}


@contextmanager
def canvas(width: float, height: float, *, grid: bool = True, **subplots: Any) -> Iterator[tuple[Any, Any]]:
    """Yields a figure and its axes, drawn without any display and without pyplot's global state.

    Matplotlib is imported here and not before: only a report needs it, and it takes half a second.

    Args:
        width: in inches.
        height: in inches.
        grid: whether the axes have one; those that show no axis need none, for which Matplotlib makes ticks.
        subplots: passed to ``Figure.subplots``.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not gc.isenabled():  # a large study's: the figure before is a cycle, and nobody else collects it
        gc.collect(0)
    with in_style(grid=grid):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure, figure.subplots(**subplots)


@contextmanager
def in_style(*, grid: bool = True) -> Iterator[None]:
    """Everything that is drawn within has the look of the figures; ``grid`` is ``canvas``'s."""
    import matplotlib

    with matplotlib.rc_context({**_RC, "axes.grid": grid}):
        yield


def png(figure: Any) -> bytes:
    """Returns the figure as PNG bytes, without a time stamp.

    The canvas lays out the figure when it draws it; ``savefig`` would draw it once more for that. Nothing in a figure
    is transparent, so its pixels are kept without that channel; at level 3 they take half the time to compress, and a
    tenth more room.
    """
    import numpy as np
    from PIL import Image

    figure.canvas.draw()
    pixels = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    buffer = BytesIO()
    pixels.save(buffer, "PNG", dpi=(figure.dpi, figure.dpi), compress_level=3)
    return buffer.getvalue()


def plain_ticks(axis: Any) -> None:
    """Writes a logarithmic axis's ticks as plain numbers, few of them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: significant(value, 6)))
    axis.set_minor_formatter(NullFormatter())


def spread_labels(wanted: Sequence[float], gap: float) -> list[float]:
    """Moves label positions apart until neighbours are ``gap`` apart, moving them as little as is simple.

    Args:
        wanted: positions, in any order.
        gap: the least distance between two labels, in the same unit.

    Returns:
        A position for every label, in the order given.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    groups: list[list[int]] = []
    centres: list[float] = []
    for index in order:
        groups.append([index])
        centres.append(wanted[index])
        # neighbours that overlap become one group around their common mean
        while len(groups) > 1 and centres[-1] - centres[-2] < gap * (len(groups[-1]) + len(groups[-2])) / 2:
            merged = groups[-2] + groups[-1]
            groups[-2:] = [merged]
            centres[-2:] = [sum(wanted[i] for i in merged) / len(merged)]
    placed = [0.0] * len(wanted)
    for group, centre in zip(groups, centres, strict=True):
        for rank, index in enumerate(group):
            placed[index] = centre + gap * (rank - (len(group) - 1) / 2)
    return placed
