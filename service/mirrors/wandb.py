"""Runs for Weights & Biases, offline unless ``WANDB_MODE`` says otherwise: ``FOLDER/wandb/offline-run-*``.

An offline run cannot be read back, so what has been written is kept beside them in ``dit-ablate-mirror.json``: for each
run and metric the last number of images, and W&B's next step. It is written after a run's files are complete.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from dit_core.errors import UserError
from dit_core.extras import require
from dit_core.files import write_durably
from dit_core.identity import digest
from service.mirrors.base import Added, Mirror, MirroredRun, Point

_STATE = "dit-ablate-mirror.json"
_GRID, _IMAGES = "samples", "images"
_MODES = ("offline", "online")


class WeightsAndBiases(Mirror):
    """One W&B run per trial and one for the study, in the project of the study's name."""

    look = "upload them with: wandb sync {folder}/wandb/offline-run-* (with WANDB_MODE=online they are sent at once)"

    def __init__(self, folder: Path) -> None:
        self._wandb = require("wandb", "--to: 'wandb'")
        self._mode = os.environ.get("WANDB_MODE") or "offline"
        if self._mode not in _MODES:
            raise UserError(f"WANDB_MODE: {self._mode!r} given; allowed: {', '.join(_MODES)}")
        self._folder = folder
        self._states: dict[str, dict[str, Any]] = self._read()

    def write(self, run: MirroredRun) -> Added:
        state = self._states.get(run.key, {"step": 0, "last": {}, "said": {}})
        last: dict[str, int] = dict(state["last"])
        points = [point for point in run.points if point.images > last.get(point.key, -1)]
        grids = [grid for grid in run.grids if grid.images > last.get(_GRID, -1)]
        shown = [(grid.images, png) for grid in grids if (png := grid.png()) is not None]
        texts: dict[str, Any] = {"config": dict(run.config), "tags": dict(run.tags)}
        texts |= {name: [table.columns, table.rows] for name, table in run.tables.items() if table.rows}
        said = {name: digest({"text": json.dumps(text)}) for name, text in texts.items()}
        changed = [name for name in texts if state["said"].get(name) != said[name]]
        if not (points or shown or changed):
            return Added()
        self._send(run, state["step"], points, shown, {name: texts[name] for name in changed})
        for key, images in [(point.key, point.images) for point in points] + [(_GRID, images) for images, _ in shown]:
            last[key] = max(images, last.get(key, -1))
        steps = len({point.images for point in points} | {images for images, _ in shown}) + 1
        self._states[run.key] = {"step": state["step"] + steps, "last": last, "said": {**state["said"], **said}}
        write_durably(self._folder / _STATE, json.dumps(self._states).encode())
        return Added(len(points), len(shown), len(changed))

    def _send(
        self,
        run: MirroredRun,
        step: int,
        points: Sequence[Point],
        grids: Sequence[tuple[int, bytes]],
        texts: Mapping[str, Any],
    ) -> None:
        """Writes one W&B run, or a continuation of it: the same id, with the steps after those before."""
        wandb = self._wandb
        rows: dict[int, dict[str, Any]] = {}
        for point in points:
            rows.setdefault(point.images, {})[point.key] = point.value
        for images, png in grids:
            rows.setdefault(images, {})[_GRID] = wandb.Image(Image.open(io.BytesIO(png)))
        tables = {name: wandb.Table(columns=list(run.tables[name].columns), data=[*map(list, run.tables[name].rows)])
                  for name in texts if name in run.tables}  # fmt: skip
        started = wandb.init(
            dir=str(self._folder),
            mode=self._mode,
            project=run.study,
            group=run.study,
            job_type=run.kind,
            id=run.key,
            name=run.name,
            config=dict(run.config),
            resume="allow",
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                x_disable_stats=True,
                x_disable_meta=True,
                allow_val_change=True,
            ),
        )
        try:
            started.define_metric(_IMAGES, hidden=True)
            started.define_metric("*", step_metric=_IMAGES)
            for number, images in enumerate(sorted(rows)):
                started.log({_IMAGES: images, **rows[images]}, step=step + number)
            if tables:
                started.log(tables, step=step + len(rows))
            started.summary.update(dict(run.tags))
        finally:
            started.finish()

    def _read(self) -> dict[str, dict[str, Any]]:
        path = self._folder / _STATE
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            found: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
        except OSError as error:
            raise UserError(f"--folder: {str(path)!r} cannot be used ({error.strerror or error})") from None
        except ValueError:
            raise UserError(f"--folder: {str(path)!r} is damaged; give another folder") from None
        return found
