"""The default policy ends what is futile and nothing else: by its rule, and measured in generated worlds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from small_studies import decided, expansion, result

from search_spaces.expand import expand
from search_spaces.study import PolicySpec, Study
from search_spaces.types import AblationView, Expansion
from service.policies import create
from service.policies.best_arm import Forecast, chance_ahead, chances
from service.policies.forecast import Rung, forecast
from service.policies.outlook import outlook
from service.policies.questions import ablations_of
from service.records.results import TrialResult
from service.simulation.replay import replay
from service.simulation.simulate import simulate
from service.simulation.sources import generated, policies_of
from service.simulation.worlds import World
from service.statistics.model import fit

Values = Mapping[str, tuple[float | None, ...]]
SPREAD: Values = {
    "baseline": (10.0, 11.0, 9.0),
    "a": (9.5, 10.4, 8.7),
    "b": (30.0, 34.0, 28.0),
    "c": (12.0, 13.0, 11.0),
}
"""A baseline, an arm ahead of it, one that is hopeless and one a little behind, with three seeds that differ alike."""


def study(values: Values, views: tuple[AblationView, ...] = (), **fields: Any) -> Expansion:
    seeds = tuple(range(len(next(iter(values.values())))))
    arms = {name: {} for name in values if name != "baseline"}
    made = expansion(arms, **{"seeds": seeds, "rungs": (128,), "budget": 512, "policy": "futility", **fields})
    return Expansion(made.study, made.arms, views)


def at(made: Expansion, values: Values, images: int = 128) -> dict[str, TrialResult]:
    """Every trial as ``values`` has it; None has diverged."""
    found = {}
    for trial in made.trials:
        value = values[trial.arm.name][made.study.seeds.index(trial.seed)]
        found[trial.name] = result(trial, {} if value is None else {images: value}, 64 if value is None else None)
    return found


def stopped(values: Values, views: tuple[AblationView, ...] = (), **fields: Any) -> list[str]:
    made = study(values, views, **fields)
    return [stop.arm for stop in decided(made, at(made, values))[1]]


def view(name: str, *arms: str, **fields: Any) -> AblationView:
    return AblationView(name, "x", "REPLACE", tuple((arm, arm) for arm in ("baseline", *arms)), arms, **fields)


def test_what_is_hopeless_ends_and_its_reason_says_so() -> None:
    made = study(SPREAD)
    _, stops = decided(made, at(made, SPREAD))
    assert [(stop.arm, stop.images, stop.rank, stop.compared) for stop in stops] == [("b", 128, 3, 3)]
    assert stops[0].value == pytest.approx((30 + 34 + 28) / 3)
    assert stops[0].reason.startswith("b: behind the baseline, with a chance of 0.")


def test_the_leader_of_every_ablation_and_what_is_ahead_of_the_baseline_go_on() -> None:
    views = (view("one", "a", "c"), view("two", "b"))
    assert stopped(SPREAD, views, policy={"name": "futility", "risk": 0.9, "beats_baseline": 1}) == ["c"]
    better = {**SPREAD, "baseline": (40.0, 41.0, 39.0)}
    assert stopped(better, policy={"name": "futility", "risk": 0.9, "beats_baseline": 1}) == []


def test_the_leader_may_be_the_baseline_where_one_need_not_finish() -> None:
    views = (view("one", "a", "c"), view("two", "b"))
    assert stopped(SPREAD, views) == []
    assert stopped(SPREAD, views, policy={"name": "futility", "finish_one": False}) == ["b"]
    bold = {"name": "futility", "finish_one": False, "risk": 0.9, "beats_baseline": 1}
    assert stopped({**SPREAD, "baseline": (40.0, 41.0, 39.0)}, views, policy=bold) == [], "they are ahead of it"


def test_an_arm_of_two_ablations_ends_only_if_it_is_futile_in_both() -> None:
    assert stopped(SPREAD, (view("one", "a", "b"),)) == ["b"]
    assert stopped(SPREAD, (view("one", "a", "b"), view("two", "b"))) == []


def test_the_scale_of_the_metric_changes_nothing() -> None:
    for factor in (1e-6, 1e6):
        scaled = {arm: tuple(factor * value for value in row) for arm, row in SPREAD.items()}
        assert stopped(scaled) == ["b"]


def test_one_seed_decides_nothing_where_the_others_disagree() -> None:
    """An arm better on two of three seeds goes on, however bad the third is, and so does one that lost a seed."""
    lucky = {**SPREAD, "c": (9.0, 10.0, 500.0)}
    assert "c" not in stopped(lucky)
    assert stopped({**SPREAD, "c": (None, 13.0, 11.0)}) == ["b"]


def test_a_seed_that_is_missing_is_compared_on_the_others() -> None:
    """The seed that every arm finds hard is given up in the hopeless arm: its mean is the best, and it is hopeless."""
    values = {"baseline": (10.0, 100.0, 9.0), "a": (9.5, 96.0, 8.7), "b": (30.0, None, 28.0), "c": (12.0, 115.0, 11.0)}
    made = study(values)
    results = at(made, values)
    trial = next(trial for trial in made.trials if trial.name == "b seed=1")
    results[trial.name] = result(trial, {}, failed=True)
    assert [stop.arm for stop in decided(made, results)[1]] == ["b"]


def test_an_arm_whose_seeds_mostly_diverged_ends_and_a_nan_is_no_value() -> None:
    made = study({**SPREAD, "c": (None, None, 5.0)})
    _, stops = decided(made, at(made, {**SPREAD, "c": (None, None, 5.0)}))
    assert [(stop.arm, stop.value) for stop in stops] == [("b", stops[0].value), ("c", math.inf)]
    assert stops[1].reason == "c: most of its seeds have diverged, at 128 images"
    assert stopped({**SPREAD, "c": (math.nan, math.inf, 5.0)}) == ["b", "c"]


def test_without_a_value_of_the_baseline_nothing_is_stopped_and_the_study_goes_on() -> None:
    values = {**SPREAD, "baseline": (None, None, None)}
    made = study(values)
    plan, stops = decided(made, at(made, values))
    assert stops == () and {trial.arm.name for trial, _ in plan.wanted} == {"a", "b", "c"}


def test_ties_and_one_seed_are_cautious() -> None:
    same = {arm: (10.0, 10.0) for arm in SPREAD}
    assert stopped(same) == []
    assert stopped({arm: row[:1] for arm, row in SPREAD.items()}) == ["b"]


def test_a_metric_that_is_better_when_higher_or_negative() -> None:
    """On its own scale where it has both signs."""
    values = {"baseline": (0.0, 1.0, -1.0), "a": (-0.5, 0.4, -1.6), "b": (20.0, 22.0, 19.0), "c": (2.0, 3.0, 1.2)}
    assert stopped(values) == ["b"]


# -- arms that give each other their meaning --------------------------------------------------------


def test_a_control_goes_with_its_partner() -> None:
    control = {**SPREAD, "control": (33.0, 34.0, 31.0)}
    beside_a = view("one", "a", "b", "c", "control", partners={"control": (("a",),)}, controls=("control",))
    assert stopped(control, (beside_a,)) == ["b"], "its partner goes on"
    good = {**SPREAD, "control": (9.0, 9.5, 8.0)}
    beside_b = view("one", "a", "b", "c", "control", partners={"control": (("b",),)}, controls=("control",))
    assert stopped(good, (beside_b,)) == ["b", "control"], "its partner ends, and nobody needs it"


def test_a_ladder_s_step_ends_only_with_every_later_one() -> None:
    def ladder(*order: str) -> AblationView:
        partners = {arm: (tuple(order[place:]),) for place, arm in enumerate(order)}
        return view("Ladder", *order, partners=partners)

    assert stopped(SPREAD, (ladder("b", "c", "a"),)) == [], "later steps build on it"
    assert stopped(SPREAD, (ladder("a", "c", "b"),)) == ["b"], "nothing builds on the last"


def test_a_grid_loses_whole_rows() -> None:
    data = {"name": "x", "baseline": "digits", "grid": {"patch_size": [2, 4, 8], "size": ["S", "XL"]}}
    grid = expand(Study.model_validate({**data, "seeds": [0, 1], "budget_images": 51_200, "rungs": [12_800]}))
    good = {arm.name: 10.0 for arm in grid.arms}

    def ended(**bad: float) -> set[str]:
        values = {**good, **{name.replace("_is_", "=").replace("_and_", ","): value for name, value in bad.items()}}
        noise = (1.0, 1.02)
        results = {
            trial.name: result(trial, {12_800: values[trial.arm.name] * noise[trial.seed]}) for trial in grid.trials
        }
        return {stop.arm for stop in decided(grid, results)[1]}

    assert set(good) == {
        "baseline",
        "size=S",
        "patch_size=4",
        "patch_size=4,size=S",
        "patch_size=8",
        "patch_size=8,size=S",
    }
    assert ended(patch_size_is_8=90.0) == set(), "its row still has a cell of use"
    assert ended(patch_size_is_8=90.0, patch_size_is_8_and_size_is_S=95.0) == {"patch_size=8", "patch_size=8,size=S"}


# -- its parts ------------------------------------------------------------------------------------


def test_chances_add_up_and_agree_with_pairs() -> None:
    one, two = Forecast(1.0, 0.5), Forecast(1.7, 0.2)
    found = chances({"one": one, "two": two})
    assert found["one"] == pytest.approx(chance_ahead(one, two), abs=0.005)
    assert sum(chances({f"{n}": Forecast(float(n), 1.0) for n in range(6)}).values()) == pytest.approx(1)
    assert chances({"one": one, "same": one, "again": one})["again"] == pytest.approx(1 / 3)


def test_the_fit_takes_the_seeds_out_where_cells_are_missing() -> None:
    arms, seeds = {"a": 1.0, "b": 3.0, "c": 4.0}, (0.0, 10.0, -7.0)
    table = {arm: {seed: effect + shift for seed, shift in enumerate(seeds)} for arm, effect in arms.items()}
    del table["b"][1], table["c"][0]
    found = fit(table, scale="identity")
    assert found.effects["b"] - found.effects["a"] == pytest.approx(2.0)
    assert found.effects["c"] - found.effects["a"] == pytest.approx(3)
    assert found.mean_square == pytest.approx(0, abs=1e-20)
    assert fit({"a": {0: 1.0}, "b": {0: 2.0}}, scale="identity").mean_square is None


def test_a_study_whose_order_moves_between_rungs_is_foretold_less_surely() -> None:
    def rung(images: int, *effects: float) -> Rung:
        noise = (0.01, -0.01)
        table = {str(arm): dict(enumerate(effect + item for item in noise)) for arm, effect in enumerate(effects)}
        return Rung(images, fit(table, scale="identity"))

    first = rung(128, 0.0, 0.3, -0.3, 0.6, -0.6)
    steady = forecast([first, rung(256, 0.0, 0.3, -0.3, 0.6, -0.6)], 512, 0.8)
    moving = forecast([first, rung(256, 0.6, -0.3, 0.3, 0.0, -0.6)], 512, 0.8)
    assert moving["0"].variance > 1.5 * steady["0"].variance
    assert forecast([first], 512, 0.99)["0"].variance < forecast([first], 512, 0.6)["0"].variance


@pytest.mark.parametrize("seed", range(25))
def test_in_any_world_what_is_stopped_is_behind_the_baseline_and_no_leader(seed: int) -> None:
    """With the boldest options, in worlds of noise, divergence and crossings: the rule, seen from outside."""
    generator = np.random.default_rng(seed)
    data = {"name": "x", "baseline": "digits", "ablations": ABLATIONS, "seeds": list(range(1 + seed % 4))}
    made = expand(Study.model_validate(data))
    curves = World(divergence=0.1, crossing=0.3, correlation=0.6).curves(made, generator)
    policy = create(PolicySpec(name="futility", options={"risk": 0.99, "beats_baseline": 1.0}))
    outcome = replay(policy, made, curves, lanes=2)
    gone: set[str] = set()
    for images in made.study.rungs:
        here = [stop for stop in outcome.stops if stop.images == images and "diverged" not in stop.reason]
        known = outlook(images, made, outcome.results, 0.75)
        for stop in here:
            assert known is not None and known.behind(stop.arm)
            for ablation in ablations_of(made):
                running = [arm for arm in ablation.candidates if arm in known.ends and arm not in gone]
                assert stop.arm != min(running, key=lambda arm: known.ends[arm].mean)
        gone |= {stop.arm for stop in outcome.stops if stop.images == images}


# -- measured ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_best_of_an_ablation_is_seldom_stopped() -> None:
    """The promise of docs/stopping.md, on 160 studies of several worlds: 640 ablations."""
    digits = Study.model_validate({"name": "x", "baseline": "digits", "ablations": ABLATIONS})
    draw = generated(expand(digits), ("foretold", "usual", "loose", "good-baseline", "small-effects"), (1, 2, 4, 8))
    found = simulate(draw, policies_of(["futility", "rungs"]), curves="", studies=160, seed=2, orders=False)
    default, halving = found.policies
    assert default.best_of_ablation.share < 0.05
    assert default.compute < 0.92
    assert halving.best_of_ablation.share > 0.3, "the measure notices a policy that stops the best"


ABLATIONS = [
    {"axis": "patch_size", "values": [2, 4, 8]},
    {"axis": "block", "values": ["in-context", "cross-attention", "adaln", "adaln-zero"]},
    {"axis": "size", "values": ["S", "B", "L", "XL"]},
    {"axis": "decoder", "values": ["linear", "mlp", "conv"]},
]
