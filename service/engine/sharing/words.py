"""What a study waits for, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from service.engine.sharing.advert import Advert, Capacity
from service.engine.sharing.shares import fits, in_order


def ahead_of(run: str, adverts: Sequence[Advert], shares: Mapping[str, int], capacity: Capacity) -> list[Advert]:
    """Returns the studies that a study without a lane waits behind, in the order in which they came.

    Args:
        run: the study's driver.
        adverts: the studies that are being run.
        shares: what ``shares`` says of them.
        capacity: what there is to share.

    Returns:
        Nobody, when it has a share and there is room for it beside what the others hold: its lane is only starting.
        Else those that hold lanes; where nobody holds any yet, those that are to have some.
    """
    me = next((advert for advert in adverts if advert.run == run), None)
    others = [advert for advert in in_order(adverts) if advert.run != run]
    if me is None:
        return []
    if shares.get(run, 0) and fits([(me, 1), *((advert, advert.held) for advert in others)], capacity):
        return []
    return [item for item in others if item.held] or [item for item in others if shares.get(item.run, 0)]


def waiting(me: Advert, ahead: Sequence[Advert], since: datetime) -> str:
    """Returns what a study without a lane waits for: ``waiting behind 'a' (user x) for 2 x 4 CPU since 10:31 UTC``.

    Args:
        me: the study.
        ahead: those that it waits behind; none when the room is taken by something that is no study.
        since: when the waiting began.
    """
    behind = f"behind {named(ahead)} " if ahead else ""
    taken = "" if ahead else ", which others on this Ray cluster take,"
    return f"waiting {behind}for {me.shape}{taken} since {clock(since)}"


def named(adverts: Sequence[Advert], most: int = 2) -> str:
    """Lists studies with their users: ``'a' (user x), 'b' (user y) and 3 more``."""
    shown = [f"{advert.study!r} (user {advert.user})" for advert in adverts[:most]]
    if len(adverts) > most:
        return f"{', '.join(shown)} and {len(adverts) - most} more"
    return " and ".join(shown)


def clock(moment: datetime) -> str:
    """A time of day with its time zone, and the day if it is not today's: ``10:31 UTC``."""
    local = moment.astimezone()
    today = local.date() == datetime.now(UTC).astimezone(local.tzinfo).date()
    return local.strftime("%H:%M %Z" if today else "%Y-%m-%d %H:%M %Z")
