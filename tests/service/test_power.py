"""Power, the smallest difference, seeds that settle, equivalence, parts of the variance and the best arm."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from simulated import against, values

from service.statistics.best import best
from service.statistics.judge import judge
from service.statistics.model import fit
from service.statistics.parts import variance_parts
from service.statistics.planning import smallest_differences
from service.statistics.power import POWER, _is_found, detectable_effect, equivalence_power, power
from service.statistics.simultaneous import family
from service.statistics.verdict import Status, Verdict


def verdict(seed: int, effect: float, seeds: int, *, margin: float | None = None, sd: float = 1.0) -> Verdict:
    drawn = values(np.random.default_rng(seed), [0.0, effect, 0.0, 0.0], seeds, sd=sd)
    return judge(fit(drawn), against(list(drawn)), metric="fid", higher=False, margin=margin).verdicts[0]


@pytest.mark.parametrize(
    ("effect", "critical", "df"), [(3.0, 2.8, 6), (10.0, 6.0, 2), (0.0, 2.5, 11), (200.0, 127.0, 1)]
)
def test_power_is_that_of_the_noncentral_t(effect: float, critical: float, df: int) -> None:
    drawn = stats.norm.rvs(effect, 1, 200_000, random_state=0) / np.sqrt(
        stats.chi2.rvs(df, size=200_000, random_state=1) / df
    )
    assert power(effect, critical, df) == pytest.approx(float(np.mean(np.abs(drawn) > critical)), abs=0.005)
    assert power(detectable_effect(critical, df), critical, df) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(("critical", "df"), [(2.8, 6.0), (3.9, 8091.0), (127.0, 1.0), (0.5, 40.0)])
def test_whether_a_difference_is_found_is_what_its_power_says(critical: float, df: float) -> None:
    least = detectable_effect(critical, df)
    near = [least * (1 + sign * 10.0**-size) for size in range(1, 13) for sign in (-1, 1)]
    for effect in (*near, 0.0, least, -2 * least, 50 * least):
        assert _is_found(effect, critical, df) == (power(effect, critical, df) >= POWER), effect


@pytest.mark.parametrize(("effect", "pairs"), [(1.0, 10), (1.5, 6), (2.0, 5)])
def test_two_arms_need_the_seeds_that_tables_of_the_paired_t_say(effect: float, pairs: int) -> None:
    def found(n: int) -> float:
        return detectable_effect(float(stats.t.ppf(0.975, n - 1)), n - 1) / math.sqrt(n)

    assert found(pairs) <= effect < found(pairs - 1)


def test_the_power_that_is_stated_is_the_one_of_the_printed_test() -> None:
    """At the printed smallest difference the old test found nothing in up to ten seeds."""
    seeds, arms = 3, 8
    drawn = values(np.random.default_rng(0), [0.0] * arms, seeds)
    judged = judge(fit(drawn), against(list(drawn)), metric="fid", higher=False)
    assert judged.variance.pooled_sd is not None and judged.verdicts[0].detectable is not None
    reference = judged.verdicts[0].reference_mean
    assert reference is not None
    effect = math.log1p(-judged.verdicts[0].detectable / reference) / judged.variance.pooled_sd  # a lower one is better
    found = []
    for number in range(200):
        own = values(np.random.default_rng(number + 1), [0.0, effect] + [0.0] * (arms - 2), seeds)
        tested = family(fit(own), [{arm: 1.0, "a0": -1.0} for arm in own if arm != "a0"])
        p = tested.p(0)
        found.append(p is not None and p <= 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.1)


def test_what_is_stated_before_a_study_is_what_its_report_states() -> None:
    drawn = values(np.random.default_rng(0), [0.0] * 6, 4)
    judged, asked = judge(fit(drawn), against(list(drawn)), metric="fid", higher=True), against(list(drawn))
    planned = smallest_differences([own.weight_of for own in asked], 4, trainings=6)
    assert judged.variance.apart == () and judged.variance.pooled_sd is not None and planned is not None
    first = judged.verdicts[0]
    assert first.detectable is not None and first.reference_mean is not None
    assert math.log1p(first.detectable / first.reference_mean) == pytest.approx(planned[0] * judged.variance.pooled_sd)
    assert smallest_differences([own.weight_of for own in asked], 1, trainings=6) is None


def test_seeds_that_settle_are_fewer_for_what_is_larger_and_none_for_what_is_settled() -> None:
    drawn = {"a0": {0: 10.0, 1: 10.6, 2: 9.7}, "a1": {0: 10.9, 1: 10.4, 2: 10.6}, "a2": {0: 12.2, 1: 11.0, 2: 11.5}}
    small, large = judge(fit(drawn), against(list(drawn)), metric="fid", higher=False).verdicts
    assert small.status is Status.UNDECIDED and small.more_seeds is not None and small.more_seeds > 1
    assert large.more_seeds is not None and large.more_seeds < small.more_seeds
    same = {**drawn, "a1": {seed: value * 1.0001 for seed, value in ((0, 10.6), (1, 10.0), (2, 9.7))}}
    undecidable = judge(fit(same), against(list(same)), metric="fid", higher=False).verdicts[0]
    assert undecidable.status is Status.UNDECIDED and undecidable.more_seeds is None
    assert verdict(0, 20.0, 3).more_seeds == 0


def test_what_does_not_matter_can_be_concluded_and_only_with_a_margin() -> None:
    alike = verdict(1, 0.0, 5, margin=0.1, sd=0.01)
    assert alike.status is Status.EQUIVALENT and alike.margin is not None
    assert alike.margin[0] < 0 < alike.margin[1] and alike.margin[1] == pytest.approx(0.1 * (alike.reference_mean or 0))
    assert verdict(1, 0.0, 5, sd=0.01).status is Status.UNDECIDED
    noisy = verdict(1, 0.0, 3, margin=0.1, sd=1.0)
    assert noisy.status is Status.UNDECIDED and noisy.p is not None
    small = verdict(1, 0.05, 5, margin=0.1, sd=0.001)  # sure to differ, and by too little to matter
    assert small.status is Status.EQUIVALENT and small.p is not None and small.p < 0.05


def test_more_seeds_settle_what_is_alike_where_there_is_a_margin() -> None:
    close, without = verdict(0, 0.0, 3, margin=0.1, sd=0.1), verdict(0, 0.0, 3, sd=0.1)
    assert close.status is Status.UNDECIDED and close.more_seeds is not None and close.more_seeds > 1
    assert without.more_seeds is None  # nor is it ever clear


def test_equivalence_is_rarely_concluded_of_what_differs_by_the_margin() -> None:
    wrong = []
    for seed in range(200):
        drawn = values(np.random.default_rng(seed), [0.0, math.log(1.1), 0.0, 0.0], 4, sd=0.04)
        tested = family(fit(drawn), [{arm: 1.0, "a0": -1.0} for arm in drawn if arm != "a0"])
        found, critical = tested.joint.estimates[0], tested.critical(0, one_sided=True)
        assert found is not None and found.standard_error is not None and critical is not None
        wrong.append(abs(found.difference) + critical * found.standard_error < math.log(1.1))
    assert np.mean(wrong) <= 0.05 + 3.5 * math.sqrt(0.05 * 0.95 / 200)
    assert equivalence_power(0.0, 1.0, 2.0, 5) < 0.1 < 0.9 < equivalence_power(0.0, 8.0, 2.0, 5)


@pytest.mark.slow
def test_the_interval_of_the_best_holds_although_it_was_chosen() -> None:
    rng, held, among = np.random.default_rng(0), 0, 0
    for _ in range(200):
        found = best(fit(values(rng, [0.0] * 11, 3, seed_sd=0.5)), higher=False, level=0.05)
        assert found is not None and found.low is not None and found.high is not None
        held += found.low <= 1.0 <= found.high
        among += "a3" in found.candidates
    assert held / 200 >= 0.95 - 3.5 * math.sqrt(0.05 * 0.95 / 200)
    assert among / 200 >= 0.95 - 3.5 * math.sqrt(0.05 * 0.95 / 200)


def test_candidates_leave_out_what_is_clearly_worse() -> None:
    drawn = values(np.random.default_rng(0), [0.0, 0.01, 3.0, 4.0], 4, sd=0.1)
    found = best(fit(drawn), higher=False, level=0.05)
    assert found is not None and set(found.candidates) <= {"a0", "a1"} and found.candidates[0] == found.arm
    higher = best(fit(drawn), higher=True, level=0.05)
    assert higher is not None and higher.candidates == ("a3",)


def test_parts_of_the_variance_say_what_helps() -> None:
    rng = np.random.default_rng(0)

    def drawn(training: float, evaluation: float) -> dict[str, dict[int, list[float]]]:
        common = 0.3 * rng.standard_normal(12)
        return {
            f"a{arm}": {
                seed: list(
                    np.exp(2 + common[seed] + training * rng.standard_normal() + evaluation * rng.standard_normal(4))
                )
                for seed in range(12)
            }
            for arm in range(10)
        }

    noisy, sound = variance_parts(drawn(0.05, 0.4)), variance_parts(drawn(0.4, 0.05))
    assert noisy is not None and sound is not None
    assert (noisy.seed, noisy.evaluation) == (pytest.approx(0.3, rel=0.6), pytest.approx(0.4, rel=0.15))
    assert sound.arm_by_seed == pytest.approx(0.4, rel=0.2) and sound.evaluation == pytest.approx(0.05, rel=0.15)
    assert "more samples" in noisy.advice and "only more training seeds" in sound.advice
    assert variance_parts({"a": {0: [1.0], 1: [2.0]}}) is None
    with pytest.raises(ValueError, match="same number"):
        variance_parts({"a": {0: [1.0, 2.0], 1: [2.0, 3.0, 4.0]}})
