"""What a mirror promises, and what it is given: runs as plain data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Point:
    """One value of one metric.

    Attributes:
        key: the metric's name, the same as in MLflow.
        value: the value.
        time: when it was recorded, in seconds since 1970.
        images: training images seen.
    """

    key: str
    value: float
    time: float
    images: int


@dataclass(frozen=True)
class Grid:
    """A grid of sample images.

    Attributes:
        images: training images seen.
        time: when it was recorded, in seconds since 1970.
        png: reads it; None where it is missing or damaged.
    """

    images: int
    time: float
    png: Callable[[], bytes | None]


@dataclass(frozen=True)
class Table:
    """Rows under named columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]


@dataclass(frozen=True)
class MirroredRun:
    """A trial, or the study as a whole.

    Attributes:
        study: the study's name.
        key: what tells the run from all others; stays the same whenever the study is mirrored.
        name: what people call it.
        kind: ``trial`` or ``study``.
        config: the resolved configuration, flat.
        tags: where it stands.
        points: every recorded value, those of a metric in order of images.
        grids: the sample grids, in order of images.
        tables: name -> table, as it stands now.
    """

    study: str
    key: str
    name: str
    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    grids: tuple[Grid, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class Added:
    """What a mirror lacked and has been given: values, sample grids, and texts or tables that have changed."""

    points: int = 0
    grids: int = 0
    texts: int = 0

    def __add__(self, other: Added) -> Added:
        return Added(self.points + other.points, self.grids + other.grids, self.texts + other.texts)


class Mirror(ABC):
    """A folder in another program's format. A new one is one file with a subclass and one line in ``MIRRORS``.

    Args:
        folder: where it lies; made if it does not exist.

    Raises:
        UserError: a package that it needs is not installed.
    """

    look: str
    """How to look at it, a sentence with ``{folder}``."""

    @abstractmethod
    def __init__(self, folder: Path) -> None: ...

    @abstractmethod
    def write(self, run: MirroredRun) -> Added:
        """Adds what the mirror lacks of a run, and returns how much that was."""
