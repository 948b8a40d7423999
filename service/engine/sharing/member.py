"""A driver's side of sharing: it says what it wants and has, and learns how many lanes it should have."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import ray

from search_spaces.study import Resources
from service.engine.sharing.advert import Advert, Notice
from service.engine.sharing.board import open_board
from service.engine.sharing.shares import shares
from service.engine.sharing.words import ahead_of, waiting
from service.user import user_name

ADVERTISE_SECONDS = 2.0
"""Pause between two adverts."""
ANSWER_SECONDS = 10.0
"""An answer that takes longer is not waited for: the board is asked for anew."""
FIRST_ANSWER_SECONDS = 30.0
"""How long a run waits for the first answer before it begins without."""


@dataclass(frozen=True)
class Patience:
    """How long a difference must stand before lanes follow it, in seconds.

    A lane that is given up costs its study a checkpoint, and whoever starts one 15 to 40 s until it trains.

    Attributes:
        fewer: before lanes are given up.
        more: before lanes are started.
    """

    fewer: float = 20.0
    more: float = 3.0


class Member:
    """One study's place among those that share a cluster.

    Nothing here blocks but ``join``, and nothing here ends a run: without an answer the study keeps the lanes it has.

    Args:
        study: the study's name.
        resources: the shape of its lanes, and its weight.
        patience: how long differences must stand.

    Attributes:
        waiting: what the study waits for when it has no lane and should not expect one soon; empty otherwise.
    """

    def __init__(self, study: str, resources: Resources, patience: Patience | None = None) -> None:
        advert = Advert.of(uuid.uuid4().hex, study, user_name(), resources)
        self._advert = replace(advert, host=socket.gethostname(), pid=os.getpid())
        self._patience = patience or Patience()
        self._notice: Notice | None = None
        self._share: int | None = None
        self._crowded = False
        self._board: Any = None
        self._asked: Any = None
        self._asked_at = -1e9
        self._differs_since: float | None = None
        self._waiting_since: datetime | None = None
        self.waiting = ""

    def join(self, wanted: int) -> None:
        """Says for the first time what the study wants, and waits for the answer.

        Args:
            wanted: lanes it could keep busy.
        """
        until = time.monotonic() + FIRST_ANSWER_SECONDS
        while self._notice is None and time.monotonic() < until:
            self.tick(wanted, 0, 0, 0.0)
            time.sleep(0.1)

    def tick(self, wanted: int, held: int, up: int, device_seconds: float) -> None:
        """Says what the study wants and has, and takes what has been answered; call it often.

        Args:
            wanted: lanes it could keep busy.
            held: lanes that are up, or are starting and have most likely got their place.
            up: of these, lanes that are up.
            device_seconds: worker seconds so far.
        """
        self._advert = replace(self._advert, wanted=wanted, held=held, up=up, device_seconds=device_seconds)
        now = time.monotonic()
        try:
            if self._asked is not None and ray.wait([self._asked], timeout=0)[0]:
                answer, self._asked = self._asked, None
                self._take(Notice.from_json(ray.get(answer)))
            if self._asked is not None and now - self._asked_at > ANSWER_SECONDS:
                self._asked = self._board = None
            if self._asked is None and now - self._asked_at >= ADVERTISE_SECONDS:
                self._asked_at = now
                self._board = self._board or open_board()
                self._asked = self._board.advertise.remote(self._advert.to_json())
        except ray.exceptions.RayError:  # the board is gone, e.g. with the head's node: the next one is made
            self._asked = self._board = None

    def lanes(self, now: int) -> int:
        """Returns how many lanes the study should have, once the difference has stood long enough.

        Lanes that are not wanted any more are kept while nobody else needs their room: they start nothing anew when
        the next rung wants them again.

        Args:
            now: the lanes that it has.
        """
        share = self._share
        if share is None or share == now or (share < now and not self._crowded):
            self._differs_since = None
            return now
        moment = time.monotonic()
        self._differs_since = self._differs_since or moment
        stands = self._patience.fewer if share < now else self._patience.more
        if moment - self._differs_since < stands:
            return now
        self._differs_since = None
        return share

    @property
    def share(self) -> int | None:
        """The lanes that the study should have, None before the first answer."""
        return self._share

    def leave(self) -> None:
        """Takes the study down from the board."""
        if self._board is not None:
            with contextlib.suppress(ray.exceptions.RayError):
                ray.wait([self._board.leave.remote(self._advert.run)], timeout=ADVERTISE_SECONDS)
        self._board = self._asked = None

    def _take(self, notice: Notice) -> None:
        self._notice = notice
        self._advert = replace(self._advert, since=notice.since)
        due = shares(notice.adverts, notice.capacity)
        run = self._advert.run
        self._share = due[run]
        self._crowded = any(advert.held < due[advert.run] for advert in notice.adverts if advert.run != run)
        self._say(notice, due)

    def _say(self, notice: Notice, due: dict[str, int]) -> None:
        ahead = ahead_of(self._advert.run, notice.adverts, due, notice.capacity)
        if self._advert.up or not self._advert.wanted or (due[self._advert.run] and not ahead):
            self._waiting_since, self.waiting = None, ""
            return
        self._waiting_since = self._waiting_since or datetime.now(UTC)
        self.waiting = waiting(self._advert, ahead, self._waiting_since)
