"""What real images tell beside the generated ones: the floor at equal numbers, and the test for copies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from dit_core.metrics.copying import data_copying, from_distances
from dit_core.metrics.copying_limit import SUSPICIOUS
from dit_core.metrics.frechet import Gaussian, RunningMoments, frechet_distance
from dit_core.metrics.neighbours import nearest
from dit_core.metrics.real_floor import floor_at


def rows(count: int, seed: int, dim: int = 6) -> torch.Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def gaussian(features: torch.Tensor) -> Gaussian:
    moments = RunningMoments.empty(features.shape[1])
    moments.update(features)
    return moments.gaussian()


def test_the_statistic_is_that_of_mann_and_whitney() -> None:
    near, far = rows(40, 0).abs().sum(1), rows(25, 1).abs().sum(1)
    near[:10] = far[3]  # ties
    found = from_distances(near, far, 99)
    theirs = stats.mannwhitneyu(near, far, alternative="less", method="asymptotic", use_continuity=False)
    assert stats.norm.cdf(found.statistic) == pytest.approx(theirs.pvalue)
    assert found.share == pytest.approx(1 - theirs.statistic / (40 * 25)) and found.training == 99


def test_the_nearest_is_found_by_brute_force() -> None:
    points, others = rows(7, 0), rows(30, 1)
    expected = [min(float((a - b).norm()) for b in others.double()) for a in points.double()]
    assert nearest(points, others).tolist() == pytest.approx(expected)


def test_fresh_images_are_seldom_called_copies_and_copies_always() -> None:
    fresh = [data_copying(rows(80, 3 * s), rows(120, 3 * s + 1), rows(60, 3 * s + 2)) for s in range(200)]
    assert sum(found.suspicious for found in fresh) <= 4
    assert np.std([found.statistic for found in fresh]) == pytest.approx(1, abs=0.2)
    training = rows(120, 1)
    copies = data_copying(training[:80] + 0.01 * rows(80, 9), training, rows(60, 2))
    assert copies.suspicious and copies.statistic < SUSPICIOUS and copies.share > 0.99
    assert not data_copying(5 + rows(80, 0), training, rows(60, 2)).suspicious


@pytest.mark.slow
def test_an_extrapolated_floor_is_that_of_more_images() -> None:
    """Over many draws; one draw of a small set is as uncertain as the set is small."""
    worlds = [(gaussian(rows(300, 2 * seed)), rows(900, 2 * seed + 1)) for seed in range(150)]
    true = np.mean([frechet_distance(reference, gaussian(real)) for reference, real in worlds])
    floors = [floor_at(900, real[:200], reference) for reference, real in worlds]
    assert all(floor is not None and floor.held_out == 200 for floor in floors)
    assert np.mean([floor.value for floor in floors if floor]) == pytest.approx(true, rel=0.15)
    fewer = np.mean([frechet_distance(reference, gaussian(real[:200])) for reference, real in worlds])
    assert fewer > 1.5 * true


def test_a_floor_within_the_held_out_images_is_not_extrapolated() -> None:
    reference, real = gaussian(rows(300, 0)), rows(200, 1)
    floor = floor_at(200, real, reference)
    assert floor is not None and floor.value == pytest.approx(frechet_distance(reference, gaussian(real)))
    assert floor_at(50, real, reference).value > floor.value


def test_too_few_held_out_images_have_no_floor() -> None:
    reference = gaussian(rows(300, 0))
    assert floor_at(1000, rows(13, 1), reference) is None and floor_at(5, rows(200, 1), reference) is None
