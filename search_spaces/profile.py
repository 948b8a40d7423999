"""What a profile is: a baseline with everything around it that makes it a sensible study at one scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dit_core.config import TrialConfig


@dataclass(frozen=True)
class Size:
    """One rung of a ladder of model sizes.

    Attributes:
        hidden_size: token width D.
        depth: transformer blocks.
        num_heads: attention heads.
    """

    hidden_size: int
    depth: int
    num_heads: int


@dataclass(frozen=True)
class Profile:
    """A scale at which studies run.

    Attributes:
        name: e.g. ``paper`` or ``digits``.
        description: one line for people.
        build: makes the baseline.
        sizes: the ladder that the ``size`` axis offers, smallest first.
        patch_sizes: the patch sizes that the ``patch_size`` axis tries when no values are given.
        study: what a study takes where it says nothing: seeds, budget, rungs, primary metric, policy, resources.
        budget_images: the study's own budget, where a study is spelled out; None elsewhere.
        metric_substitutes: metric a plan may ask for -> (metric that stands in for it here, why).
    """

    name: str
    description: str
    build: Callable[[], TrialConfig]
    sizes: Mapping[str, Size]
    patch_sizes: tuple[int, ...]
    study: Mapping[str, Any]
    budget_images: int | None = None
    metric_substitutes: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def primary_metric(self) -> str:
        """The metric that arms are compared on."""
        return str(self.study["primary_metric"])

    @property
    def horizon(self) -> int:
        """Training images at which the study ends, or usually does."""
        return self.study["budget_images"] if self.budget_images is None else self.budget_images

    @cached_property
    def config(self) -> TrialConfig:
        """The baseline."""
        return self.build()
