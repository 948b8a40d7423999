"""What a study is thought to take before anything was measured: rules, not figures."""

from __future__ import annotations

import json
import math

import pytest
from small_studies import expansion, tiny_config
from studies import ablation_study
from tiny_study import TINY, study_data

from dit_core.errors import UserError
from dit_core.gflops import count
from search_spaces.expand import expand
from search_spaces.load import study_from_data
from search_spaces.study import Resources
from service import Client
from service.analysis import numbers
from service.cost.analytic import analytic_rates
from service.cost.devices import A100, CARDS, H100, H200, this_processor
from service.cost.estimate import estimate
from service.cost.fitting import fitting_micro_batch, too_large
from service.cost.interval import Interval
from service.cost.lanes import finishing_time
from service.cost.limits import limit_of
from service.cost.memory import PROCESS, peak_memory
from service.cost.policy_share import expected_share
from service.cost.rates import ANALYTIC
from service.cost.resolution import smallest_difference
from service.cost.shape import shape
from service.cost.work import network_evaluations, work_of


def test_an_interval_holds_what_it_was_made_of_and_sums_bound_to_bound() -> None:
    found = Interval.of([3.0, 1.0, 2.0])
    assert found == Interval(1.0, 2.0, 3.0)
    assert Interval.of([2.0], least=0.1) == Interval(1.8, 2.0, 2.2)
    assert Interval.mean_of([2.0], 0.1) == Interval(1.8, 2.0, 2.2)
    spread = Interval.mean_of([1.0, 3.0, 1.0, 3.0], 0.1)
    assert spread.middle == 2.0 and spread.high == pytest.approx(2.0 + 2 * (4 / 3) ** 0.5 / 4**0.5)
    assert found + found == found * 2 == Interval(2.0, 4.0, 6.0)
    with pytest.raises(ValueError, match="does not hold"):
        Interval(2.0, 1.0, 3.0)


def test_work_is_counted_from_the_network_the_steps_and_the_samples() -> None:
    config = tiny_config()
    cost, work = count(config.model), work_of(config)
    assert work.train == 3 * cost.gmacs
    assert work.sample == pytest.approx((64 + 10) * 3 * cost.gmacs)
    assert work.score == pytest.approx(64 * 0.00038)
    more = {"evaluation": {"num_samples": 118, "sampling_steps": 6, "guidance_scale": 1.5}}
    assert work_of(tiny_config(**more)).sample == pytest.approx(128 * 6 * 2 * cost.gmacs)
    part = {"evaluation": {"sampling_steps": 10, "guidance_scale": 2.0, "guidance_interval": (0.2, 0.7)}}
    assert network_evaluations(tiny_config(**part)) == pytest.approx(15)


def test_metrics_of_one_network_share_its_pass() -> None:
    one = tiny_config(evaluation={"metrics": ("fid",)})
    several = tiny_config(evaluation={"metrics": ("fid", "kid", "recall")})
    assert work_of(one).score == work_of(several).score > work_of(tiny_config()).score


def test_twice_the_work_takes_twice_as_long_and_a_faster_card_less() -> None:
    small = tiny_config(model={"hidden_size": 512, "num_heads": 8, "depth": 12, "patch_size": 1, "input_size": 32})
    deep = small.model_copy(update={"model": small.model.model_copy(update={"depth": 24})})
    ratio = count(deep.model).gmacs / count(small.model).gmacs
    one, two = (analytic_rates(config, this_processor(1), 1) for config in (small, deep))
    assert two.train.middle / one.train.middle == pytest.approx(ratio)
    assert one.train.low < one.train.middle < one.train.high and one.source == ANALYTIC
    large = small.model_copy(update={"training": small.training.model_copy(update={"batch_size": 256})})
    times = [analytic_rates(large, card, 1).train.middle for card in CARDS]
    assert times[0] > times[1] == times[2]
    bfloat16 = large.model_copy(update={"training": large.training.model_copy(update={"precision": "bfloat16"})})
    assert analytic_rates(bfloat16, H100, 1).train.middle < analytic_rates(large, H100, 1).train.middle


