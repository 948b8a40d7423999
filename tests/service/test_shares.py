"""How a cluster is shared: properties of the pure function, for any studies on any nodes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.sharing.advert import Advert, Capacity
from service.engine.sharing.shares import fits, shares

WEIGHTS = st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0, 10.0])
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 4), st.sampled_from([0.0, 0.0, 0.5, 1.0]))
NODES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)), min_size=0, max_size=5)


@st.composite
def adverts(draw: st.DrawFn, shape: tuple[int, int, float] | None = None) -> tuple[Advert, ...]:
    made = []
    for index in range(draw(st.integers(1, 6))):
        workers, cpus, gpus = shape or draw(SHAPES)
        made.append(
            Advert(
                run=f"run-{index}", study=draw(st.sampled_from("abc")), user=draw(st.sampled_from(["x", "y", "z"])),
                weight=draw(WEIGHTS), workers=workers, cpus=cpus, gpus=gpus,
                wanted=draw(st.integers(0, 12)), since=float(draw(st.integers(1, 4))),
            )
        )  # fmt: skip
    return tuple(made)


@st.composite
def capacities(draw: st.DrawFn) -> Capacity:
    nodes = tuple((float(cpus), float(gpus)) for cpus, gpus in draw(NODES))
    total = Capacity(nodes).total
    return Capacity(nodes, (float(draw(st.integers(0, int(total["CPU"])))), 0.0))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(adverts(), capacities(), st.randoms())
def test_what_holds_always(given_adverts, capacity: Capacity, random) -> None:
    found = shares(given_adverts, capacity)
    assert set(found) == {advert.run for advert in given_adverts}
    assert all(0 <= found[advert.run] <= advert.wanted for advert in given_adverts), "nobody gets more than wanted"
    for place, kind in enumerate(("CPU", "GPU")):
        used = sum(found[advert.run] * advert.lane[kind] for advert in given_adverts)
        assert used <= capacity.total[kind] - capacity.foreign[place] + 1e-6, "the sum fits"

    shuffled = list(given_adverts)
    random.shuffle(shuffled)
    assert shares(shuffled, capacity) == found, "the order in which adverts are read changes nothing"

    able = [advert for advert in given_adverts if advert.wanted and fits([(advert, 1)], capacity)]
    if able:
        earliest = min(able, key=lambda item: (item.since, item.user, item.study, item.run))
        assert found[earliest.run] >= 1, "the earliest that has room is never without a lane"


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(adverts(), st.integers(0, 30), st.integers(0, 5))
def test_nothing_is_idle_while_somebody_wants_it(given_adverts, cpus: int, gpus: int) -> None:
    capacity = Capacity(((float(cpus), float(gpus)),))
    found = shares(given_adverts, capacity)
    used = {kind: sum(found[item.run] * item.lane[kind] for item in given_adverts) for kind in ("CPU", "GPU")}
    for advert in given_adverts:
        if found[advert.run] < advert.wanted:
            lane = advert.lane
            assert any(used[kind] + lane[kind] > capacity.total[kind] + 1e-9 for kind in lane), advert


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(SHAPES.flatmap(lambda shape: adverts(shape)), capacities(), WEIGHTS, st.data())
def test_a_larger_weight_is_never_fewer_lanes(given_adverts, capacity: Capacity, factor: float, data) -> None:
    index = data.draw(st.integers(0, len(given_adverts) - 1))
    heavier = list(given_adverts)
    heavier[index] = replace(heavier[index], weight=heavier[index].weight * (1 + factor))
    run = given_adverts[index].run
    assert shares(heavier, capacity)[run] >= shares(given_adverts, capacity)[run]


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(SHAPES.flatmap(lambda shape: adverts(shape)), st.integers(0, 40), st.integers(0, 12))
def test_users_are_as_equal_as_whole_lanes_allow(given_adverts, cpus: int, gpus: int) -> None:
    """No user could be given a lane of another who has more for their weight, and still have less afterwards."""
    capacity = Capacity(((float(cpus), float(gpus)),))
    found = shares(given_adverts, capacity)
    users = {advert.user: 0 for advert in given_adverts}
    weights = {advert.user: 0.0 for advert in given_adverts}
    short = set()
    for advert in given_adverts:
        users[advert.user] += found[advert.run]
        weights[advert.user] = max(weights[advert.user], advert.weight)
        if found[advert.run] < advert.wanted:
            short.add(advert.user)
    for poor in short:
        for rich in users:
            if rich != poor and users[rich] > 0:
                assert (users[rich] - 1) / weights[rich] <= users[poor] / weights[poor] + 1e-9
