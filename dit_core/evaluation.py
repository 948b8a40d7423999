"""Samples the averaged weights and scores the images; changing how never retrains."""

from __future__ import annotations

import functools
import io
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from dit_core.config import TrialConfig
from dit_core.data.base import ImageDataset
from dit_core.diffusion.build import build_process
from dit_core.diffusion.sampling import sample
from dit_core.events import Evaluated
from dit_core.kept_samples import KeptSamples
from dit_core.model.dit import DiT
from dit_core.parts import METRICS
from dit_core.runtime import compilation, distributed, precision
from dit_core.runtime.noise import integers_at, normals
from dit_core.runtime.randomness import generator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dit_core.metrics.base import Metric
    from dit_core.metrics.torchmetrics_base import MetricCollection

_MIN_SIDE = 48
"""Grid images smaller than this many pixels are enlarged by a whole factor, so that a person sees them."""


def check(config: TrialConfig, dataset: ImageDataset) -> None:
    """Makes sure that every metric asked for will run.

    Raises:
        UserError: naming the setting that is wrong or missing.
    """
    for name in config.evaluation.metrics:
        METRICS.get(name, "evaluation.metrics").check(config, dataset)


def evaluate(config: TrialConfig, model: DiT, dataset: ImageDataset, *, images: int, keep: bool = False) -> Evaluated:
    """Scores generated images. Labels and noise are functions of the seeds and of an image's position among them.

    They come in chunks of ``evaluation.batch_size`` that are dealt to the ranks in turn, which changes an image by the
    network's rounding only. Collective.

    Args:
        config: the trial.
        model: the weights to score, usually averaged, on the device to sample on; its mode is left as it was.
        dataset: the data set the trial trains on.
        images: training images the weights have seen.
        keep: keep the samples on this machine's disk, and take those that are there instead of sampling again.
    """
    settings, device = config.evaluation, next(model.parameters()).device
    kept = KeptSamples(config, model) if keep else None
    metrics = load_metrics(config, dataset, device)
    chunks = torch.arange(settings.num_samples).split(settings.batch_size)
    training = model.training
    model.eval()
    clock = _Clock(device)
    grid = b""
    sampling = scoring = 0.0
    with torch.no_grad():
        try:
            for positions in chunks[distributed.rank() :: distributed.world_size()]:
                generated = _generated(config, model, dataset, positions, kept)
                sampling += clock.lap()
                metrics.update(generated, int(positions[0]))
                scoring += clock.lap()
            if distributed.rank() == 0:
                made = functools.partial(sampled_grid, config, model, dataset)
                grid = render(made() if kept is None else kept("grid", made), columns=config.grid_columns)
                sampling += clock.lap()
        finally:
            model.train(training)
        each = cast("Iterable[Metric]", metrics.values(copy_state=False))
        scored = {metric.name: metric.result() for metric in each}
        results = tuple(scored[name] for name in settings.metrics)
    scoring += clock.lap()
    if kept is not None:
        kept.make_room()
        if not kept.sampled:  # reading took some time, which says nothing of what sampling takes
            scoring, sampling = scoring + sampling, 0.0
    return Evaluated(images, results, grid, sampling, scoring)


def load_metrics(config: TrialConfig, dataset: ImageDataset, device: torch.device) -> MetricCollection:
    """Returns the metrics of a trial, empty, in one collection: features are computed once, equal states kept once."""
    from dit_core.metrics.torchmetrics_base import MetricCollection  # Matplotlib

    metrics: dict[str, Any] = {}
    groups: dict[str, list[str]] = {}
    for index, name in enumerate(config.evaluation.metrics):
        metric, key = METRICS.get(name)(config, dataset, device), f"{index:02d}-{name.replace('.', '/')}"
        metrics[key] = metric
        groups.setdefault(metric.shared or key, []).append(key)
    collection = MetricCollection(metrics, compute_groups=list(groups.values()))
    return collection.to(device if device.type == "cuda" else "cpu")


def _generated(
    config: TrialConfig, model: DiT, dataset: ImageDataset, positions: Tensor, kept: KeptSamples | None
) -> Tensor:
    def made() -> Tensor:
        labels = draw_labels(config, positions)
        return generate(config, model, dataset, labels, stream_of(config, "eval"), positions)

    return made() if kept is None else kept(f"{int(positions[0]):09d}-{len(positions)}", made)