def test_a_small_network_on_a_card_waits_for_its_operators() -> None:
    config = tiny_config()
    launched = analytic_rates(config, H100, 1)
    assert launched.train.middle > 100 * 2e9 * work_of(config).train / (H100.peak(config) * 0.35)
    assert launched.train.middle == analytic_rates(config, A100, 1).train.middle


def test_memory_has_the_optimiser_and_every_average() -> None:
    config = tiny_config(training={"ema_decays": (0.99,)})
    params = count(config.model).params
    more = config.model_copy(update={"training": config.training.model_copy(update={"ema_decays": (0.9, 0.99, 0.0)})})
    assert peak_memory(more, 1).middle - peak_memory(config, 1).middle == pytest.approx(4 * params)
    two = config.model_copy(update={"training": config.training.model_copy(update={"batch_size": 64})})
    kept = peak_memory(config, 1).middle - peak_memory(config, 2).middle
    assert peak_memory(two, 2) == peak_memory(config, 1) and kept > 0
    assert peak_memory(config, 1).low > PROCESS.low


def test_the_longest_training_goes_first_and_no_lane_waits() -> None:
    jobs = [3.0, 3.0, 2.0, 2.0, 2.0]
    assert finishing_time(jobs, 1) == sum(jobs)
    assert finishing_time(jobs, 2) == 7.0
    assert finishing_time(jobs, 9) == 3.0
    assert finishing_time([], 4) == 0.0


def test_what_only_changes_numbers_is_measured_once() -> None:
    config = tiny_config()
    same = {"training": {"learning_rate": 0.5, "beta2": 0.9}, "evaluation": {"num_samples": 128, "sampling_steps": 9}}
    assert shape(tiny_config(**same)) == shape(config.model_copy(update={"seed": 7})) == shape(config)
    for other in ({"training": {"batch_size": 64}}, {"model": {"depth": 2}}, {"evaluation": {"guidance_scale": 2.0}}):
        assert shape(tiny_config(**other)) != shape(config)


def test_sampling_and_scoring_are_always_in_it() -> None:
    found = estimate(expand(study_from_data(study_data())))
    assert found.whole.sample.middle > 0 and found.whole.score.middle > 0
    assert 0 < found.whole.evaluation_share < 1
    assert found.left is None and found.ahead is found.whole
    without = study_data(baseline={"profile": "digits", "overrides": {**TINY, "evaluation.num_samples": 640}})
    more = estimate(expand(study_from_data(without)))
    assert more.whole.sample.middle > 5 * found.whole.sample.middle
    assert more.whole.train == found.whole.train


def test_evaluated_only_arms_train_nothing_and_more_seeds_take_more() -> None:
    def whole(**more: object) -> float:
        return estimate(expand(ablation_study("steps", ["sampling steps"], **more))).whole.train.middle

    assert whole(seeds=(0,), budget_images=6400) == pytest.approx(
        estimate(expand(ablation_study("one", [{"axis": "size", "values": ["XL"]}], seeds=(0,), budget_images=6400)))
        .whole.train.middle
    )  # fmt: skip
    assert whole(seeds=(0, 1, 2), budget_images=6400) == pytest.approx(3 * whole(seeds=(0,), budget_images=6400))


@pytest.mark.slow
def test_the_preview_says_what_it_rests_on_for_every_card() -> None:
    preview = Client(store="/nowhere").plan("dit-paper")
    text = str(preview)
    assert "an assumed H100" in text and "an analytic estimate" in text and "nothing was measured" in text
    for card in CARDS:
        assert f"On {card.name} (analytic):" in text
    assert [card.too_large for card in preview.estimate.cards] == ["", "", ""]
    assert H200.memory is not None and preview.estimate.memory.high < H200.memory
    data = json.loads(json.dumps(preview.to_json()))["estimate"]
    assert data["whole"]["sample"]["low"] < data["whole"]["sample"]["high"]


