"""What a training loop tells its caller. The loop knows no scheduler; this is all a scheduler sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Started:
    """The trial's state is loaded and the next training step is about to run.

    Attributes:
        images: training images seen by the loaded state (0 for a fresh trial).
        ignored: checkpoints that were present but failed verification, with the reason.
        micro_batch: images that each worker puts through the network at once; 0 for its whole share of a batch.
    """

    images: int
    ignored: tuple[str, ...] = ()
    micro_batch: int = 0


@dataclass(frozen=True)
class CurvePoint:
    """Mean training losses over one logging window that ends at ``images``.

    Attributes:
        images: training images seen at the window's end.
        loss: mean training loss (weighted squared error + variational term; with masked tokens also their
            reconstruction).
        mse: mean squared error of the prediction, unweighted; comparable between arms of one objective only.
        vb: variational term, in bits per dimension.
    """

    images: int
    loss: float
    mse: float
    vb: float


@dataclass(frozen=True)
class Progress:
    """A logging window, yielded before the checkpoint that covers it is written.

    Attributes:
        start: images seen before the window.
        images: images seen after it.
        points: the curve over the window.
        seconds: wall-clock spent training it.
        closes: whether a checkpoint at ``images``, or the trial's divergence there, is what comes next.
    """

    start: int
    images: int
    points: tuple[CurvePoint, ...]
    seconds: float
    closes: bool = False


@dataclass(frozen=True)
class Checkpointed:
    """A verified, atomically written checkpoint at ``images`` images seen."""

    images: int
    path: Path


@dataclass(frozen=True)
class Diverged:
    """The loss is not finite or has exploded; the trial ends here and always would."""

    images: int
    reason: str


@dataclass(frozen=True)
class MetricResult:
    """One metric of one evaluation.

    Attributes:
        name: the metric, honest about its features (``fid``, ``fd_digits_cnn``).
        value: its value; lower is better for distances.
        floor: the same distance between training and held-out images, or None where it has none.
        details: sample count, reference split and count, feature extractor, ... as plain JSON values.
    """

    name: str
    value: float
    floor: float | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluated:
    """One average of the weights at ``images`` images seen, sampled and scored.

    Attributes:
        images: training images seen.
        metrics: one result per metric asked for.
        grid: PNG bytes of the sample grid (rank 0 only).
        sample_seconds: wall-clock spent sampling.
        score_seconds: wall-clock spent on metrics.
    """

    images: int
    metrics: tuple[MetricResult, ...]
    grid: bytes
    sample_seconds: float
    score_seconds: float


Event = Started | Progress | Checkpointed | Diverged | Evaluated
