"""The whole training loop. It knows no scheduler: it takes a config and a folder and yields events.

Read with ``batches.py`` (what a step sees), ``state.py`` (what a step changes) and ``checkpoint.py``. Every draw is a
function of (seed, step) and the state is loaded from the newest checkpoint, so stopping anywhere changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter

import torch

from dit_core import evaluation
from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.data.base import ImageDataset
from dit_core.diffusion.build import build_process
from dit_core.errors import UserError
from dit_core.events import CurvePoint, Diverged, Event, Progress, Started
from dit_core.runtime import compilation, determinism, distributed, precision
from dit_core.training.batches import batches
from dit_core.training.checkpoint import Checkpoints, Mirror
from dit_core.training.config import TrainingConfig
from dit_core.training.saves import Saves, in_background
from dit_core.training.schedule import learning_rate
from dit_core.training.state import TrainState
from dit_core.training.step import accumulate


def run(
    config: TrialConfig,
    directory: Path,
    *,
    until: int,
    evaluate: bool = True,
    dataset: ImageDataset | None = None,
    device: torch.device | None = None,
    checkpoint_images: int | None = None,
    stop: Callable[[], bool] | None = None,
    mirror: Mirror | None = None,
    not_written: Callable[[Exception], None] | None = None,
    micro_batch: int = 0,
    keep_samples: bool = False,
) -> Iterator[Event]:
    """Trains a trial to ``until`` images seen and evaluates it there. All ranks of a process group iterate it alike.

    A ``Progress`` ends at every ``log_every_steps``-th step since step 0, at every checkpoint and at ``until``, and is
    yielded before the checkpoint that covers it is written. On a GPU a checkpoint inside the segment is written while
    training goes on: its ``Checkpointed`` comes before the ``Progress`` that the next one covers. Closing the iterator
    stops the training where it is.

    Args:
        config: the trial.
        directory: the trial's folder; checkpoints lie in its ``checkpoints``.
        until: training images, a multiple of the batch size.
        evaluate: evaluate the averaged weights at the end.
        dataset: the loaded data set of ``config.data``; loaded here when None.
        device: where to train; this rank's GPU, or the CPU, when None.
        checkpoint_images: checkpoint also whenever a multiple of this many images has been passed.
        stop: asked on rank 0 at the end of every window; when true the loop checkpoints and ends, without evaluation.
        mirror: where checkpoints are published, when others that train this trial do not see ``directory``.
        not_written: told, on rank 0, why a checkpoint could not be written; returns when it is worth another try, and
            raises when it is not.
        micro_batch: images that a worker may put through the network at once, whatever the config and the checkpoint
            say; 0 for no such limit.
        keep_samples: keep them for other metrics, see ``evaluation.evaluate``.

    Yields:
        ``Started``, then ``Progress`` and ``Checkpointed``, then ``Evaluated``; or ``Diverged``, last, when the loss is
        not finite or the window's squared error is above ``divergence_mse``: its weights are never written.

    Raises:
        UserError: ``until`` or the batch size does not divide, the data does not fit the model, a metric cannot run,
            ``torch.compile`` is asked for and does not work here, or the folder holds another model's checkpoints.
    """
    training = config.training
    _check_division(config, until)
    dataset = load_dataset(config.data) if dataset is None else dataset
    dataset.check(config.model)
    if evaluate:
        evaluation.check(config, dataset)
    device = device or distributed.default_device()
    _configure(training, device)

    process = build_process(config.diffusion)
    checkpoints = Checkpoints(Path(directory) / "checkpoints", mirror, not_written)
    state = TrainState.fresh(config, device)
    images, ignored = checkpoints.restore(state, until)
    state.micro_batch = _micro_batch(training.batch_size // distributed.world_size(), state.micro_batch, micro_batch)
    network = distributed.data_parallel(state.model, device)
    if training.compile:
        compilation.compile_(network, state.model.blocks, device)
    yield Started(images, ignored, state.micro_batch)

    start, clock = images, perf_counter()
    totals = torch.zeros(4, device=device)  # loss, mse, vb, and whether rank 0 wants to stop
    todo = range(images // training.batch_size, until // training.batch_size)
    saves = Saves(checkpoints, in_background(device))
    with closing(batches(config, dataset, todo, device)) as steps, closing(saves):
        for step, batch in steps:
            state.optimizer.zero_grad()
            totals[:3] += accumulate(config, process, network, step, batch, state.micro_batch)
            if training.gradient_clip:
                torch.nn.utils.clip_grad_norm_(state.model.parameters(), training.gradient_clip)
            state.optimizer.set_learning_rate(learning_rate(training, (step + 1) * training.batch_size))
            state.optimizer.step()
            state.ema.update(step)

            images = (step + 1) * training.batch_size
            due = images == until or _passes(images, training.batch_size, checkpoint_images)
            if not due and (step + 1) % training.log_every_steps:
                continue

            if stop is not None and distributed.rank() == 0:
                totals[3] = float(stop())
            totals[:3] /= (images - start) // training.batch_size
            *losses, stopping = distributed.mean(totals).tolist()
            point = CurvePoint(images, *losses)
            due = due or bool(stopping)
            reason = _divergence(point, training.divergence_mse, state if due else None)
            seconds = perf_counter() - clock
            if due or reason is not None:
                yield from saves.finished(wait=True)
            yield Progress(start, images, (point,), seconds, closes=due or reason is not None)
            if reason is not None:
                yield Diverged(images, reason)
                return
            if due:
                last = images == until or bool(stopping)
                saves.begin(state, images, partial=images != until, wait=last)
                yield from saves.finished(wait=last)
            if stopping:
                return
            start, clock = images, perf_counter()
            totals.zero_()

    checkpoints.keep(until)
    if evaluate:
        yield evaluation.evaluate(config, state.averaged(config), dataset, images=until, keep=keep_samples)


def _configure(training: TrainingConfig, device: torch.device) -> None:
    precision.configure(training)
    determinism.require(device)
    if training.compile:
        compilation.check(device)


def _check_division(config: TrialConfig, until: int) -> None:
    size, workers = config.training.batch_size, distributed.world_size()
    if until <= 0 or until % size:
        below, above = until // size * size, (until // size + 1) * size
        nearest = f"{below} or {above}" if below > 0 else str(size)
        raise UserError(f"until: {until} images is not a multiple of the batch size {size}; nearest: {nearest}")
    if size % workers:
        raise UserError(f"training.batch_size: {size} cannot be divided evenly among {workers} workers")


def _micro_batch(share: int, *sizes: int) -> int:
    """Returns the smallest of some sizes, 0 being none; 0 where that is a rank's whole share of a batch."""
    smallest = min([share, *(size for size in sizes if size)])
    return 0 if smallest == share else smallest


def _passes(images: int, batch: int, every: int | None) -> bool:
    """Returns whether the last batch reached or passed a multiple of ``every`` images."""
    return every is not None and images // every > (images - batch) // every


def _divergence(point: CurvePoint, limit: float, state: TrainState | None) -> str | None:
    """Says why a trial has diverged, by a window and, where it is to be kept, by its state; None where it has not."""
    if not math.isfinite(point.loss):
        return f"the loss is {point.loss}"
    if point.mse > limit:
        return f"the mean squared error of a window is {point.mse:.4g}, above the limit {limit:g}"
    if state is not None and not state.finite():
        return "a weight is not a finite number"
    return None
