"""Tells a store that was moved from one that was copied, so that a copy gets an identity of its own.

The records of a store's identity say where it lay and which file its marker was: on a disk the file's number and
times, on S3 the time of writing. They are ``identity.json`` and, when the store has been found elsewhere,
``identities/<number>.json``; the last one says which identity counts. So

- a store whose marker is the same file has been moved or is mounted elsewhere, and is the same;
- a store at the same place of the same host is the same, whatever its files: it was restored;
- a store elsewhere, with another marker, is a copy when the original still lies where it was, or when that cannot be
  known from here; when it does not lie there any more, the store was moved.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable

from service.records.envelope import CorruptRecord
from service.records.kinds import StoreIdentity, Whereabouts
from service.records.records import Records

_FOLDER = "identities/"
_TRIES = 10
Original = Callable[[str], str | None]
"""Returns the identity of the store at a place, None when there is none; raises OSError where that cannot be known."""


def identify(records: Records, here: Whereabouts, original: Original) -> tuple[str, str]:
    """Returns the identity of a store, and a sentence when it has turned out to be a copy.

    What is found out is recorded, where the store can be written to; of several processes that find it out at once the
    first one's record stands.

    Args:
        records: the store's.
        here: where it lies.
        original: asked whether the store that this one may be a copy of is still there.

    Raises:
        OSError: it has no identity yet, and none can be written.
    """
    said = ""
    for _ in range(_TRIES):
        known = recorded(records)
        if not known:
            records.put(StoreIdentity.KEY, StoreIdentity(id=uuid.uuid4().hex, whereabouts=here))
            continue
        found, note = _judged(known, here, original)
        if found is None:
            break
        said = note or said
        try:
            records.put(f"{_FOLDER}{len(known):04d}.json", found)
        except OSError:  # a store that can only be read; what is derived here is found again by the next process
            return (known[-1].id, "") if not note else (_derived(known[-1].id, here), _unwritten(known, here))
    else:
        raise CorruptRecord(f"{StoreIdentity.KEY}: the store's identity is contested or damaged; try again")
    return known[-1].id, said


def recorded(records: Records) -> list[StoreIdentity]:
    """Returns the identities that a store has had, the one that counts last."""
    first = records.find(StoreIdentity.KEY, StoreIdentity)
    return [] if first is None else [first.content, *records.numbered(_FOLDER, StoreIdentity).contents]


def _judged(known: list[StoreIdentity], here: Whereabouts, original: Original) -> tuple[StoreIdentity | None, str]:
    """Returns what is to be recorded, None when all is known, and a sentence when the store is a copy."""
    current = known[-1].id
    before = [item.whereabouts for item in known if item.id == current and item.whereabouts is not None]
    if any(_same_file(item, here) and item.place == here.place for item in before):
        return None, ""
    same = StoreIdentity(id=current, whereabouts=here)
    if not before or any(
        _same_file(item, here) or (item.host, item.place) == (here.host, here.place) for item in before
    ):
        return same, ""
    if all(_gone(item, here, current, original) for item in before):
        return same, ""
    copy = StoreIdentity(id=uuid.uuid4().hex, whereabouts=here)
    return copy, (
        f"the store {here.place} is a copy of {before[-1].place}: it has been given an identity of its own, so that "
        "neither writes into what the other has in MLflow"
    )


def _unwritten(known: list[StoreIdentity], here: Whereabouts) -> str:
    before = [item.whereabouts.place for item in known if item.whereabouts is not None]
    return (
        f"the store {here.place} is a copy of {before[-1] if before else 'another'} and cannot be written to; it is "
        "told apart from that one all the same, so that nothing goes into what the other has in MLflow"
    )


def _same_file(before: Whereabouts, here: Whereabouts) -> bool:
    if not (before.inode and here.inode):  # S3 has times only, and moves nothing without writing it anew
        return before.place == here.place and before.changed == here.changed
    return before.changed == here.changed or (before.inode, before.written) == (here.inode, here.written)


def _gone(before: Whereabouts, here: Whereabouts, current: str, original: Original) -> bool:
    """Whether the store does not lie any more where it was, as far as that can be known here."""
    if before.host != here.host:
        return False
    try:
        return original(before.place) != current
    except OSError:
        return False


def _derived(original: str, here: Whereabouts) -> str:
    return hashlib.sha256(f"{original} {here.host} {here.place}".encode()).hexdigest()[:32]