def draw_labels(config: TrialConfig, positions: Tensor) -> Tensor:
    """Returns the labels of an evaluation's images by their positions in it, both (n,) int64; a function of the seeds.

    ``uniform`` draws each label at random, as ADM's and DiT's 50 000 samples do. ``balanced`` goes round the classes in
    an order drawn once per seed, so that over the whole evaluation no class is more than one image ahead of another.
    """
    classes, seed = max(1, config.model.num_classes), config.seed  # without classes, 0 is the null class
    if config.evaluation.labels == "uniform":
        return integers_at(positions, classes, seed, stream_of(config, "eval-labels"))
    order = torch.from_numpy(generator(seed, stream_of(config, "eval-classes")).permutation(classes))
    return order[positions % classes]


def stream_of(config: TrialConfig, name: str) -> str:
    """Returns the random stream of an evaluation: its own for each ``evaluation.seed``."""
    return f"{name}-{config.evaluation.seed}" if config.evaluation.seed else name


def generate(
    config: TrialConfig, model: DiT, dataset: ImageDataset, labels: Tensor, stream: str, positions: Tensor
) -> Tensor:
    """Samples one image per label; its noise is a function of (seed, stream, position, sampling step).

    Args:
        config: the trial.
        model: the network, in evaluation mode.
        dataset: decodes model outputs into images.
        labels: (N,) int64.
        stream: names the random stream.
        positions: (N,) int64, the images' positions within the stream.

    Returns:
        uint8 (N, C, H, W), on the model's device.
    """
    settings, device = config.evaluation, next(model.parameters()).device
    shape = (config.model.in_channels, config.model.input_size, config.model.input_size)
    positions = positions.to(device)
    whole = len(labels) == settings.batch_size  # the last chunk and the grid are not worth compiling for their size
    if config.training.compile:
        compilation.compile_(model, model.blocks, device)
    with torch.inference_mode(), precision.autocast(config.training, device), compilation.eager(not whole):
        x = sample(
            model,
            build_process(config.diffusion),
            noise=normals(positions, shape, config.seed, f"{stream}-start"),
            labels=labels.to(device),
            sampler=settings.sampler,
            steps=settings.sampling_steps,
            guidance_scale=settings.guidance_scale,
            guidance_channels=settings.guidance_channels,
            guidance_interval=settings.guidance_interval,
            null_label=config.model.num_classes,
            step_noise=lambda step: normals(positions, shape, config.seed, f"{stream}-step", step),
        )
        images = dataset.to_images(x)
    return images.clone()  # a normal tensor again, which a metric may use as it likes


def sample_grid(config: TrialConfig, model: DiT, dataset: ImageDataset) -> bytes:
    """Returns a PNG of ``sampled_grid``."""
    return render(sampled_grid(config, model, dataset), columns=config.grid_columns)


def sampled_grid(config: TrialConfig, model: DiT, dataset: ImageDataset) -> Tensor:
    """Returns ``grid_images`` samples with labels 0, 1, 2, ..., uint8; every arm of a seed gets the same noise."""
    settings = config.evaluation
    parts = [
        generate(config, model, dataset, part % max(1, config.model.num_classes), "grid", part)
        for part in torch.arange(settings.grid_images).split(settings.batch_size)
    ]
    return torch.cat(parts)


def render(images: Tensor, columns: int) -> bytes:
    """Renders images as a PNG, row by row; small ones are enlarged without smoothing.

    Args:
        images: uint8 (N, C, H, W), grey (C = 1) or RGB (C = 3).
        columns: images per row.
    """
    from PIL import Image

    factor = -(-_MIN_SIDE // min(images.shape[-2:]))
    if factor > 1:
        images = images.repeat_interleave(factor, -1).repeat_interleave(factor, -2)
    count, channels, height, width = images.shape
    columns = min(columns, count)
    rows, gap = -(-count // columns), 2
    sheet = torch.zeros(channels, rows * (height + gap) - gap, columns * (width + gap) - gap, dtype=torch.uint8)
    for index, image in enumerate(images.cpu()):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        sheet[:, top : top + height, left : left + width] = image
    pixels = sheet[0].numpy() if channels == 1 else sheet.permute(1, 2, 0).contiguous().numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


class _Clock:
    """Wall-clock between laps, after all work queued on the device is done."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._last = perf_counter()

    def lap(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        now = perf_counter()
        seconds, self._last = now - self._last, now
        return seconds
