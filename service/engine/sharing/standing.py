"""What the board's notice means for one of its studies: its share, and whom it waits behind."""

from __future__ import annotations

from service.engine.sharing.advert import Advert, Notice
from service.engine.sharing.shares import fits, in_order, shares


class Standing:
    """Where one study stands among those that share a cluster; a pure function of the notice.

    Args:
        run: the study's run, which must be on the board.
        notice: what the board says.

    Attributes:
        share: the lanes that it should have.
        startable: the lanes that it could have now: its share, or what of it has room beside what others still hold.
        short: the other studies that have fewer lanes than they should and no room for another one.
        waits: whether it wants a lane and must not expect one before somebody gives one up.
        ahead: when it waits, those it waits behind, in the order in which they came: who holds lanes, or where nobody
            holds any yet, who is to have some. Nobody when the room is taken by something that is no study.
    """

    def __init__(self, run: str, notice: Notice) -> None:
        due = shares(notice.adverts, notice.capacity)
        me = next(advert for advert in notice.adverts if advert.run == run)
        others = [advert for advert in in_order(notice.adverts) if advert.run != run]
        held = [(advert, advert.held) for advert in others]
        self.share = due[run]
        self.startable = next(
            count for count in range(self.share, -1, -1) if count == 0 or fits([*held, (me, count)], notice.capacity)
        )
        taken = [*held, (me, me.held)]
        self.short: tuple[Advert, ...] = tuple(
            advert
            for advert in others
            if advert.held < due[advert.run] and not fits([*taken, (advert, 1)], notice.capacity)
        )
        self.waits = me.wanted > 0 and not me.held and not self.startable
        holders = [advert for advert in others if advert.held] or [advert for advert in others if due[advert.run]]
        self.ahead: tuple[Advert, ...] = tuple(holders) if self.waits else ()
