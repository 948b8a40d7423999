"""Depth against width at the cost of the baseline."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.profiles import Profile
from search_spaces.shapes import Shape

DEEPER, AS_IS, WIDER = "deeper-narrower", "as-is", "shallower-wider"
_DEPTHS = {DEEPER: 2.0, WIDER: 0.5}


@dataclass(frozen=True, kw_only=True)
class ShapeAxis(ChoiceAxis):
    """Shapes around the baseline's own; what they are follows from its width, depth and heads."""

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns width, depth and heads.

        Raises:
            UserError: the baseline is too small to be reshaped at equal cost.
        """
        own = Shape.of(baseline.model)
        if value == AS_IS:
            return dict(own.settings)
        found = reshaped(own, baseline.model.num_tokens, _DEPTHS[value])
        if found is None:
            raise UserError(
                f"{self.name}: {own.depth} blocks of width {own.hidden_size} with {own.num_heads} heads have no "
                f"{value} shape within {_NEAR:.0%} of their Gflops; use a larger baseline, or depth and hidden_size"
            )
        return dict(found.settings)

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns how ``config`` relates to a shape of the profile; None for one that is unrelated to them all."""
        own = Shape.of(config.model)
        known = [Shape.of(profile.config.model)]
        known += [Shape(size.hidden_size, size.depth, size.num_heads) for size in profile.sizes.values()]
        if own in known:
            return AS_IS
        tokens = config.model.num_tokens
        for value, factor in _DEPTHS.items():
            if own in [reshaped(shape, tokens, factor) for shape in known]:
                return value
        return None


_NEAR, _PARAMS_NEAR = 0.03, 0.05
"""How far Gflops and parameters may be from the baseline's."""


@lru_cache(maxsize=256)
def reshaped(own: Shape, tokens: int, factor: float) -> Shape | None:
    """Finds the shape of about ``factor`` times the depth that costs what ``own`` costs.

    A block has 18 D^2 weights with adaLN-Zero, beside those of the embeddings and the last layer, and 12 D^2 + 2 T D
    multiply-adds per token. The heads are chosen so that their width stays within a quarter.

    Args:
        own: the shape to start from.
        tokens: T, tokens of one image.
        factor: wanted depth over ``own``'s.

    Returns:
        The shape, or None when none is within 3 % of the multiply-adds and 5 % of the weights.
    """
    head = own.hidden_size // own.num_heads
    step = math.gcd(head, 8 if head >= 48 else 4)  # multiples of what the head's width is a multiple of already

    def weights(shape: Shape) -> float:
        return (18 * shape.depth + 3) * shape.hidden_size**2 + 256 * shape.hidden_size

    def macs(shape: Shape) -> float:
        return shape.depth * (12 * float(shape.hidden_size) ** 2 + 2 * tokens * shape.hidden_size)

    def off(shape: Shape, cost: Callable[[Shape], float]) -> float:
        return abs(math.log(cost(shape) / cost(own)))

    def distance(shape: Shape) -> float:
        width = shape.hidden_size / shape.num_heads
        apart = abs(math.log(shape.depth / (factor * own.depth))) + abs(math.log(width / head))
        return 5 * (off(shape, weights) + off(shape, macs)) + apart

    depths = [
        depth for depth in range(1, 3 * own.depth) if 0.66 <= depth / (factor * own.depth) <= 1.5 and depth != own.depth
    ]
    widths = range(step, 2 * head, step)
    shapes = [
        Shape(width * heads, depth, heads)
        for depth in depths
        for width in widths
        if 0.8 <= width / head <= 1.25
        for heads in range(1, 4 * own.num_heads + 1)
        if width * heads % 4 == 0
    ]
    near = [shape for shape in shapes if off(shape, macs) <= _NEAR and off(shape, weights) <= _PARAMS_NEAR]
    return min(near, key=distance) if near else None


AXIS = ShapeAxis(
    name="shape",
    title="Depth against width",
    description="deeper and narrower, or shallower and wider, at the baseline's Gflops and parameters",
    citation="Kaplan et al., arXiv 2001.08361, section 3.1; sizes: Peebles & Xie, arXiv 2212.09748, table 1",
    fields=("model.hidden_size", "model.depth", "model.num_heads"),
    vocabulary=(
        "deeper but narrower", "shallower but wider", "width depth ratio", "proportions of the network",
        "thin and deep", "wide and shallow", "tall and thin", "iso flop shape", "iso parameter shape",
        "at the same parameters",
        "width versus depth", "depth versus width", "balance between depth and width", "width against depth",
        "depth against width", "tall or broad", "deep or wide", "depth or width", "depth and width",
        "width and depth", "deep and narrow", "shallow and wide", "constant compute", "equal compute",
        "same compute", "equal gflops", "constant gflops", "trade", "trade off", "aspect", "balance",
        "proportions", "iso gflops", "iso compute", "equal cost", "matched flops", "matched gflops",
    ),
    aliases=(
        "depth and width trade off", "deep narrow versus shallow wide", "width depth balance",
        "depth width balance", "deep versus wide", "deep vs wide", "depth and width at equal compute",
        "depth against width at equal compute", "depth to width trade off", "depth versus width", "depth vs width",
        "depth width trade off", "width versus depth", "aspect ratio", "model shape", "network shape",
        "depth to width ratio", "width to depth ratio", "depth width split", "width depth split",
        "split of depth and width", "depth and width split", "split between depth and width",
        "ratio of depth to width", "ratio of width to depth", "ratio between depth and width",
        "ratio between width and depth", "depth over width", "width over depth", "allocation of depth and width",
        "depth width allocation", "depth width ratio", "depth and width allocation",
    ),
    legal=lambda: (DEEPER, AS_IS, WIDER),
    value_aliases={
        DEEPER: ("thinner",
                 "deeper", "narrower", "deep and narrow", "deeper and narrower", "narrower and deeper", "more layers",
                 "more layers smaller hidden dimension", "more layers smaller hidden size", "more layers smaller width",
                 "more blocks smaller hidden size", "more blocks smaller width", "more but narrower blocks",
                 "deeper and thinner", "deeper thinner", "thinner and deeper", "deep and thin",
                 "more but narrower layers", "more narrower layers", "deeper but narrower", "more layers less width"),
        AS_IS: ("as is", "same shape", "unchanged"),
        WIDER: ("shallower", "wider", "shallow and wide", "shallower and wider", "wider and shallower",
                "fewer layers", "fewer layers larger hidden dimension", "fewer layers larger hidden size",
                "fewer layers larger width", "fewer blocks larger hidden size", "fewer blocks larger width",
                "fewer but wider blocks", "fewer but wider layers", "fewer wider layers", "shallower but wider"),
    },
    around=("same gflops", "equal gflops", "same compute", "equal compute", "matched gflops", "matched compute",
            "same parameters", "iso flop"),
    ordered=True,
    remove_means="a network always has a shape; use REPLACE",
    add_means="a network always has a shape; use REPLACE",
)  # fmt: skip
