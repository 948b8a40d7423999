"""Arms at equal images, compute and device time: from made-up records whose answer is known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from finished_study import BUDGET, RUNG, begin, measure, tiny_study

from dit_core.errors import UserError
from dit_core.gflops import count
from search_spaces.expand import expand
from search_spaces.load import study_from_data
from service.analysis.budgets import Budget, at_equal_budgets, interpolated, seconds_by_images, value_at
from service.analysis.numbers import MetricFormat
from service.analysis.preview import preview
from service.analysis.summary import summarise
from service.records.kinds import Stretch
from service.records.store import Store
from service.report.budget_section import budget_table

DEPTHS = [{"axis": "depth", "values": [1, 2]}]


def stretch(start: int, images: int, seconds: float) -> Stretch:
    return Stretch(start=start, images=images, points=(), began=0.0, seconds=seconds)


def test_the_dearer_arm_is_taken_before_its_end(tmp_path: Path) -> None:
    """The metric falls as 1 / images: at equal compute the arm is where the baseline's cost ends."""
    store = Store(tmp_path / "store")
    prepared = begin(tiny_study("depths", ablations=DEPTHS, policy="none"), store)
    for images in (RUNG, BUDGET):
        values = {("baseline", seed): 2560 / images for seed in (0, 1)}
        values |= {("depth=2", seed): (2000 + seed) / images for seed in (0, 1)}
        measure(store, prepared, values, images)
    for trial in prepared.expansion.trials:
        double = 1 if trial.arm.is_baseline else 1.5
        for piece in (stretch(0, RUNG, 4 * double), stretch(RUNG, BUDGET, 6 * double)):
            store.add_stretch(prepared.train_ids[trial.name], piece)
    found = at_equal_budgets(summarise(prepared, store), store)["depth=2"]
    costs = [count(arm.config.model).gmacs for arm in prepared.expansion.arms]
    assert found[Budget.IMAGES].difference == pytest.approx((2000.5 - 2560) / BUDGET)
    equal = found[Budget.COMPUTE]
    assert equal.images == pytest.approx(BUDGET * costs[0] / costs[1]) and equal.baseline_images == BUDGET
    assert equal.difference == pytest.approx(2000.5 / equal.images - 2560 / BUDGET)
    assert equal.seeds == 2
    timed = found[Budget.TIME]
    assert timed.spent == pytest.approx(10) and timed.images == pytest.approx(RUNG + (BUDGET - RUNG) * 4 / 9)
    table = budget_table({"depth=2": found}, "fd_digits_cnn", MetricFormat(2))
    assert table is not None and "against 256" in table.rows[0].cells[2]


def test_seconds_are_counted_once_and_up_to_the_budget() -> None:
    pieces = [stretch(0, 100, 10.0), stretch(0, 100, 12.0), stretch(100, 300, 40.0)]
    assert seconds_by_images(pieces, 200, workers=2) == [(0.0, 0.0), (100.0, 20.0), (200.0, 60.0)]
    assert seconds_by_images([stretch(0, 100, 10.0), stretch(150, 300, 9.0)], 200, 1) is None
    assert seconds_by_images([stretch(0, 100, 10.0)], 200, 1) is None


def test_nothing_is_known_before_the_first_rung_and_after_the_last() -> None:
    curve = [(100.0, 10.0), (400.0, 5.0)]
    assert value_at(curve, 99) is None and value_at(curve, 401) is None and value_at([], 1) is None
    assert value_at(curve, 200) == pytest.approx(math.sqrt(50)) and value_at(curve, 400) == pytest.approx(5)
    assert value_at([(100.0, -1.0), (400.0, 1.0)], 200) == pytest.approx(0)


def test_interpolation_is_that_of_a_straight_line() -> None:
    points = [(0.0, 0.0), (1.0, 10.0), (3.0, 30.0)]
    assert [interpolated(points, x) for x in (-1, 0, 0.5, 1, 2, 3, 9)] == [0, 0, 5, 10, 20, 30, 30]


def test_a_study_is_judged_at_the_budget_that_it_names(tmp_path: Path) -> None:
    """Twice the depth is better at equal images and no better at equal compute: the dearer arm had seen fewer."""
    summaries = {}
    for name in ("images", "training-compute"):
        store = Store(tmp_path / name)
        study = tiny_study("depths", ablations=DEPTHS, policy="none", seeds=[0, 1, 2], compare_at=name)
        prepared = begin(study, store)
        for images in (RUNG, BUDGET):
            values = {("baseline", seed): (2560 + seed) / images for seed in (0, 1, 2)}
            values |= {("depth=2", seed): (2000 + seed) / images for seed in (0, 1, 2)}
            measure(store, prepared, values, images)
        summaries[name] = summarise(prepared, store)
    images, equal = summaries["images"], summaries["training-compute"]
    costs = [arm.cost.gmacs for arm in images.arms]
    verdict, other = images.verdicts.of("depth=2"), equal.verdicts.of("depth=2")
    assert verdict is not None and verdict.better and other is not None and other.better is False
    assert other.mean == pytest.approx(verdict.mean * costs[1] / costs[0], rel=1e-6)
    assert other.reference_mean == pytest.approx(verdict.reference_mean)
    assert images.verdicts.notes == () and images.compared.text == "after 256 images"
    (note,) = equal.verdicts.notes
    assert note.startswith("Arms are compared at equal training compute of ") and note[:-1].endswith("between rungs")
    assert images.prepared.plan_digest != equal.prepared.plan_digest


def test_an_arm_that_is_not_measured_so_early_is_not_compared(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    study = tiny_study("depths", ablations=DEPTHS, policy="none", rungs=[], compare_at="training-compute")
    prepared = begin(study, store)
    measure(store, prepared, {(arm, seed): 5.0 + seed for arm in ("baseline", "depth=2") for seed in (0, 1)})
    verdict = summarise(prepared, store).verdicts.of("depth=2")
    assert verdict is not None and verdict.status == "not measured" and "its first rung comes later" in verdict.reason


def test_another_budget_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"compare_at: unknown.*'flops'.*images, training-compute, device-time"):
        study_from_data({"name": "flops", "baseline": "digits", "ablations": DEPTHS, "compare_at": "flops"})


def test_the_preview_says_where_arms_are_compared_and_what_that_needs() -> None:
    plain = {"name": "equal", "baseline": "digits", "ablations": DEPTHS}
    shown = preview(expand(study_from_data({**plain, "compare_at": "device-time", "budget_images": 512})))
    assert "compared on fd_digits_cnn at equal device time;" in str(shown) and shown.compare_at == "device-time"
    (note,) = shown.notes
    assert note.endswith("Give rungs.")
    assert preview(expand(study_from_data({**plain, "compare_at": "device-time"}))).notes == ()
    assert "at equal" not in str(preview(expand(study_from_data(plain))))
