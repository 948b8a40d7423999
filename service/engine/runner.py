"""Runs one segment in this process: the training loop's events become records. Lanes and ``local`` share it."""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from dit_core.data import load_dataset
from dit_core.data.base import ImageDataset
from dit_core.data.config import DataConfig
from dit_core.events import Checkpointed, Diverged, Evaluated, Progress, Started
from dit_core.parts import DATASETS
from dit_core.runtime.distributed import default_device, world_size
from dit_core.runtime.hardware import device_name
from dit_core.training.loop import run as train
from service.engine.causes import NO_ROOM, OUT_OF_MEMORY, USER_ERROR, cause_of
from service.engine.segment import Segment
from service.engine.stretch import OpenStretch
from service.engine.wire import DONE, FAILED, STOPPED, Live, SegmentResult, Timing
from service.records.kinds import Hardware
from service.records.room import Patience, no_room, waiting_for_room
from service.records.store import Store

Tell = Callable[[Live], None]
"""Takes the state of the segment whenever it has changed; must return at once."""


def dataset_for(config: DataConfig) -> ImageDataset:
    """Returns a data set, loaded once per process."""
    origin = DATASETS.origins.get(config.name)
    return _loaded(config, "" if origin is None else origin.source)


@functools.lru_cache(maxsize=8)
def _loaded(config: DataConfig, source: str) -> ImageDataset:
    """Loads a data set; with other code it is another."""
    return load_dataset(config)


class SegmentRun:
    """One segment, run by one of its workers.

    Args:
        segment: what to run.
        store: where checkpoints and records go.
        tell: told the live state.
        stop: asked at every logging window, on rank 0; when true the loop checkpoints and ends.
        rank: only rank 0 writes records.
        device: as the training loop takes it; None lets it choose.
    """

    def __init__(
        self, segment: Segment, store: Store, tell: Tell, stop: Callable[[], bool], rank: int = 0, device: Any = None
    ) -> None:
        self.segment, self.store, self.tell, self.stop, self.rank, self.device = (
            segment,
            store,
            tell,
            stop,
            rank,
            device,
        )
        self.config = segment.trial_config()
        self.live = Live(segment.trial, segment.until, phase="training")
        self._hardware = Hardware(
            device=device_name(device or default_device()),
            torch=torch.__version__,
            workers=world_size(),
            threads=torch.get_num_threads(),
        )
        self._stretch = self._open_stretch(0)
        self._timing = Timing(segment.id, received=time.time())
        self._mark = time.perf_counter()
        self._micro_batch = 0
        self._patience = Patience(store.place, self._note, stop)

    def __call__(self) -> SegmentResult:
        """Runs the segment to its end and returns how it ended. What finds no room on the disk waits for it.

        Raises:
            Exception: whatever the training raises; ``failure`` makes a result of it.
        """
        with waiting_for_room(self.store.records, self._patience):
            return self._run()

    def _run(self) -> SegmentResult:
        segment, config = self.segment, self.config
        notes: tuple[str, ...] = ()
        kind = STOPPED
        if self.rank == 0:
            self.store.begin(segment.train_id, config)
        for event in train(
            config,
            self.store.trial_dir(segment.train_id),
            until=segment.until,
            dataset=dataset_for(config.data),
            device=self.device,
            checkpoint_images=segment.checkpoint_images,
            stop=self.stop,
            mirror=self.store.mirror(segment.train_id),
            not_written=self._not_written,
            micro_batch=segment.micro_batch,
            keep_samples=True,
        ):
            self._patience.over()
            since = self._lap()
            self._take(event, since)
            if isinstance(event, Started):
                notes = tuple(f"a damaged checkpoint was left out: {reason}" for reason in event.ignored)
            if isinstance(event, (Evaluated, Diverged)):
                kind = DONE
            if self.rank == 0:
                self._record(event)
                self.tell(self.live)
            if isinstance(event, Progress) and event.closes:
                self._stretch = self._open_stretch(event.images)
            self._spend("record", self._lap())
        self._timing = replace(self._timing, finished=time.time())
        return SegmentResult(kind, images=self.live.images, notes=notes, timing=self._timing)

    def failed(self, error: Exception) -> SegmentResult:
        """Makes a result of what the training raised."""
        result = failure(error, self.live.images)
        if result.cause == OUT_OF_MEMORY and self.live.phase == "training":
            result = replace(result, micro_batch=self._micro_batch)
        return result

    def _note(self, sentence: str) -> None:
        self.live = replace(self.live, note=sentence)
        self.tell(self.live)

    def _not_written(self, error: Exception) -> None:
        if not no_room(error):
            raise error
        self._patience.wait(error)

    def _take(self, event: Any, since: float) -> None:
        """Keeps the live state and the clock up to date with an event that came ``since`` seconds after the last."""
        if isinstance(event, Started):
            self._timing = replace(self._timing, first_step=time.time())
            self._micro_batch = event.micro_batch or self.config.training.batch_size // world_size()
            phase = "training" if event.images < self.segment.until else "evaluating"
            self.live = replace(self.live, images=event.images, phase=phase)
            self._stretch = self._open_stretch(event.images)
        elif isinstance(event, Progress):
            self._spend("train", event.seconds)
            loss = event.points[-1].loss if event.points else self.live.loss
            self._stretch.add(event)
            self.live = replace(self.live, images=event.images, loss=loss, tail=self._stretch.tail)
        elif isinstance(event, Checkpointed):
            self._spend("checkpoint", since)
            if event.images >= self.segment.until:
                self.live = replace(self.live, phase="evaluating")
        elif isinstance(event, Evaluated):
            self._spend("sample", event.sample_seconds)
            self._spend("score", event.score_seconds)

    def _open_stretch(self, images: int) -> OpenStretch:
        return OpenStretch(images, time.time(), self._hardware, self.segment.study, self.segment.run)

    def _record(self, event: Any) -> None:
        identity = self.segment.train_id
        if isinstance(event, Progress) and event.closes:
            self.store.add_stretch(identity, self._stretch.record())
            self.live = replace(self.live, tail=())
        elif isinstance(event, Evaluated):
            study, run = self.segment.study, self.segment.run
            self.store.add_evaluation(identity, self.config, event, study, self._hardware, run)
        elif isinstance(event, Diverged):
            self.store.add_divergence(identity, event)

    def _lap(self) -> float:
        now = time.perf_counter()
        since, self._mark = now - self._mark, now
        return since

    def _spend(self, name: str, seconds: float) -> None:
        self._timing = replace(self._timing, **{name: getattr(self._timing, name) + seconds})


def failure(error: Exception, images: int = 0) -> SegmentResult:
    """Makes a result of what the training raised. A user's mistake is not worth another try."""
    cause = cause_of(error)
    if cause in (USER_ERROR, NO_ROOM):
        return SegmentResult(FAILED, error=str(error), retry=cause != USER_ERROR, cause=cause, images=images)
    text = "".join(traceback.format_exception(error))
    return SegmentResult(FAILED, error=f"{type(error).__name__}: {error}", traceback=text, cause=cause, images=images)
