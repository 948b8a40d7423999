"""The Fréchet distance between two sets of features, from mergeable running moments."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass
class RunningMoments:
    """Count, sum and sum of outer products of feature vectors, in float64.

    Attributes:
        count: vectors seen, a float64 scalar.
        total: their sum, (D,) float64.
        outer: the sum of their outer products, (D, D) float64.
    """

    count: Tensor
    total: Tensor
    outer: Tensor

    @classmethod
    def empty(cls, dim: int, device: torch.device | str = "cpu") -> RunningMoments:
        """Returns the moments of no vectors of ``dim`` features."""
        return cls(
            torch.zeros((), dtype=torch.float64, device=device),
            torch.zeros(dim, dtype=torch.float64, device=device),
            torch.zeros(dim, dim, dtype=torch.float64, device=device),
        )

    def update(self, features: Tensor) -> None:
        """Adds feature vectors, (N, D), in place."""
        rows = features.to(self.total.device, torch.float64)
        self.count += len(rows)
        self.total += rows.sum(0)
        self.outer += rows.T @ rows

    def merge(self, other: RunningMoments) -> RunningMoments:
        """Returns the moments of both sets together."""
        return RunningMoments(self.count + other.count, self.total + other.total, self.outer + other.outer)

    def all_reduce(self) -> RunningMoments:
        """Returns the moments over all ranks, equal on all of them; collective when a process group is up."""
        if not (dist.is_available() and dist.is_initialized()):
            return self
        flat = torch.cat([self.count[None], self.total, self.outer.flatten()])
        dist.all_reduce(flat)
        dim = len(self.total)
        return RunningMoments(flat[0], flat[1 : dim + 1], flat[dim + 1 :].view(dim, dim))

    @property
    def mean(self) -> Tensor:
        """Mean, (D,) float64."""
        return self.total / float(self.count)

    @property
    def covariance(self) -> Tensor:
        """Unbiased covariance, (D, D) float64; needs two vectors or more."""
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 vectors, got {int(self.count)}")
        return (self.outer - torch.outer(self.total, self.mean)) / (float(self.count) - 1)

    def gaussian(self) -> Gaussian:
        """Returns the Gaussian with these moments."""
        return Gaussian(self.mean, self.covariance, int(self.count))


@dataclass
class Gaussian:
    """A mean and a covariance.

    Attributes:
        mean: (D,) float64.
        covariance: (D, D) float64.
        count: vectors they were computed from; None where nobody says.
    """

    mean: Tensor
    covariance: Tensor
    count: int | None = None
    _root: Tensor | None = field(default=None, repr=False, compare=False)

    def covariance_root(self) -> Tensor:
        """Returns the symmetric square root of the covariance, (D, D) float64; computed once."""
        if self._root is None:
            values, vectors = torch.linalg.eigh(self.covariance)
            self._root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
        return self._root


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Returns the squared Fréchet (2-Wasserstein) distance between two Gaussians with the given moments.

    d^2 = |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))   (Dowson & Landau 1982; Heusel et al., arXiv 1706.08500)

    The eigenvalues of C1 C2 are those of the symmetric positive semi-definite A C2 A with A = C1^(1/2), so only
    symmetric eigenproblems are solved: singular covariances need no added epsilon and no complex result is discarded.

    Args:
        first: one of them; the root of its covariance is kept for the next call, so give the reference here.
        second: the other, with as many features.
    """
    root = first.covariance_root()
    inner = root @ second.covariance @ root
    trace_of_root = torch.linalg.eigvalsh((inner + inner.T) / 2).clamp(min=0).sqrt().sum()
    shift = (first.mean - second.mean).square().sum()
    spread = first.covariance.trace() + second.covariance.trace() - 2 * trace_of_root
    return max(0.0, float(shift + spread))
