"""Event files for TensorBoard: ``FOLDER/STUDY/TRIAL-KEY/events.out.tfevents...``.

What a folder holds is read from its event files, so that nothing is written twice even where a process was killed
meanwhile. Steps are training images seen, and times are those of the records.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dit_core.errors import UserError
from dit_core.extras import require
from service.mirrors.base import Added, Mirror, MirroredRun, Table

_GRID = "samples"


class TensorBoard(Mirror):
    """One TensorBoard run per trial, and one for the study."""

    look = "look at them with: tensorboard --logdir {folder}"

    def __init__(self, folder: Path) -> None:
        require("tensorboardX", "--to: 'tensorboard'")
        self._folder = folder

    def write(self, run: MirroredRun) -> Added:
        place = self._folder / _safe(run.study) / f"{_safe(run.name)}-{run.key[:8]}"
        held, said = _held(place)
        points = [point for point in run.points if (_tag(point.key), point.images) not in held]
        grids = [grid for grid in run.grids if (_GRID, grid.images) not in held]
        shown = [(grid, png) for grid in grids if (png := grid.png()) is not None]
        texts = {"config": _markdown(run.config), "status": _markdown(run.tags)}
        texts |= {name: _table(table) for name, table in run.tables.items()}
        changed = {name: text for name, text in texts.items() if text and said.get(name, ("", -1))[0] != text}
        if points or shown or changed:
            with _writer(place) as writer:
                for point in points:
                    writer.add_scalar(_tag(point.key), point.value, point.images, walltime=point.time)
                for grid, png in shown:
                    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
                    writer.add_image(_GRID, pixels, grid.images, walltime=grid.time, dataformats="HWC")
                for name, text in changed.items():
                    writer.add_text(name, text, said.get(name, ("", -1))[1] + 1)
        return Added(len(points), len(shown), len(changed))


def _writer(place: Path) -> Any:
    """Returns a writer of a new event file; TensorBoard reads all files of a folder."""
    from tensorboardX import SummaryWriter

    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--folder: {str(place)!r} cannot be written ({error.strerror or error})") from None
    return SummaryWriter(str(place), filename_suffix=f".{len(_files(place))}")


def _files(place: Path) -> list[Path]:
    return sorted(place.glob("events.out.tfevents.*"))


def _held(place: Path) -> tuple[set[tuple[str, int]], dict[str, tuple[str, int]]]:
    """Returns what event files hold: (tag, step) of scalars and images; tag -> last text and its step."""
    held: set[tuple[str, int]] = set()
    said: dict[str, tuple[str, int]] = {}
    for path in _files(place):
        for event in events(path):
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "text":
                    name = value.tag.removesuffix("/text_summary")
                    if event.step >= said.get(name, ("", -1))[1]:
                        said[name] = value.tensor.string_val[0].decode(), event.step
                else:
                    held.add((value.tag, event.step))
    return held, said


def events(path: Path) -> Iterator[Any]:
    """Yields the events of a file; one that was cut off ends it, as it does for TensorBoard."""
    from tensorboardX.proto.event_pb2 import Event

    data, at = path.read_bytes(), 0
    while at + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        if at + length + 16 > len(data):
            return
        yield Event.FromString(data[at + 12 : at + 12 + length])
        at += length + 16


def _tag(key: str) -> str:
    """Returns a metric's name as TensorBoard allows it."""
    return re.sub(r"[^-/\w.]", "_", key).lstrip("/")


def _safe(name: str) -> str:
    return re.sub(r"[^\w.=,+-]+", "_", name).strip("._")[:120] or "_"


def _markdown(values: Any) -> str:
    return _table(Table(("field", "value"), tuple((name, str(value)) for name, value in values.items())))


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    lines = [table.columns, ("---",) * len(table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: object) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
