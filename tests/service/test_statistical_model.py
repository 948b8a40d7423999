"""The model: textbook cases, seeds that are missing, arms that vary differently, arms that share weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from simulated import values

from service.statistics.model import Fit, fit
from service.statistics.variance import POOLED, WITHIN

ARM = {"a1": 1.0, "a0": -1.0}


def fitted(seed: int, arms: int, seeds: int, **options: object) -> Fit:
    return fit(values(np.random.default_rng(seed), [0.0] * arms, seeds, **options))  # type: ignore[arg-type]


def test_two_arms_are_a_paired_t_test() -> None:
    drawn = values(np.random.default_rng(0), [0.0, 0.3], 6)
    logs = [np.log(list(drawn[arm].values())) for arm in ("a1", "a0")]
    found, expected = fit(drawn).contrast(ARM), stats.ttest_rel(*logs)
    assert found is not None and found.t == pytest.approx(expected.statistic) and found.df == expected.df


def test_many_arms_are_a_two_way_analysis_of_variance() -> None:
    drawn = values(np.random.default_rng(1), [0.0, 0.3, 0.1, -0.4], 5)
    logs = np.array([np.log(list(own.values())) for own in drawn.values()])
    residual = logs - logs.mean(1, keepdims=True) - logs.mean(0) + logs.mean()
    model = fit(drawn)
    found = model.contrast(ARM)
    assert found is not None and model.variances.apart == ()
    assert found.df == 12 and found.difference == pytest.approx(logs[1].mean() - logs[0].mean())
    assert found.standard_error == pytest.approx(math.sqrt((residual**2).sum() / 12 * 2 / 5))


def test_a_metric_that_is_not_positive_is_taken_as_it_is() -> None:
    model = fit({"a0": {0: -1.0, 1: 2.0}, "a1": {0: 3.0, 1: 6.5}})
    found = model.contrast(ARM)
    assert model.scale == "identity" and found is not None and found.difference == pytest.approx(4.25)
    assert model.mean("a1") == pytest.approx(4.75)


def test_means_and_differences_never_contradict_each_other() -> None:
    """The old report printed a mean of 11 against one of 15 as +1.00."""
    model = fit({"baseline": {0: 20.0, 1: 15.0, 2: 10.0}, "arm": {2: 11.0}})
    arm, baseline = model.mean("arm"), model.mean("baseline")
    found = model.contrast({"arm": 1.0, "baseline": -1.0})
    assert arm is not None and baseline is not None and found is not None
    assert arm / baseline == pytest.approx(11 / 10) and found.difference == pytest.approx(math.log(11 / 10))


@pytest.mark.parametrize("seed", range(20))
def test_means_differ_by_what_contrasts_say_whatever_is_missing(seed: int) -> None:
    model = fitted(seed, 5, 4, missing=0.5)
    for arm in model.arms[1:]:
        found = model.contrast({arm: 1.0, "a0": -1.0})
        mean, baseline = model.mean(arm), model.mean("a0")
        if found is not None and mean is not None and baseline is not None:
            assert math.log(mean / baseline) == pytest.approx(found.difference)


def test_arms_without_a_common_seed_are_compared_through_others_or_not_at_all() -> None:
    apart = {"a0": {0: 1.0, 1: 2.0}, "a1": {2: 3.0, 3: 4.0}}
    assert fit(apart).contrast(ARM) is None and fit(apart).difference("a1", "a0") is None
    bridged = fit({**apart, "a2": {0: 1.0, 1: 2.0, 2: 1.5, 3: 2.0}})
    found = bridged.contrast(ARM)
    assert found is not None and found.difference == pytest.approx(math.log(2.0))


def test_one_seed_has_a_difference_and_no_uncertainty() -> None:
    found = fit({"a0": {3: 2.0}, "a1": {3: 1.0}}).contrast(ARM)
    assert found is not None and (found.difference, found.standard_error) == (pytest.approx(-math.log(2)), None)


def test_equal_values_have_no_uncertainty() -> None:
    found = fit({arm: {0: 0.1, 1: 0.1, 2: 0.1} for arm in ("a0", "a1", "a2")}).contrast(ARM)
    assert found is not None and (found.difference, found.standard_error) == (pytest.approx(0.0), None)


def test_what_is_no_number_is_left_out_and_named() -> None:
    model = fit({"a0": {0: 1.0, 1: math.nan}, "a1": {0: math.inf, 1: 2.0}, "a2": {0: 1.0, 1: 2.0}})
    assert model.left_out == (("a0", 1), ("a1", 0)) and model.seeds_of("a0") == (0,)


def test_weights_sum_to_zero() -> None:
    with pytest.raises(ValueError, match="sum to 0"):
        fitted(0, 2, 2).contrast({"a0": 1.0, "a1": -0.5})


def test_an_arm_that_varies_more_has_its_own_variance_and_others_are_not_harmed() -> None:
    drawn = values(np.random.default_rng(0), [0.0] * 8, 6, sd=[1.0] * 7 + [12.0])
    model, without = fit(drawn), fit({arm: own for arm, own in drawn.items() if arm != "a7"})
    noisy, quiet = model.contrast({"a7": 1.0, "a0": -1.0}), model.contrast(ARM)
    assert model.variances.apart == ("a7",) and noisy is not None and quiet is not None
    alone = without.contrast(ARM)
    assert alone is not None and (quiet.stratum, quiet.df) == (POOLED, alone.df)
    assert (quiet.difference, quiet.standard_error) == pytest.approx((alone.difference, alone.standard_error))
    differences = [math.log(drawn["a7"][s] / drawn["a0"][s]) for s in range(6)]
    assert noisy.df == pytest.approx(5, abs=0.5)  # almost a paired t test
    assert noisy.standard_error == pytest.approx(np.std(differences, ddof=1) / math.sqrt(6), rel=0.15)


def test_arms_of_one_training_are_compared_by_what_they_differ_by() -> None:
    rng = np.random.default_rng(0)
    drawn = values(rng, [0.0] * 6, 4)
    for number in (6, 7):
        drawn[f"a{number}"] = {s: drawn["a0"][s] * float(np.exp(0.1 + 0.01 * rng.normal())) for s in range(4)}
    model = fit(drawn, trained_with={"a6": "a0", "a7": "a0"})
    own, other, across = (model.contrast({a: 1.0, b: -1.0}) for a, b in (("a6", "a0"), ("a6", "a1"), ("a0", "a1")))
    assert own is not None and other is not None and across is not None
    assert own.stratum == WITHIN and own.df == 6 and own.standard_error is not None and own.standard_error < 0.02
    assert other.stratum == POOLED and other.standard_error == pytest.approx(across.standard_error)
    assert other.df == 15  # six trainings and four seeds; what shares a training adds nothing


def test_the_check_of_equal_spread_has_its_level() -> None:
    found = [fitted(seed, 8, 3).variances.check_p for seed in range(300)]
    share = np.mean([p is not None and p <= 0.1 for p in found])
    assert abs(share - 0.1) < 4 * math.sqrt(0.1 * 0.9 / 300)
