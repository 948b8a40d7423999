"""Trains a part of a trial again, aside, from the newest sound checkpoint before it: its folder is left alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from dit_core.config import TrialConfig
from dit_core.events import Diverged, Evaluated, Progress, Started
from dit_core.runtime.distributed import default_device
from dit_core.runtime.hardware import device_name
from dit_core.training.checkpoint import Checkpoints
from dit_core.training.loop import run as train
from service.engine.runner import dataset_for
from service.engine.stretch import OpenStretch
from service.records.kinds import Hardware, Stretch
from service.records.store import Store
from service.verify.checkpoints import check, check_key
from service.verify.hold import Hold


class Stopped(Exception):
    """The training was asked to stop before it got where it should."""


class Replay:
    """One training, replayed in a folder of its own, which is removed on leaving.

    Every leg begins from the newest sound checkpoint before its end, the store's or one of an earlier leg. So what it
    computes is bit-identical to the first time on the same machine with one worker.

    Args:
        store: where the checkpoints are.
        config: the trial.
        sound: images -> key of the whole checkpoints that it may begin from.
        checkpoint_images: images between checkpoints, as the study has it.
        hold: asked at every logging window whether to stop; names who pays.
    """

    def __init__(
        self,
        store: Store,
        config: TrialConfig,
        sound: Mapping[int, str],
        checkpoint_images: int | None,
        hold: Hold,
    ) -> None:
        self._store, self._config, self._sound = store, config, sound
        self._every, self._hold = checkpoint_images, hold
        self._folder = tempfile.TemporaryDirectory(prefix="dit-ablate-repair-")
        self._checkpoints = Checkpoints(Path(self._folder.name) / "checkpoints")
        self.hardware = Hardware(device=device_name(default_device()), torch=torch.__version__, workers=1)
        self.stretches: list[Stretch] = []

    def __enter__(self) -> Replay:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def to(self, images: int) -> bool:
        """Trains to ``images``; what was trained is added to ``stretches``, from one checkpoint to the next.

        Returns:
            Whether it got there: not when it diverged on the way.

        Raises:
            Stopped: it was asked to stop.
        """
        reached, diverged = 0, False
        for event in self._events(images, self._config, evaluate=False):
            reached = getattr(event, "images", reached)
            diverged = diverged or isinstance(event, Diverged)
        if reached < images and not diverged:
            raise Stopped
        return reached == images and not diverged

    def evaluate(self, images: int, config: TrialConfig) -> Evaluated:
        """Evaluates the weights at ``images`` as an arm of this training wants it; trains to there where it must.

        Raises:
            Stopped: it was asked to stop, or the training diverged before it got there.
        """
        for event in self._events(images, config, evaluate=True):
            if isinstance(event, Evaluated):
                return event
        raise Stopped

    def checkpoint(self, images: int) -> Path:
        """Returns a checkpoint that ``to`` has made."""
        return self._checkpoints.path(images)

    def differs(self, images: int, key: str) -> bool:
        """Whether the weights at ``images`` were made again and are not those of the store's checkpoint ``key``."""
        path = self._checkpoints.path(images)
        if not path.exists():
            return False
        with path.open("rb") as file:
            return check(file, images).sha256 != check_key(self._store, key, images).sha256

    def _events(self, until: int, config: TrialConfig, *, evaluate: bool) -> Any:
        self._take_checkpoint(until)
        open_ = self._open_stretch(0)
        for event in train(
            config,
            self._checkpoints.folder.parent,
            until=until,
            evaluate=evaluate,
            dataset=dataset_for(config.data),
            checkpoint_images=self._every,
            stop=self._hold.stop,
        ):
            if isinstance(event, Progress):
                open_.add(event)
                if event.closes:
                    self.stretches.append(open_.record())
                    open_ = self._open_stretch(event.images)
            elif isinstance(event, Started):
                open_ = self._open_stretch(event.images)
            yield event

    def _open_stretch(self, images: int) -> OpenStretch:
        return OpenStretch(images, time.time(), self.hardware, self._hold.study, self._hold.run)

    def _take_checkpoint(self, until: int) -> None:
        """Copies the newest sound checkpoint that is not beyond ``until``, unless an earlier leg has come further."""
        newest = max((images for images in self._sound if images <= until), default=0)
        here = max((images for images, _ in self._checkpoints.found() if images <= until), default=0)
        if newest > here:
            data = self._store.records.backend.get(self._sound[newest])
            path = self._checkpoints.path(newest)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data or b"")
