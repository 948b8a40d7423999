"""Numbers as people read them, over the values that go wrong, and names of arms, which are never rounded."""

from __future__ import annotations

import math

import pytest

from search_spaces.axes import AXES
from search_spaces.profiles import PROFILES
from service.analysis.numbers import (
    MetricFormat,
    compute,
    duration,
    gflops,
    percent,
    plural,
    short,
    signed,
    significant,
    whole,
)
from service.analysis.sentences import listing, sentence
from service.analysis.statistics import Spread
from service.statistics.contrast import Contrast
from service.statistics.verdict import Status, Verdict

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (NAN, "not finite"), (INF, "not finite"), (-INF, "not finite"),
        (0, "0"), (0.0, "0"), (-0.0, "0"),
        (1e-4, "0.0001"), (1.23456e-4, "0.0001235"), (9.9999e-5, "0.0001"), (2.5e-7, "2.5e-07"), (-2.5e-7, "−2.5e-07"),
        (0.3 + 1e-9, "0.3"), (0.99999, "1"), (1, "1"), (-1.5, "−1.5"), (9.9996, "10"), (118.6214, "118.6"),
        (999.96, "1,000"), (12800, "12,800"), (12345.678, "12,346"), (1e9, "1,000,000,000"), (1e12, "1e+12"),
    ],
)  # fmt: skip
def test_a_value_alone(value: float | None, text: str) -> None:
    assert significant(value) == text


def test_differences_have_a_sign() -> None:
    assert [signed(value) for value in (0.25, -0.25, 0.0, None, NAN, INF)] == [
        "+0.25", "−0.25", "+0", "–", "not finite", "not finite",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (64, "64"), (999, "999"), (1000, "1k"), (12_800, "12.8k"), (96_412, "96.41k"), (999_960, "1M"),
     (33_000_000, "33M"), (675_129_632, "675.1M"), (102_400_000, "102.4M"), (10**9, "1G"), (2_560_000_000, "2.56G")],
)  # fmt: skip
def test_a_count_in_short(value: int, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(118.6214, "118.62"), (6.0557, "6.06"), (1234.5, "1,234.50"), (0.999999, "1.00"), (0.3601, "0.3601"),
     (0.00097, "0.00097"), (0.012345, "0.01235")],
)  # fmt: skip
def test_gflops_as_the_paper_prints_them(value: float, text: str) -> None:
    assert gflops(value) == text


@pytest.mark.parametrize(
    ("gmacs", "text"),
    [(0, "0 GMACs"), (0.5, "0.5 GMACs"), (999.4, "999 GMACs"), (999.6, "1 TMACs"), (36.4e9, "36.4 EMACs"),
     (1e6, "1 PMACs"), (1e20, "100,000 YMACs")],
)  # fmt: skip
def test_compute_has_a_prefix_that_fits(gmacs: float, text: str) -> None:
    assert compute(gmacs) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (3.21, "3.2 s"), (9.94, "9.9 s"), (9.96, "10 s"), (42, "42 s"), (59.4, "59 s"), (59.6, "1 min 00 s"),
     (200, "3 min 20 s"), (3599.6, "1 h 00 min"), (3840, "1 h 04 min"), (90_000, "25 h 00 min"), (359_990, "100 h"),
     (4_428_000, "1,230 h"), (NAN, "not finite"), (INF, "not finite")],
)  # fmt: skip
def test_a_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_metric_has_the_same_decimals_everywhere() -> None:
    shown = MetricFormat.for_values([13.456, 120.0, NAN, INF, 0.0])
    assert (shown.decimals, shown.value(-0.314), shown.signed(0.5)) == (2, "−0.31", "+0.50")
    assert (
        shown.spread(Spread(2, 13.456, 1.0)) == "13.46 ± 1.00" and shown.spread(Spread(1, 12800.0, None)) == "12,800.00"
    )
    contrast = Contrast("b", ("a",), (("b", 1.0), ("a", -1.0)), ())
    measured = Verdict(contrast, Status.UNDECIDED, difference=-1.0, low=-2.0, high=0.5)
    assert shown.difference(measured) == "−1.00 [−2.00, +0.50]"
    assert shown.difference(Verdict(contrast, Status.UNDECIDED, difference=-1.0)) == "−1.00"
    assert shown.difference(Verdict(contrast, Status.NOT_MEASURED)) == "–"
    assert MetricFormat.for_values([]).decimals == 2 and MetricFormat.for_values([1e-9]).decimals == 4
    assert [shown.value(value) for value in (NAN, INF, -INF)] == ["not finite"] * 3


def test_words() -> None:
    assert (plural(1, "seed"), plural(2, "seed"), plural(1000, "trial")) == ("1 seed", "2 seeds", "1,000 trials")
    assert whole(102_400_000) == "102,400,000"
    assert (percent(0.376, 1), percent(0.5)) == ("37.6 %", "50 %")
    assert listing(["a", "b", "c"]) == "a, b and c" and listing(["a"]) == "a" and listing([]) == ""
    assert sentence(" what it is ") == "What it is." and sentence("Is it?") == "Is it?" and sentence("") == ""


@pytest.mark.parametrize("value", [1e-4, 0.3 + 1e-9, 0.3, 12800.0, 1e9, 5e-324, 1.7e308, 1 / 3])
def test_the_name_of_an_arm_is_never_rounded(value: float) -> None:
    axis, profile = AXES.get("learning_rate"), PROFILES.get("digits")
    assert axis.parse(axis.label(value), profile) == value


def test_intervals_that_differ_have_different_names() -> None:
    axis = AXES.get("guidance_interval")
    assert axis.label((0.1, 0.5)) == "0.1-0.5" != axis.label((0.1 + 1e-9, 0.5))
