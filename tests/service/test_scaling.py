"""Size: the fitted laws, the Pareto front and the correlation, and where the report shows them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from finished_study import BUDGET, RUNG, begin, measure, tiny_study
from scipy import stats

from dit_core.paper import scaling_models
from service.analysis.budgets import Budget, at_equal_budgets
from service.analysis.numbers import MetricFormat
from service.analysis.scaling import Point, Scaling, correlation, front, power_law, scaling
from service.analysis.summary import summarise
from service.records.store import Store
from service.report import build_report
from service.report.page.overview import progress_chart
from service.report.scaling_section import figure, sentences, table

SIZES = [
    {"axis": "depth", "values": [1, 2, 4]},
    {"axis": "patch_size", "values": [2, 4]},
    {"axis": "learning_rate", "values": [1e-3]},
    {"axis": "registers", "action": "ADD", "values": [4]},
]


def sizes(tmp_path: Path, metric: str = "fd_digits_cnn", exponent: float = -0.5) -> tuple[Scaling | None, Store]:
    """A study whose metric follows a law in Gflops exactly, but for arms that change something else."""
    store = Store(tmp_path / "store")
    prepared = begin(tiny_study("sizes", ablations=SIZES, policy="none"), store)
    for images in (RUNG, BUDGET):
        values = {}
        for arm in summarise(prepared, store).arms:
            law = 3.0 * arm.cost.gmacs**exponent * (BUDGET / images)
            other = "learning_rate" in arm.arm.delta or "registers" in arm.arm.delta
            values |= {(arm.arm.name, seed): law * (0.5 if other else 1) for seed in (0, 1)}
        measure(store, prepared, values, images)
    return scaling(summarise(prepared, store)), store


def test_a_law_is_recovered_from_the_arms_that_differ_in_size_alone(tmp_path: Path) -> None:
    found, _ = sizes(tmp_path)
    assert found is not None and {point.arm for point in found.points} == {
        "baseline",
        "depth=2",
        "depth=4",
        "patch_size=4",
    }
    assert [point.gflops for point in found.points] == sorted(point.gflops for point in found.points)
    assert found.law is not None and found.law.exponent == pytest.approx(-0.5) and found.law.factor == pytest.approx(3)
    assert found.law.low == pytest.approx(-0.5, abs=1e-6) and found.law.points == 4
    assert found.correlation is not None and -1 <= found.correlation.r < -0.9
    assert len(found.curve) == 8 and found.compute_law is not None
    assert "learning_rate=0.001" in found.front  # better than the baseline at the same cost
    assert "depth=2" not in found.front or found.points[0].value < 3


def test_the_paper_stands_beside_it(tmp_path: Path) -> None:
    found, _ = sizes(tmp_path)
    assert found is not None
    assert found.paper_correlation.r == pytest.approx(-0.93, abs=0.005) and found.paper_correlation.points == 12
    (text,) = sentences(found)
    assert "the paper's is −0.93 over 12 models, 95 % interval [−0.98, −0.76]" in text
    assert "power of −0.50, 95 % interval [−0.50, −0.50]" in text
    assert "says nothing beyond them" in text
    rows = table(found, MetricFormat(2)).rows
    assert len(rows) == 4 and all(row.cells[3] == row.cells[4] for row in rows)
    assert figure(found)[:4] == b"\x89PNG"


def test_a_metric_has_one_mean_wherever_it_stands(tmp_path: Path) -> None:
    """The table of sizes, that of equal images and the answers once had means of two kinds under one name."""
    store = Store(tmp_path / "store")
    prepared = begin(tiny_study("sizes", ablations=SIZES, policy="none"), store)
    values = {("baseline", 0): 10.0, ("baseline", 1): 14.0, ("depth=2", 0): 4.0, ("depth=2", 1): 9.0}
    values |= {(name, seed): 3.0 + seed for name in ("depth=4", "patch_size=4") for seed in (0, 1)}
    for images in (RUNG, BUDGET):
        measure(store, prepared, values, images)
    summary = summarise(prepared, store)
    found, verdict = scaling(summary), summary.verdicts.of("depth=2")
    assert found is not None and verdict is not None
    assert {point.arm: point.value for point in found.points}["depth=2"] == pytest.approx(6) == verdict.mean
    equal = at_equal_budgets(summary, store)["depth=2"][Budget.IMAGES]
    assert equal.difference == pytest.approx(6 - math.sqrt(140)) == verdict.difference
    at_rung = summary.arm("depth=2").at(RUNG)
    assert at_rung is not None and at_rung.mean == pytest.approx(6)
    chart = progress_chart(prepared.expansion, summary, (), MetricFormat(2))
    assert chart is not None and 6 in [y for trace in chart.panels[0].figure.data for y in trace.y]


@pytest.mark.slow
def test_the_report_has_the_section_where_a_study_varies_size(tmp_path: Path) -> None:
    _, store = sizes(tmp_path)
    prepared = begin(tiny_study("sizes", ablations=SIZES, policy="none"), store)
    report = build_report(prepared, store, command="run it")
    for text in (report.markdown.read_text(), report.html.read_text()):
        assert "The correlation of the logarithm of Gflops with fd_digits_cnn is" in text
    assert "figures/scaling.png" in report.markdown.read_text()


def test_a_study_of_one_size_has_no_section(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    rates = {"axis": "learning_rate", "values": [1e-3, 2e-3]}
    prepared = begin(tiny_study("rates", ablations=[rates], policy="none"), store)
    measure(store, prepared, {(arm.name, seed): 1.0 for arm in prepared.expansion.arms for seed in (0, 1)})
    assert scaling(summarise(prepared, store)) is None


def test_the_interval_is_students_over_the_slope() -> None:
    rng = np.random.default_rng(0)
    gflops, values = zip(*scaling_models(), strict=True)
    law = power_law(gflops, values)
    x, y = np.log(gflops), np.log(values)
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    error = math.sqrt(residual @ residual / 10 / ((x - x.mean()) @ (x - x.mean())))
    assert law is not None and law.high is not None and law.low is not None
    assert law.high - law.exponent == pytest.approx(stats.t.ppf(0.975, 10) * error) == law.exponent - law.low
    covered = 0
    for _ in range(300):
        noisy = 2 * np.array(gflops) ** -0.4 * np.exp(rng.normal(0, 0.2, 12))
        again = power_law(gflops, noisy.tolist())
        assert again is not None and again.low is not None and again.high is not None
        covered += again.low <= -0.4 <= again.high
    assert 0.90 < covered / 300 < 0.99


@pytest.mark.parametrize(("costs", "values"), [([1, 2], [3, 2]), ([1, 1, 1.001], [3, 2, 1]), ([1, 2, 4], [1, 0, 2])])
def test_what_cannot_be_fitted_is_not(costs: list[float], values: list[float]) -> None:
    assert power_law(costs, values) is None


def test_values_that_are_all_the_same_have_no_correlation() -> None:
    assert correlation([1, 2, 4], [5.0, 5.0, 5.0]) is None
    few = correlation([1, 2, 4], [3.0, 2.0, 1.5])
    assert few is not None and few.low is None and few.r < -0.9


def test_no_point_of_the_front_is_beaten_and_every_other_is() -> None:
    rng = np.random.default_rng(1)
    for metric, sign in (("fd_digits_cnn", 1), ("inception_score", -1)):
        points = [Point(str(i), c, c, 1, v) for i, (c, v) in enumerate(rng.integers(0, 9, (40, 2)).astype(float))]
        kept = front(points, [point.compute for point in points], metric)

        def beaten(point: Point, by: Point, sign: int = sign) -> bool:
            gain = sign * (point.value - by.value)
            return by.compute <= point.compute and gain >= 0 and (by.compute < point.compute or gain > 0)

        for point in points:
            if point in kept:
                assert not any(beaten(point, other) for other in points)
            else:
                assert any(beaten(point, other) or (other.compute, other.value) == (point.compute, point.value)
                           for other in kept)  # fmt: skip
