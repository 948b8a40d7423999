"""A driver's side of sharing: it says what it wants, and learns how many lanes it should have."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import ray

from search_spaces.study import Resources
from service.engine.sharing.advert import Advert, Notice
from service.engine.sharing.board import open_board
from service.engine.sharing.standing import Standing
from service.engine.sharing.steady import Patience, Steady
from service.engine.sharing.words import waiting
from service.user import user

ADVERTISE_SECONDS = 2.0
"""Pause between two adverts."""
ANSWER_SECONDS = 10.0
"""An answer that takes longer is not waited for: the board is asked once more."""
FIRST_ANSWER_SECONDS = 30.0
"""How long a run waits for the first answer before it begins without."""


class Member:
    """One study's place among those that share a cluster.

    Nothing here blocks but ``join``, and nothing here ends a run: without an answer the study takes what there is.

    Args:
        run: names the run, as in the names of its lanes' placement groups.
        study: the study's name.
        resources: the shape of its lanes, and its weight.
        patience: how long differences must stand.

    Attributes:
        waiting: what the study waits for when it has no lane and should not expect one soon; empty otherwise.
    """

    def __init__(self, run: str, study: str, resources: Resources, patience: Patience | None = None) -> None:
        advert = Advert.of(run, study, user(), resources)
        self._advert = replace(advert, host=socket.gethostname(), pid=os.getpid())
        self._steady = Steady(patience or Patience())
        self._standing: Standing | None = None
        self._board: Any = None
        self._asked: Any = None
        self._asked_at = -1e9
        self._waiting_since: datetime | None = None
        self.waiting = ""

    def join(self, wanted: int) -> None:
        """Says for the first time what the study wants, and waits for the answer."""
        self._advert = replace(self._advert, wanted=wanted)
        until = time.monotonic() + FIRST_ANSWER_SECONDS
        while self._standing is None and time.monotonic() < until:
            self.tick(0, 0.0)
            time.sleep(0.1)

    def tick(self, up: int, device_seconds: float) -> None:
        """Says what the study has, and takes what has been answered; call it often.

        Args:
            up: lanes that have their workers.
            device_seconds: worker seconds so far.
        """
        self._advert = replace(self._advert, up=up, device_seconds=device_seconds)
        now = time.monotonic()
        try:
            if self._asked is not None and ray.wait([self._asked], timeout=0)[0]:
                answer, self._asked = self._asked, None
                self._take(Notice.from_json(ray.get(answer)))
            if self._asked is not None and now - self._asked_at > ANSWER_SECONDS:
                self._asked = None
            if self._asked is None and now - self._asked_at >= ADVERTISE_SECONDS:
                self._asked_at = now
                self._board = self._board or open_board()
                self._asked = self._board.advertise.remote(self._advert.to_json())
        except (ray.exceptions.RayError, ValueError):  # the board is gone, e.g. with the head's node: another is made
            self._asked = self._board = None

    def lanes(self, wanted: int, now: int) -> int:
        """Returns how many lanes the study should have.

        Args:
            wanted: lanes that it could keep busy.
            now: lanes that it has.
        """
        self._advert = replace(self._advert, wanted=wanted)
        return max(now, wanted) if self._standing is None else self._steady.lanes(self._standing, now)

    @property
    def why(self) -> str:
        """Why the newest answer of ``lanes`` is not what the study had; empty when it is."""
        return self._steady.why

    def leave(self) -> None:
        """Takes the study down from the board."""
        if self._board is not None:
            with contextlib.suppress(ray.exceptions.RayError):
                ray.wait([self._board.leave.remote(self._advert.run)], timeout=ADVERTISE_SECONDS)
        self._board = self._asked = None

    def _take(self, notice: Notice) -> None:
        self._advert = replace(self._advert, since=notice.since)
        self._standing = Standing(self._advert.run, notice)
        if self._advert.up or not self._standing.waits:
            self._waiting_since, self.waiting = None, ""
            return
        self._waiting_since = self._waiting_since or datetime.now(UTC)
        self.waiting = waiting(self._advert, self._standing.ahead, self._waiting_since)
