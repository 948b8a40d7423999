"""Controls: the baseline made as costly as an arm, so that a gain can be told from more compute."""

from __future__ import annotations

import math

from dit_core.config import TrialConfig
from dit_core.gflops import count
from search_spaces.shapes import SHAPE_FIELDS, Shape, estimate, exact, possible

NEAR = 0.02
"""Arms whose Gflops are this close to the baseline's need no control; a control this close is as good as equal."""
REACHED = 0.1
"""A control farther off than this is none."""
EXACT = 2
"""Shapes whose cost is counted rather than estimated."""


def control_label(label: str) -> str:
    """Returns the label of the control of an arm that has this label."""
    return f"control for {label}"


def needs_control(arm: TrialConfig, baseline: TrialConfig) -> bool:
    """Whether an arm's forward Gflops differ from the baseline's by more than ``NEAR``."""
    return abs(count(arm.model).gmacs / count(baseline.model).gmacs - 1) > NEAR


def changes_shape(arm: TrialConfig, baseline: TrialConfig) -> bool:
    """Whether all that an arm changes in the network is its width, its depth or its heads."""
    return arm.model.model_copy(update=_shape(baseline)) == baseline.model


def control_for(arm: TrialConfig, baseline: TrialConfig) -> tuple[Shape, float] | None:
    """Finds the shape of the baseline whose Gflops come nearest to an arm's.

    Of the shapes within ``NEAR`` of the arm's Gflops, the one whose ratio of width to depth is most like the
    baseline's; where there is none, the nearest. Depths go up to four times the baseline's, widths from a quarter
    to twice, in steps of whole heads of equal width; the number of heads stays.

    Returns:
        The shape and its Gflops over the arm's, or None when none comes within ``REACHED``.
    """
    own, target = Shape.of(baseline.model), count(arm.model).gmacs
    shapes = _shapes(baseline)
    widths = sorted({shape.hidden_size for shape in shapes})
    if len(widths) < 3:
        return None
    fit = estimate(baseline, (widths[0], widths[len(widths) // 2], widths[-1]))

    def distance(ratio: float, shape: Shape) -> tuple[float, float]:
        off = abs(math.log(ratio))
        return (0.0, abs(math.log(shape.aspect / own.aspect))) if off <= NEAR else (off, 0.0)

    best = sorted(shapes, key=lambda shape: distance(fit.of(shape)[0] / target, shape))[:EXACT]
    counted = [(exact(baseline, shape).gmacs / target, shape) for shape in best]
    ratio, shape = min(counted, key=lambda item: distance(*item))
    return (shape, ratio) if abs(ratio - 1) <= REACHED else None


def _shapes(baseline: TrialConfig) -> list[Shape]:
    own = Shape.of(baseline.model)
    widths = [heads * own.num_heads for heads in range(1, 2 * own.hidden_size // own.num_heads + 1)]
    wide = possible(
        baseline, [Shape(width, own.depth, own.num_heads) for width in widths if width >= own.hidden_size / 4]
    )
    return [Shape(shape.hidden_size, depth, own.num_heads) for shape in wide for depth in range(1, 4 * own.depth + 1)]


def _shape(config: TrialConfig) -> dict[str, int]:
    return {name.partition(".")[2]: getattr(config.model, name.partition(".")[2]) for name in sorted(SHAPE_FIELDS)}
