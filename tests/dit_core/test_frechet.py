"""The Fréchet distance against closed forms and torchmetrics, and moments that merge."""

from __future__ import annotations

import pytest
import scipy.linalg
import torch

from dit_core.metrics.frechet import Gaussian, RunningMoments, frechet_distance


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def moments(features: torch.Tensor) -> RunningMoments:
    result = RunningMoments.empty(features.shape[1])
    result.update(features)
    return result


def gaussian(features: torch.Tensor) -> Gaussian:
    return moments(features).gaussian()


def draw(rows: int, columns: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(columns, columns, generator=generator, dtype=torch.float64)
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64) @ mix + seed


def test_moments_are_those_of_torch() -> None:
    x = draw(50, 5, 3)
    assert torch.allclose(moments(x).mean, x.mean(0))
    assert torch.allclose(moments(x).covariance, torch.cov(x.T))


def test_batches_and_merging_change_nothing() -> None:
    x = draw(90, 6, 1)
    whole, parts = moments(x), moments(x[:13])
    parts.update(x[13:50])
    merged = parts.merge(moments(x[50:]))
    assert merged.count == 90
    assert torch.allclose(merged.covariance, whole.covariance, rtol=1e-12)
    assert frechet_distance(merged.gaussian(), whole.gaussian()) < 1e-9


def test_a_covariance_needs_two_vectors() -> None:
    with pytest.raises(ValueError, match="at least 2 vectors, got 1"):
        _ = moments(torch.ones(1, 3)).covariance


def test_distance_of_a_set_to_itself_is_zero_even_when_singular() -> None:
    x = draw(10, 40, 2)
    assert frechet_distance(gaussian(x), gaussian(x)) == pytest.approx(0, abs=1e-6 * x.var().item())


def test_shifted_gaussians() -> None:
    """Equal covariances: the squared length of the shift."""
    covariance = torch.cov(draw(50, 4, 1).T)
    first = Gaussian(torch.zeros(4, dtype=torch.float64), covariance)
    second = Gaussian(torch.tensor([1.0, -2.0, 0.5, 0.0], dtype=torch.float64), covariance)
    assert frechet_distance(first, second) == pytest.approx(5.25, rel=1e-9)


def test_diagonal_gaussians() -> None:
    """Commuting covariances: the sum of (s1 - s2)^2 over the standard deviations."""
    s1 = torch.tensor([1.0, 2.0, 0.0, 5.0], dtype=torch.float64)
    s2 = torch.tensor([3.0, 2.0, 4.0, 0.0], dtype=torch.float64)
    zero = torch.zeros(4, dtype=torch.float64)
    first, second = Gaussian(zero, s1.square().diag()), Gaussian(zero, s2.square().diag())
    assert frechet_distance(first, second) == pytest.approx(4 + 0 + 16 + 25, rel=1e-9)


@pytest.mark.parametrize(("rows", "columns"), [(300, 12), (9, 30)])
def test_scipys_matrix_square_root_agrees(rows: int, columns: int) -> None:
    first, second = gaussian(draw(rows, columns, 1)), gaussian(draw(rows, columns, 2))
    root = scipy.linalg.sqrtm((first.covariance @ second.covariance).numpy()).real.trace()
    shift = (first.mean - second.mean).square().sum()
    expected = shift + first.covariance.trace() + second.covariance.trace() - 2 * root
    assert frechet_distance(first, second) == pytest.approx(float(expected), rel=1e-5)
    # where they are singular, eigenvalues that should be zero are as exact as a float64's square root
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-8)


def test_torchmetrics_agrees() -> None:
    from torchmetrics.image.fid import _compute_fid

    first, second = gaussian(draw(200, 16, 5)), gaussian(draw(100, 16, 6))
    theirs = _compute_fid(first.mean, first.covariance, second.mean, second.covariance)
    assert frechet_distance(first, second) == pytest.approx(float(theirs), rel=1e-9)
