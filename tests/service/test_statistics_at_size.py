"""The statistics of thousands of trials: the same numbers as with every matrix laid out, without laying any out."""

from __future__ import annotations

import random
import tracemalloc

import numpy as np
import pytest

from service.statistics.cells import Cells, Counted
from service.statistics.design import Design, design_of
from service.statistics.maximum import MaxT
from service.statistics.measurements import measurements
from service.statistics.model import fit


def drawn(seed: int, arms: int, seeds: int, missing: float = 0.2) -> dict[str, dict[int, float]]:
    """Values of arms, some of them missing."""
    draw = random.Random(seed)
    return {
        f"a{arm}": {s: 5 + draw.gauss(0, 1) for s in range(seeds) if draw.random() >= missing} for arm in range(arms)
    }


def projection(design: Design) -> np.ndarray:
    """What leaves the residuals, (n, n), by its definition."""
    columns = np.zeros((len(design.arm_of), design.arms + design.seeds))
    rows = np.arange(len(columns))
    columns[rows, design.arm_of] = columns[rows, design.arms + design.seed_of] = 1.0
    return np.eye(len(columns)) - columns @ np.linalg.pinv(columns)


@pytest.mark.parametrize("seed", range(6))
def test_residuals_are_those_of_the_projection(seed: int) -> None:
    design, y = design_of(measurements(drawn(seed, 5, 4), scale="identity"))
    whole = projection(design)
    assert design.residuals(y) == pytest.approx(whole @ y, abs=1e-9)
    assert design.residuals(np.stack([y, y**2], axis=1)) == pytest.approx(whole @ np.stack([y, y**2], axis=1), abs=1e-8)
    assert design.residual_shares == pytest.approx(np.diag(whole), abs=1e-9)
    assert design.residual_df == round(np.trace(whole))
    # two arms of one training: what a seed does to it is in both
    cells = Cells(np.where(design.arm_of < 4, design.arm_of // 2 * 4 + design.seed_of, -1))
    together = (cells.cell[:, None] == cells.cell) & (cells.cell >= 0)
    assert design.residual_load(cells) == pytest.approx(np.sum(whole * together), abs=1e-9)


@pytest.mark.parametrize("apart", [False, True])
def test_covariances_by_cell_are_those_of_the_matrix(apart: bool) -> None:
    draw = np.random.default_rng(0)
    cells = Cells(draw.integers(-1 if not apart else 0, 8, 30), apart)
    together = ((cells.cell[:, None] == cells.cell) & (cells.cell >= 0)).astype(float)
    covariance = np.eye(30) - together if apart else together
    weights = draw.normal(size=(5, 30))
    counted, others = Counted(weights), Cells(np.arange(30), apart)
    assert others.variances(counted) == pytest.approx(np.square(weights).sum(axis=1) * (not apart))
    for _ in range(2):
        assert cells.covariance(counted) == pytest.approx(weights @ covariance @ weights.T)
        assert cells.variances(counted) == pytest.approx(np.diag(weights @ covariance @ weights.T))


@pytest.mark.slow
def test_nothing_as_large_as_the_measurements_squared_is_made() -> None:
    values = drawn(0, 300, 10, missing=0.0)
    measurements = sum(map(len, values.values()))
    tracemalloc.start()
    try:
        fitted = fit(values, trained_with={f"a{arm}": "a0" for arm in range(1, 30)})
        estimates = fitted.contrasts([{f"a{arm}": 1.0, "a0": -1.0} for arm in range(1, 50)])
        largest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert all(own is not None and own.standard_error for own in estimates)
    assert largest < measurements**2 * 8, "one such matrix; there were several"


def test_of_many_equally_correlated_values_the_largest_is_found_without_their_matrix() -> None:
    matrix = np.full((120, 120), 0.5)
    np.fill_diagonal(matrix, 1.0)
    laid_out, equal = MaxT(matrix), MaxT.equal(120, 0.5)
    for t in (2.5, 3.5):
        for one_sided in (False, True):
            chances = [found.tail(t, 60, one_sided=one_sided) for found in (laid_out, equal)]
            assert chances[0] == pytest.approx(chances[1], rel=0.04)
