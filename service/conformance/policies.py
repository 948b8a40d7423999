"""What every stopping policy must keep, as checks over random worlds; ``policy_conforms`` runs them all.

An author of a policy calls it in a test of a line::

    @pytest.mark.parametrize("seed", range(20))
    def test_my_policy_conforms(seed):
        policy_conforms(MyPolicy, {"option": 3}, seed)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from service.conformance.policy_worlds import Driver, World, like, random_study, snapshot
from service.policies import Policy
from service.policies.contract import unresolved
from service.records.decisions import stops_of


def policy_conforms(kind: type[Policy], options: Mapping[str, Any], seed: int) -> None:
    """Checks a policy in one random world.

    Args:
        kind: the policy's class.
        options: its options.
        seed: which world.

    Raises:
        AssertionError: the policy breaks the contract; the message says in what.
    """
    for check in CHECKS:
        check(lambda: kind(kind.Options(**options)), random.Random(f"{seed} {check.__name__}"), seed)


def pure(make: Callable[[], Policy], generator: random.Random, seed: int) -> None:
    """Equal arguments give equal plans, whatever was asked before and in whatever order they are; none is changed."""
    policy = make()
    driver = Driver(policy, random_study(generator), World(seed))
    for steps in (0, 1, 2, 4, 8, 30):
        driver.run(generator, steps)
        decisions, results = dict(driver.decisions), dict(driver.results)
        before = snapshot(results)
        known = driver.proposals
        first = policy.plan(driver.study, results, decisions, known)
        assert snapshot(results) == before and decisions == driver.decisions, "the policy changed what it was given"
        names, looks = list(results), list(decisions)
        generator.shuffle(names)
        generator.shuffle(looks)
        shuffled = {name: results[name] for name in names}, {look: decisions[look] for look in looks}
        assert make().plan(driver.study, *shuffled, known) == first, "the order of its arguments changed the plan"
        assert policy.plan(driver.study, results, decisions, known) == first, "asked twice, answered differently"


def order_free(make: Callable[[], Policy], generator: random.Random, seed: int) -> None:
    """Results in any order lead to the same decisions, unless the policy says that they do not."""
    if not make().order_free:
        return
    study = random_study(generator)
    first = Driver(make(), study, World(seed)).run(random.Random(0))
    for order in (1, 2, 3):
        other = Driver(make(), study, World(seed)).run(random.Random(order))
        assert other.decisions == first.decisions, "another order of results led to other decisions"


def idempotent(make: Callable[[], Policy], generator: random.Random, seed: int) -> None:
    """A driver that is started again, anywhere, goes on as if it had not been."""
    study = random_study(generator)
    whole = Driver(make(), study, World(seed, trouble=0)).run(random.Random(0))
    driver = Driver(make(), study, World(seed, trouble=0))
    for _ in range(60):
        driver = driver.run(generator, generator.randint(0, 5)).again()
    driver.run(generator)
    assert driver.decisions == whole.decisions or not make().order_free
    assert driver.again().run(generator).log == [], "a finished study decided or asked something new"
    assert set(driver.again().run(generator).proposals) == set(driver.answers), "an answer is not asked for again"
    assert make().plan(study, driver.results, driver.decisions, driver.proposals).finished


def never_undone(make: Callable[[], Policy], generator: random.Random, seed: int) -> None:
    """Decisions stand: given-up trials, seeds, arms and a longer budget leave them; a stopped arm is not continued."""
    study = random_study(generator)
    driver = Driver(make(), study, World(seed, trouble=0.15)).run(generator)
    longer = like(study, arms=("late",), seeds=(7,), budget=512)
    for grown in (study, like(study, seeds=(7,)), like(study, arms=("late",)), longer):
        before = dict(driver.decisions)
        again = driver.again(grown)
        again.world.excused.update(trial.name for trial in grown.trials)
        while True:
            plan = again.plan()
            stops = {stop.arm: stop.images for stop in stops_of(again.decisions.values()) if not stop.audited}
            for trial, images in plan.wanted:
                assert images <= stops.get(trial.arm.name, images), f"{trial.name} is stopped and wanted at {images}"
            if not plan.wanted:
                break
            again.run(generator, 1)
        assert {look: again.decisions[look] for look in before} == before, "a decision was undone"
        late = {look for look, found in before.items() if "late" in found.compared}
        assert not late, "an arm that came later was compared at a look that had been decided"


def baseline_always_runs(make: Callable[[], Policy], generator: random.Random, seed: int) -> None:
    """The baseline is wanted to the end with every seed that is used, whatever it measures, and never compared away."""
    driver = Driver(make(), random_study(generator), World(seed)).run(generator)
    assert "baseline" not in {stop.arm for stop in stops_of(driver.decisions.values())}
    known = driver.results.values()
    used = {found.trial.seed for found in known if found.evaluations or found.diverged or found.failed}
    assert used, "nothing ran"
    for trial in driver.study.trials_of["baseline"]:
        milestones = driver.study.study.milestones
        assert trial.seed not in used or not any(
            unresolved(driver.results[trial.name], images) for images in milestones
        )


def survives(make: Callable[[], Policy], generator: random.Random, seed: int) -> None:
    """Worlds of divergence, given-up trials and values that are no numbers end like any other."""
    for trouble in (0.0, 0.3, 0.5):
        for arms in ((), ("only",), None):
            changes = {} if arms is None else {"arms": arms}
            driver = Driver(make(), random_study(generator, **changes), World(seed, trouble)).run(generator)
            assert make().plan(driver.study, driver.results, driver.decisions, driver.proposals).finished


def incremental(make: Callable[[], Policy], generator: random.Random, seed: int) -> None:
    """The plan that is kept up to date equals the one made from scratch, after any results and decisions."""
    study = random_study(generator)
    world = World(seed, trouble=0.1)
    policy = make()
    results = Driver(policy, study, world).results
    planner = policy.planner(study, results, {}, {})
    known: dict[str, int | None] = dict.fromkeys(results)
    for _ in range(200):
        plan = planner.plan
        assert plan == policy.plan(study, planner.results, planner.decisions, {})
        assert planner.left == len(plan.wanted)
        first: dict[str, int] = {}
        for trial, images in plan.wanted:
            first.setdefault(trial.name, images)
        known.update({name: planner.next(name) for name in planner.take_changed()})
        assert known == {name: first.get(name) for name in results}, "a change of what is wanted was not told"
        if plan.decisions and generator.random() < 0.7:  # or later: results go on coming
            planner.record(plan.decisions[0])
        elif plan.wanted:
            trial, images = generator.choice(plan.wanted)
            planner.update(world.measure(planner.results[trial.name], first[trial.name]))
        elif not plan.decisions:
            return
    raise AssertionError("no end")


CHECKS = (pure, order_free, idempotent, never_undone, baseline_always_runs, survives, incremental)
