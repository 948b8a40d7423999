"""Times a few real steps of an arm: training, sampling and scoring, in this process (all of its ranks together)."""

from __future__ import annotations

import contextlib
import resource
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

import torch

from dit_core import evaluation
from dit_core.config import TrialConfig
from dit_core.data.base import ImageDataset
from dit_core.diffusion.samplers import sampler_name
from dit_core.events import Progress
from dit_core.model.dit import DiT
from dit_core.parts import SAMPLERS
from dit_core.runtime import distributed
from dit_core.runtime.hardware import device_name
from dit_core.training.loop import run as train
from service.cost.profiled import Profile
from service.records.kinds import Hardware

SECONDS = 2.0
"""How long training is timed, and about as long sampling; the first window and the first batch do not count."""
WINDOWS = 4
"""Windows, and batches of samples, that are timed at least."""
MOST_WINDOWS = 40
_STEPS = 2
"""Training steps in a window."""
_SAMPLING_STEPS = 8
"""Sampling steps of a timed batch; a whole evaluation takes as many batches and steps more as it has."""


def profile(config: TrialConfig, dataset: ImageDataset, device: torch.device | None = None) -> Profile:
    """Times a few steps. Collective: all ranks of a process group call it alike.

    It is the training loop and the evaluation themselves that are timed. Nothing is kept.

    Args:
        config: the trial.
        dataset: its data.
        device: where; this rank's own when None.
    """
    device = device or distributed.default_device()
    peak = _Peak(device)
    with tempfile.TemporaryDirectory(prefix="dit-ablate-profile-") as folder:
        trained = _training(config, dataset, device, Path(folder))
    step, fixed, score = _evaluation(config, dataset, device)
    hardware = Hardware(device=device_name(device), torch=torch.__version__, workers=distributed.world_size())
    return Profile(hardware, torch.get_num_threads(), trained, step, fixed, score, peak.size)


def _training(config: TrialConfig, dataset: ImageDataset, device: torch.device, folder: Path) -> tuple[float, ...]:
    batch = config.training.batch_size
    # other numbers, the same work: a diverging loss must not end it early
    windows = config.training.model_copy(update={"log_every_steps": _STEPS, "divergence_mse": float("inf")})
    timed = config.model_copy(update={"training": windows.model_copy(update={"initial_weights": None})})
    until = batch * _STEPS * (MOST_WINDOWS + 1)
    found: list[float] = []
    events = train(timed, folder, until=until, evaluate=False, dataset=dataset, device=device)
    with closing(events):  # type: ignore[type-var]
        for event in events:
            if isinstance(event, Progress):
                found.append(event.seconds / (event.images - event.start))
                if _enough(sum(found[1:]) * batch * _STEPS, len(found) - 1):
                    break
    return tuple(found[1:])


def _evaluation(
    config: TrialConfig, dataset: ImageDataset, device: torch.device
) -> tuple[tuple[float, ...], float, tuple[float, ...]]:
    """Seconds of a sampling step, of whatever else, and of scoring, each per image of all ranks."""
    settings = config.evaluation
    size = min(settings.batch_size, settings.num_samples)
    model = DiT(config.model).to(device).eval()
    metrics = evaluation.load_metrics(config, dataset, device)
    sampler = sampler_name(config.diffusion.objective, settings.sampler)
    positions = torch.arange(size)
    labels = evaluation.draw_labels(config, positions)
    steps = min(settings.sampling_steps, max(_SAMPLING_STEPS, SAMPLERS.about(sampler).least))
    fewer = config.model_copy(update={"evaluation": settings.model_copy(update={"sampling_steps": steps})})
    shape = (size, config.model.in_channels, config.model.input_size, config.model.input_size)
    undecoded = torch.zeros(shape, device=device)

    per_step: list[float] = []
    fixed: list[float] = []
    score: list[float] = []
    spent, share = 0.0, size * distributed.world_size()
    while not _enough(spent, len(per_step) - 1):
        began = _now(device)
        images = evaluation.generate(fewer, model, dataset, labels, "eval", positions)
        sampled = _now(device)
        metrics.update(images, 0)
        scored = _now(device)
        with torch.inference_mode():
            dataset.to_images(undecoded)
        decoding = min(_now(device) - scored, 0.9 * (sampled - began))
        per_step.append((sampled - began - decoding) / steps / share)
        score.append((scored - sampled) / share)
        fixed.append(decoding / share)
        spent += (scored - began) if len(per_step) > 1 else 0.0  # the first batch sets things up
    return tuple(per_step[1:]), statistics.fmean(fixed[1:]), tuple(score[1:])


def _enough(seconds: float, windows: int) -> bool:
    """Whether enough was timed; all ranks agree on what the first says."""
    done = windows >= WINDOWS and (seconds >= SECONDS or windows >= MOST_WINDOWS)
    return distributed.from_first(done)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class _Peak:
    """Peak memory since it was made: of the device's allocator on a GPU, else of this process, as the kernel says."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            with contextlib.suppress(OSError):
                Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak resident set size

    @property
    def size(self) -> float:
        """Bytes so far."""
        if self._device.type == "cuda":
            return float(torch.cuda.max_memory_allocated(self._device))
        peak = _resident()
        return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if peak is None else peak


def _resident() -> float | None:
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024.0 * float(line.split()[1])
    return None