def test_what_does_not_fit_is_named_with_what_would_make_it_fit() -> None:
    (arm,) = expand(ablation_study("paper", ["sampling steps"], profile="paper", seeds=(0,))).arms[:1]
    whole = peak_memory(arm.config, 1)
    assert too_large([arm], [whole], 1.01 * whole.middle, 1) == ""
    said = too_large([arm], [whole], 80e9, 1)
    assert said.startswith(f"baseline may not fit into its 80 GB (about {numbers.room(int(whole.middle))})"), said
    size = fitting_micro_batch(arm.config, 1, 80e9)
    assert said.endswith(f"; training.micro_batch: {size} would")
    assert size in (128, 64, 32, 16)

    def peak(**training: object) -> float:
        changed = arm.config.training.model_copy(update=training)
        return peak_memory(arm.config.model_copy(update={"training": changed}), 1).middle

    assert peak(micro_batch=size) <= 80e9 < peak(micro_batch=2 * size)
    assert peak(activation_checkpointing=True) < peak() / 3
    state = peak(micro_batch=1, activation_checkpointing=True)
    assert fitting_micro_batch(arm.config, 1, state) == 0
    assert "activation_checkpointing: true with a small" in too_large([arm], [whole], state, 1)
    assert "no training.micro_batch would" in too_large([arm], [whole], 1e9, 1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_cost": 5}, "max_cost: 5 given without a price; give price_per_device_hour"),
        ({"price_per_device_hour": 2}, "price_per_device_hour: 2 given without a cap; give max_cost or"),
        ({"max_device_hours": -1}, "max_device_hours: input should be greater than 0, given -1"),
        ({"max_device_hours": math.nan}, "max_device_hours: input should be a finite number, given nan"),
        ({"max_cost": math.inf, "price_per_device_hour": 1}, "max_cost: input should be a finite number, given inf"),
        ({"max_hours": 3}, "max_hours: unknown field"),
    ],
)
def test_a_cap_that_makes_no_sense_is_one_sentence(given: dict[str, float], said: str) -> None:
    with pytest.raises(UserError) as error:
        study_from_data(study_data(resources=given))
    assert said in str(error.value) and "resources" in str(error.value) and "\n" not in str(error.value)


def test_the_lower_of_two_caps_holds() -> None:
    assert limit_of(Resources()) is None
    both = Resources(max_device_hours=3, max_cost=5, price_per_device_hour=2.5, currency="EUR")
    limit = limit_of(both)
    assert limit is not None and limit.hours == 2
    assert limit.text == "resources.max_cost: 5 EUR at 2.5 EUR per device-hour (2 device-hours)"
    hours = limit_of(both.model_copy(update={"max_device_hours": 1.5}))
    assert hours is not None and hours.text == "resources.max_device_hours: 1.5"


def test_what_a_policy_leaves_is_replayed_and_lies_within_its_bounds() -> None:
    study = expansion({"wide": {"model": {"hidden_size": 32}}, "fine": {"model": {"patch_size": 2}}}, policy="rungs")
    rates = estimate(study).rates
    share = expected_share(study, rates)
    assert share is not None and share == expected_share(study, rates), "the same draws every time"
    assert 1 / 3 < share.low <= share.middle < 1 and share.middle <= share.high <= 1
    assert expected_share(expansion({"wide": {"model": {"hidden_size": 32}}}, policy="none"), rates) is None


def test_more_seeds_resolve_more_and_one_resolves_nothing() -> None:
    def said(seeds: tuple[int, ...]) -> str:
        return smallest_difference(expand(study_from_data(study_data(seeds=list(seeds))))) or ""

    sizes = [float(said(tuple(range(n))).partition("baseline of ")[2].split()[0]) for n in (2, 3, 6)]
    assert sizes == sorted(sizes, reverse=True)
    assert said((0,)).startswith("With 1 seed") and "no difference between arms can be tested" in said((0,))
    assert said((0, 1)) in str(Client(store="/nowhere").plan(study_from_data(study_data(seeds=[0, 1]))))


def test_a_policy_that_looks_may_leave_less_and_none_leaves_all() -> None:
    from service.preflight import prepare

    prepared = prepare(expansion({"wide": {"model": {"hidden_size": 32}}}))
    found = estimate(prepared.expansion, prepared=prepared)
    assert found.left == found.whole and found.least is not None and found.baseline is not None
    assert found.baseline.middle < found.least.middle < found.left.total.middle
    without = prepare(expansion({"wide": {"model": {"hidden_size": 32}}}, policy="none"))
    assert estimate(without.expansion, prepared=without).least is None
