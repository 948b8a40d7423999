"""Shares of given studies as people expect them, and what is said to whoever has to wait."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from service.engine.sharing.advert import Advert, Capacity, Notice
from service.engine.sharing.shares import shares
from service.engine.sharing.standing import Standing
from service.engine.sharing.steady import Patience, Steady
from service.engine.sharing.words import clock, named, waiting


def advert(run: str, user: str, since: float, **more) -> Advert:
    return Advert(**{"run": run, "study": run, "user": user, "since": since, "wanted": 99, **more})


def of(*adverts: Advert, cpus: float = 8, gpus: float = 0) -> dict[str, int]:
    return shares(adverts, Capacity(((cpus, gpus),)))


def test_shares_that_people_expect() -> None:
    a, b, c = advert("a", "x", 1), advert("b", "y", 2), advert("c", "y", 3)
    assert of(a) == {"a": 8}
    assert of(a, b) == {"a": 4, "b": 4}
    assert of(a, b, c) == {"a": 4, "b": 2, "c": 2}, "a user does not get more by a second study"
    assert of(advert("a", "x", 1, wanted=1), b, c) == {"a": 1, "b": 4, "c": 3}, "what one leaves is the others'"
    assert of(advert("a", "x", 1, weight=3), b) == {"a": 6, "b": 2}
    assert of(a, advert("b", "y", 2, weight=3), advert("c", "y", 3, weight=1)) == {"a": 2, "b": 4, "c": 2}
    assert of(a, b, c, cpus=1) == {"a": 1, "b": 0, "c": 0}, "who came first goes on"
    assert of(c, b, a, cpus=2) == {"a": 1, "b": 1, "c": 0}


def test_lanes_of_different_shapes_count_by_what_they_take_most_of() -> None:
    large, small = advert("large", "x", 1, workers=2, cpus=2), advert("small", "y", 2)
    assert of(large, small) == {"large": 1, "small": 4}
    assert of(advert("large", "x", 2, workers=2, cpus=4), advert("small", "y", 1)) == {"large": 0, "small": 8}
    assert of(advert("large", "x", 1, workers=2, cpus=4), advert("small", "y", 2)) == {"large": 1, "small": 0}
    gpu = advert("gpu", "x", 1, cpus=1, gpus=1)
    assert of(gpu, advert("cpu", "y", 2), gpus=2) == {"gpu": 2, "cpu": 6}
    nodes = Capacity(((4.0, 0.0), (4.0, 4.0)))
    assert shares([advert("cpu", "y", 1, wanted=4), gpu], nodes) == {"cpu": 4, "gpu": 4}, "GPU nodes are kept for GPUs"
    assert of(gpu) == {"gpu": 0}
    assert shares([gpu], Capacity()) == {"gpu": 0}
    assert shares([advert("a", "x", 1)], Capacity(((4.0, 0.0),), (3.0, 0.0))) == {"a": 1}, "what others take is taken"


def test_where_a_study_stands() -> None:
    capacity = Capacity(((4.0, 0.0),))
    first, large = advert("first", "x", 1, held=4), advert("large", "z", 3, workers=2, cpus=4)
    small, more = advert("small", "z", 3), advert("more", "y", 4, held=1)

    alone = Standing("first", Notice((first,), capacity))
    assert (alone.share, alone.startable, alone.short, alone.waits) == (4, 4, (), False)

    never = Standing("large", Notice((first, large), capacity))
    assert (never.share, never.startable, never.waits, never.ahead) == (0, 0, True, (first,))
    assert Standing("first", Notice((first, large), capacity)).short == (), "nobody gives up what the other cannot use"

    full = Notice((first, small), capacity)
    assert (Standing("small", full).share, Standing("small", full).startable, Standing("small", full).waits) == (
        2,
        0,
        True,
    )
    assert Standing("first", full).short == (small,) and Standing("first", full).share == 2

    yielded = Notice((replace(first, held=2), small), capacity)
    started = Standing("small", yielded)
    assert (started.startable, started.waits, started.ahead) == (2, False, ()), "there is room: it only starts"
    assert Standing("first", yielded).short == (), "who finds room needs nobody's lanes"

    tight = Standing("small", Notice((replace(first, held=2), small, more), capacity))
    assert (tight.share, tight.startable) == (1, 1)
    taken = Standing("small", Notice((small,), Capacity(capacity.nodes, (4.0, 0.0))))
    assert taken.waits and taken.ahead == ()


def test_lanes_follow_a_difference_that_stands() -> None:
    now = [0.0]
    steady = Steady(Patience(fewer=15, more=3), clock=lambda: now[0])
    capacity = Capacity(((4.0, 0.0),))
    mine, other = advert("mine", "x", 1, held=4), advert("other", "y", 2)

    def at(moment: float, lanes: int, *others: Advert, held: int = 4) -> int:
        now[0] = moment
        return steady.lanes(Standing("mine", Notice((replace(mine, held=held), *others), capacity)), lanes)

    assert at(0, 0, held=0) == 4, "the first lanes are started at once"
    assert at(10, 4, other) == 4 and at(24, 4, other) == 4 and steady.why == ""
    assert at(25, 4, other) == 2 and steady.why == "'other' (user y) should have more"
    assert at(30, 4, other) == 4 and at(31, 4) == 4 and at(46, 4, other) == 4, "it did not stand"
    assert at(50, 2, replace(other, held=2), held=2) == 2
    assert at(60, 2, held=2) == 2 and at(62, 2, held=2) == 2
    assert at(63, 2, held=2) == 4 and steady.why == "there is room for it"
    assert at(70, 2, replace(other, held=1, wanted=1), held=2) == 2
    assert at(75, 2, replace(other, held=1, wanted=1), held=2) == 3
    # lanes without work stay while nobody needs them
    idle = replace(mine, wanted=1)
    for moment in (80, 200):
        now[0] = moment
        assert steady.lanes(Standing("mine", Notice((idle,), capacity)), 4) == 4


def test_what_is_said_to_who_waits() -> None:
    me, first = advert("me", "z", 3, workers=2, cpus=4), advert("first", "x", 1, held=4)
    text = waiting(me, [first], datetime(2026, 11, 26, 10, 31, tzinfo=UTC))
    assert re.fullmatch(r"waiting behind 'first' \(user x\) for 2 x 4 CPU since (\S+ )?\d\d:\d\d \S+", text), text
    alone = waiting(advert("g", "z", 1, gpus=0.5), [], datetime.now(UTC))
    assert alone.startswith("waiting for 1 x 1 CPU and 1 x 0.5 GPU, which others on this Ray cluster take, since ")
    three = [first, advert("b", "y", 2), advert("c", "y", 3)]
    assert named(three[:1]) == "'first' (user x)"
    assert named(three[:2]) == "'first' (user x) and 'b' (user y)"
    assert named(three) == "'first' (user x), 'b' (user y) and 1 more"
    assert clock(datetime(2001, 2, 3, tzinfo=UTC)).startswith("2001-02-0")


def test_another_versions_adverts_are_read() -> None:
    notice = Notice.from_json(
        {
            "adverts": [{**advert("a", "x", 1).to_json(), "mood": "good"}, {"run": "b", "study": "b", "user": "y"}],
            "capacity": {"nodes": [[4.0, 1.0]], "later": 1},
        }
    )
    assert [item.run for item in notice.adverts] == ["a", "b"] and notice.adverts[1].weight == 1.0
    assert shares(notice.adverts, notice.capacity) == {"a": 4, "b": 0}
