"""Shares of given studies as people expect them, and what is said to whoever has to wait."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from service.engine.sharing.advert import Advert, Capacity, Notice
from service.engine.sharing.shares import shares
from service.engine.sharing.words import ahead_of, clock, named, waiting


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


def test_what_is_said_to_who_waits() -> None:
    capacity = Capacity(((4.0, 0.0),))
    first = advert("first", "x", 1, held=4)
    me = advert("me", "z", 3, workers=2, cpus=4)
    due = shares([first, me], capacity)
    assert due == {"first": 4, "me": 0}
    assert ahead_of("me", [me, first], due, capacity) == [first]
    text = waiting(me, [first], datetime(2026, 11, 26, 10, 31, tzinfo=UTC))
    assert re.fullmatch(r"waiting behind 'first' \(user x\) for 2 x 4 CPU since (\S+ )?\d\d:\d\d \S+", text), text
    alone = waiting(advert("g", "z", 1, gpus=0.5), [], datetime.now(UTC))
    assert alone.startswith("waiting for 1 x 1 CPU and 1 x 0.5 GPU, which others on this Ray cluster take, since ")

    small = advert("small", "z", 3)
    due = shares([first, small], capacity)
    assert due == {"first": 2, "small": 2} and ahead_of("small", [first, small], due, capacity) == [first]
    yielded = advert("first", "x", 1, held=2)
    assert ahead_of("small", [yielded, small], due, capacity) == [], "there is room: it only starts"
    assert ahead_of("gone", [first], due, capacity) == []

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
