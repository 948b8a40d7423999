"""What a study waits for, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from service.engine.sharing.advert import Advert


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
