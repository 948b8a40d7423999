"""The simulator runs the policies' own functions, counts what they did, and knows the truth of its curves."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from finished_study import BUDGET, PATCHES, RUNG, begin, measure, tiny_study
from tiny_study import dit_ablate

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.study import PolicySpec, Study
from search_spaces.types import Expansion
from service.client import Client
from service.policies import create
from service.records.results import collect
from service.records.store import Store
from service.simulation.curves import Curves
from service.simulation.judge import judge, oracle
from service.simulation.recorded import recorded
from service.simulation.replay import replay
from service.simulation.simulate import simulate
from service.simulation.sources import counts, from_records, generated, policies_of, with_seeds
from service.simulation.worlds import World


def digits(seeds: int = 2) -> Expansion:
    ablations = [
        {"axis": "patch_size", "values": [2, 4, 8]},
        {"axis": "decoder", "values": ["linear", "mlp", "conv"]},
    ]
    data = {"name": "x", "baseline": "digits", "seeds": list(range(seeds)), "ablations": ablations}
    return expand(Study.model_validate({**data, "budget_images": 51_200, "rungs": [12_800, 25_600]}))


def straight(study: Expansion, **finals: float) -> Curves:
    """Every trial of an arm measures the same at all points."""
    values = {arm.name: finals.get(arm.name.replace("=", "_"), 10.0) for arm in study.arms}
    table = {
        (trial.arm.name, trial.seed): dict.fromkeys(study.study.milestones, values[trial.arm.name])
        for trial in study.trials
    }
    return Curves(table, {arm: math.log(value) for arm, value in values.items()})


def test_a_study_that_stops_nothing_takes_everything_and_the_oracle_what_it_must() -> None:
    study = digits()
    curves = straight(study, patch_size_4=5.0, decoder_mlp=6.0)
    outcome = replay(create(PolicySpec(name="none")), study, curves, lanes=2)
    found = judge(study, curves, outcome, 2)
    assert (found.compute, found.wall_clock, found.stopped) == (1.0, 1.0, frozenset())
    assert oracle(study, curves) == pytest.approx((3 + 2 * 0.25) / 5), "baseline, two best, two to the first rung"


def test_what_is_wrongly_stopped_is_counted_and_its_regret_measured() -> None:
    """Brief training keeps one of four; the best decoder is not it."""
    study = digits()
    curves = straight(study, patch_size_4=5.0, decoder_mlp=6.0, decoder_conv=20.0)
    policy = create(PolicySpec(name="brief-then-top-k", options={"keep_fraction": 0.25}))
    found = judge(study, curves, replay(policy, study, curves), 1)
    assert found.stopped == {"patch_size=8", "decoder=mlp", "decoder=conv"}
    assert found.best_stopped == (False, True) and found.winner_stopped == (False, True)
    assert (found.better, found.better_stopped) == (2, 1)
    assert found.regret == pytest.approx((0.0, math.log(10 / 6)))
    assert found.compute == pytest.approx((2 + 3 * 0.25) / 5)


def test_arms_that_share_their_weights_are_trained_once() -> None:
    data = {"name": "x", "baseline": "digits", "ablations": [{"axis": "sampler", "values": ["ddpm", "ddim"]}]}
    study = expand(Study.model_validate({**data, "seeds": [0]}))
    assert study.weights_of
    curves = straight(study)
    outcome = replay(create(PolicySpec(name="none")), study, curves, lanes=3)
    assert outcome.images == study.study.budget_images
    assert judge(study, curves, outcome, 3).compute == 1.0


def test_more_lanes_take_less_time_and_the_same_compute() -> None:
    study, policy = digits(3), create(PolicySpec(name="futility"))
    curves = World().curves(study, np.random.default_rng(0))
    one, many = (replay(policy, study, curves, lanes) for lanes in (1, 5))
    assert one.images == many.images == one.wall_clock and one.stops == many.stops
    assert many.wall_clock < 0.5 * one.wall_clock


def test_worlds_are_what_they_say() -> None:
    """Correlation of rung and end, spread and noise, over many arms."""
    study = with_seeds(digits(), range(2))
    first, final, noise = [], [], []
    for number in range(400):
        curves = World(spread=0.3, correlation=0.6, noise=0.1, seed_effect=0.0).curves(
            study, np.random.default_rng(number)
        )
        for arm in study.arms:
            at = [curves.values[arm.name, seed] for seed in (0, 1)]
            first.append(np.mean([math.log(values[12_800]) for values in at]))
            final.append(curves.truth[arm.name])
            noise.append(math.log(at[0][51_200]) - math.log(at[1][51_200]))
    assert np.std(final) == pytest.approx(0.3, rel=0.06)
    assert np.std(noise) == pytest.approx(0.1 * math.sqrt(2), rel=0.06)
    reliability = 0.09 / (0.09 + 0.01 / 2)
    assert np.corrcoef(first, final)[0, 1] == pytest.approx(0.6 * math.sqrt(reliability), abs=0.05)


@pytest.mark.slow
def test_simulations_are_repeatable_and_only_asha_minds_the_order() -> None:
    draw = generated(digits(), ("usual", "crossing", "diverging"), (2, 3))
    policies = policies_of(["futility", "asha", "race:block=1", "none"])
    first, again = (simulate(draw, policies, curves="", studies=12, lanes=3) for _ in range(2))
    assert first == again != simulate(draw, policies, curves="", studies=12, lanes=3, seed=1)
    order = {item.policy: item.order.count for item in first.policies if item.order is not None}
    assert order.pop("asha") > 0 and set(order.values()) == {0}


# -- recorded curves --------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> tuple[Store, Study]:
    """Three patch sizes with three seeds, measured at the rung and at the budget."""
    store, study = Store(tmp_path / "store"), tiny_study("tiny", ablations=[PATCHES], seeds=[0, 1, 2], policy="none")
    prepared = begin(study, store)
    for images, factor in ((RUNG, 2.0), (BUDGET, 1.0)):
        base = {"baseline": 4.0, "patch_size=4": 3.0, "patch_size=8": 30.0}
        table = {(arm, seed): factor * value * (1 + seed / 50) for arm, value in base.items() for seed in (0, 1, 2)}
        measure(store, prepared, table, images)
    return store, study


def test_recorded_curves_are_replayed_with_some_of_their_seeds(store: tuple[Store, Study]) -> None:
    client = Client(store=store[0].path)
    choice = {"curves": str(store[0].path), "policies": ("futility", "none"), "studies": 9}
    found = client.simulate(store[1], seeds_used="1-3", **choice)
    futility, everything = found.policies
    assert futility.best_of_ablation.count == 0 and futility.compute < 1 == everything.compute
    assert found.oracle == pytest.approx((2 + RUNG / BUDGET) / 3)
    with pytest.raises(UserError, match=r"--use: 4 seeds of 3 recorded ones cannot be drawn; give 1 to 3"):
        client.simulate(store[1], seeds_used="4", **choice)
    with pytest.raises(
        UserError, match=r"curves: 'baseline seed=3' has no fd_digits_cnn at .* images; recorded curves"
    ):
        client.simulate(store[1], **choice, seeds=(0, 3))


def test_the_truth_of_recorded_curves_is_the_mean_over_all_their_seeds(store: tuple[Store, Study]) -> None:
    study = expand(store[1])
    results = collect(study, store[0], begin(store[1], store[0]).train_ids)
    curves = recorded(study, results)
    assert curves.truth["patch_size=4"] == pytest.approx(np.mean([math.log(3 * (1 + seed / 50)) for seed in range(3)]))
    layout, same = from_records(study, results, (2,))(np.random.default_rng(0), 0)
    assert len(layout.study.seeds) == 2 and same.truth == curves.truth


# -- the command ------------------------------------------------------------------------------------


def test_the_command_prints_a_table_or_json(tmp_path: Path) -> None:
    asked = (
        "simulate",
        "dit-digits",
        "--policy",
        "rungs",
        "--policy",
        "asha:eta=3",
        "--world",
        "usual",
        "--store",
        tmp_path,
    )
    found = json.loads(dit_ablate(*asked, "--studies", 2, "--json").stdout)
    assert [item["policy"] for item in found["policies"]] == ["rungs", "asha:eta=3"]
    assert found["policies"][0]["best_of_ablation"]["of"] == 10 and 0 < found["oracle_compute"] < 1
    shown = dit_ablate(*asked, "--studies", 1).stdout
    assert "asha:eta=3" in shown and "best of its ablation" in shown
    assert not list(tmp_path.iterdir()), "nothing is written"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--policy", "rung"), "policy.name: unknown value 'rung'"),
        (("--policy", "asha:et=3"), "policy asha: et: unknown field; allowed: audit, eta; did you mean 'eta'?"),
        (("--policy", "none", "--policy", "none"), "--policy none: given twice; keep one of them"),
        (("--world", "loos"), "--world: unknown value 'loos'; allowed: foretold, "),
        (("--studies", "0"), "--studies: 0 given; it must be at least 1"),
        (("--use", "many"), "--use: 'many' is no number of seeds; write it like 3, 2,4 or 1-8"),
        (("--curves", "nowhere", "--world", "usual"), "--world: it is for generated curves"),
    ],
)
def test_mistakes_are_one_sentence(options: tuple[str, ...], told: str, tmp_path: Path) -> None:
    result = dit_ablate("simulate", "dit-digits", "--store", tmp_path, *options)
    assert result.exit_code == 2 and f"error: {told}" in " ".join(result.stderr.split())


def test_numbers_of_seeds_are_read() -> None:
    assert counts("3") == (3,) and counts("2,4") == (2, 4) and counts("1-3,3") == (1, 2, 3)
