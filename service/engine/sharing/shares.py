"""How a cluster is shared: a pure function from what the drivers say to the lanes that each of them should have."""

from __future__ import annotations

import math
from collections.abc import Sequence

from service.engine.sharing.advert import Advert, Capacity

_ENOUGH = 1e-9
"""Shares closer than this are equal, and a fraction of a GPU this much too large still fits."""


def shares(adverts: Sequence[Advert], capacity: Capacity) -> dict[str, int]:
    """Returns how many lanes every study should have: weighted max-min fair by user, then by study.

    Lanes are handed out one by one. The next goes to the user who has the least of the cluster for their weight, and
    there to the study that has the least for its own; a lane counts by the resource of which it takes the largest part.
    A user counts with the largest of their studies' weights, so that more studies are not a larger share. Equals are
    served in the order in which they came, so the earliest study gets a lane before anybody gets a second one, and
    keeps it. Whose next lane finds no room is passed over: nothing stays idle that somebody could use.

    The result does not depend on the order of the adverts. A larger weight never means fewer lanes where lanes are of
    one shape; where shapes differ, what is left on single nodes can make a difference of a lane.

    Args:
        adverts: the studies that are being run.
        capacity: what there is to share.

    Returns:
        Advert's ``run`` -> lanes, at most as many as it wants; 0 for a study that has to wait.
    """
    order = in_order(adverts)
    weights: dict[str, float] = {}
    for advert in order:
        weights[advert.user] = max(weights.get(advert.user, 0.0), advert.weight)
    places = {advert.run: place for place, advert in enumerate(order)}
    users = dict.fromkeys(weights, 0.0)
    lanes = {advert.run: 0 for advert in order}
    room = _Room(capacity)
    open_ones = [advert for advert in order if advert.wanted > 0]

    def urgency(advert: Advert) -> tuple[float, int, float, int]:
        of_user = round(users[advert.user] / weights[advert.user], 9)
        of_study = round(lanes[advert.run] * room.part(advert) / advert.weight, 9)
        return of_user, first[advert.user], of_study, places[advert.run]

    while open_ones:
        first = {advert.user: places[advert.run] for advert in reversed(open_ones)}
        advert = min(open_ones, key=urgency)
        taken = room.take(advert)
        if taken:
            lanes[advert.run] += 1
            users[advert.user] += room.part(advert)
        if not taken or lanes[advert.run] >= advert.wanted:
            open_ones.remove(advert)
    return lanes


def in_order(adverts: Sequence[Advert]) -> list[Advert]:
    """Returns the adverts in the order in which their drivers came."""
    return sorted(adverts, key=lambda item: (item.since or math.inf, item.user, item.study, item.run))


def fits(lanes: Sequence[tuple[Advert, int]], capacity: Capacity) -> bool:
    """Whether so many lanes of each study have room at once."""
    room = _Room(capacity)
    return all(room.take(advert) for advert, count in lanes for _ in range(count))


class _Room:
    """The nodes' CPUs and GPUs while lanes are handed out."""

    def __init__(self, capacity: Capacity) -> None:
        self._nodes = [list(node) for node in sorted(capacity.nodes, key=_plainest)]
        self._total = capacity.total
        foreign = dict(zip(self._total, capacity.foreign, strict=True))
        self._left = {kind: have - foreign[kind] for kind, have in self._total.items()}

    def part(self, advert: Advert) -> float:
        """The part of the cluster that one lane takes, of the resource of which it takes the largest."""
        lane = advert.lane
        return max((lane[kind] / have for kind, have in self._total.items() if have > 0), default=0.0)

    def take(self, advert: Advert) -> bool:
        """Takes the room of one lane, if there is any; the workers of a lane may lie on different nodes."""
        lane = advert.lane
        if any(need > self._left[kind] + _ENOUGH for kind, need in lane.items()):
            return False
        taken: list[list[float]] = []
        for node in self._nodes:
            while len(taken) < advert.workers and self._holds(node, advert):
                node[0] -= advert.cpus
                node[1] -= advert.gpus
                taken.append(node)
        if len(taken) < advert.workers:
            for node in taken:
                node[0] += advert.cpus
                node[1] += advert.gpus
            return False
        for kind, need in lane.items():
            self._left[kind] -= need
        return True

    @staticmethod
    def _holds(node: list[float], advert: Advert) -> bool:
        return node[0] + _ENOUGH >= advert.cpus and node[1] + _ENOUGH >= advert.gpus


def _plainest(node: tuple[float, float]) -> tuple[float, float]:
    """Nodes without GPUs, and small ones, are filled first: what only others can hold stays free."""
    cpus, gpus = node
    return gpus, cpus
