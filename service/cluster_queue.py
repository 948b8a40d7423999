"""Who runs on a Ray cluster, who waits behind whom, and who has used how much of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dit_core.errors import UserError
from service.analysis import numbers
from service.engine.sharing.advert import Advert, Notice
from service.engine.sharing.shares import in_order
from service.engine.sharing.standing import Standing
from service.engine.sharing.words import named
from service.records import study_files
from service.records.store import Store

_CONNECT_SECONDS = 15.0


@dataclass(frozen=True)
class Place:
    """One study on the cluster.

    Attributes:
        advert: what its driver says.
        standing: its share, and whom it waits behind.
    """

    advert: Advert
    standing: Standing

    @property
    def state(self) -> str:
        """A few words."""
        if self.standing.waits:
            return f"waits {f'behind {named(ahead)}' if (ahead := self.standing.ahead) else 'for room'}"
        if self.advert.up:
            return "runs"
        return "starts" if self.advert.wanted else "ends"


@dataclass(frozen=True)
class Queue:
    """What is going on on a cluster.

    Attributes:
        places: the studies, in the order in which they came.
        capacity: what the cluster has, by resource.
        began: since when the cluster's figures are counted, Unix seconds; 0 when nobody is there.
        cluster_hours: user -> device hours on the cluster since then.
        store_hours: user -> device hours of the ended runs of a store; None without a store.
    """

    places: tuple[Place, ...] = ()
    capacity: Mapping[str, float] | None = None
    began: float = 0.0
    cluster_hours: Mapping[str, float] | None = None
    store_hours: Mapping[str, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns plain JSON data."""
        return {
            "studies": [
                {
                    "study": place.advert.study,
                    "user": place.advert.user,
                    "state": place.state,
                    "since": _time(place.advert.since),
                    "weight": place.advert.weight,
                    "lane": place.advert.lane,
                    "lanes": {
                        "up": place.advert.up,
                        "held": place.advert.held,
                        "share": place.standing.share,
                        "wanted": place.advert.wanted,
                    },
                    "device_seconds": place.advert.device_seconds,
                    "behind": [{"study": advert.study, "user": advert.user} for advert in place.standing.ahead],
                    "driver": {"host": place.advert.host, "pid": place.advert.pid},
                }
                for place in self.places
            ],
            "capacity": self.capacity,
            "counted_since": _time(self.began),
            "device_hours": {"cluster": self.cluster_hours, "store": self.store_hours},
        }


def queue_of(notice: Notice | None, store: Store | None = None) -> Queue:
    """Lays out what a board says.

    Args:
        notice: the board's answer, None when the cluster has no board: no study runs there.
        store: counts the device hours of its runs, too.
    """
    hours = None if store is None else store_hours(store)
    if notice is None:
        return Queue(store_hours=hours)
    seconds = notice.device_seconds or {}
    return Queue(
        places=tuple(Place(advert, Standing(advert.run, notice)) for advert in in_order(notice.adverts)),
        capacity=notice.capacity.total,
        began=notice.began,
        cluster_hours={user: seconds[user] / 3600 for user in sorted(seconds)},
        store_hours=hours,
    )


def ask(address: str | None) -> Notice | None:
    """Asks the board of a cluster, None where there is none.

    Args:
        address: the cluster's own address, ``host:port``; None takes ``RAY_ADDRESS``.

    Raises:
        UserError: there is no address, or nothing answers there.
    """
    import ray

    from search_spaces.study import Resources
    from service.engine.cluster import cluster
    from service.engine.sharing.board import find_board

    if not address and not os.environ.get("RAY_ADDRESS") and not ray.is_initialized():
        raise UserError("address: give the cluster whose queue is meant, e.g. --address head:6379")
    with cluster(address, None, Resources()):
        board = find_board()
        if board is None:
            return None
        try:
            return Notice.from_json(ray.get(board.look.remote(), timeout=_CONNECT_SECONDS))
        except ray.exceptions.RayActorError:  # the last driver has just gone, and the board with it
            return None
        except ray.exceptions.GetTimeoutError:
            raise UserError(
                f"queue: the cluster's board does not answer within {_CONNECT_SECONDS:.0f} s; its head is busy or gone"
            ) from None


def store_hours(store: Store) -> dict[str, float]:
    """Returns user -> device hours of a store's ended runs; ``unknown`` where nobody wrote the user down."""
    found: dict[str, float] = {}
    for study in study_files.defined_studies(store):
        for run in store.runs(study).values():
            # earlier versions did not record worker seconds: those of a lane of one worker are the lane's
            seconds = run.lane_seconds if run.device_seconds is None else run.device_seconds
            user = run.user or "unknown"
            found[user] = found.get(user, 0.0) + seconds / 3600
    return dict(sorted(found.items()))


def _time(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None


def hours(value: float) -> str:
    """Device hours as they are shown."""
    return f"{numbers.significant(round(value, 4), 3)} h"
