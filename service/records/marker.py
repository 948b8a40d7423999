"""The marker ``store.json``: says that a place is a store, and of which format. Made at once or not at all."""

from __future__ import annotations

import itertools
import json
from typing import Any, Protocol

from dit_core.errors import UserError
from dit_core.identity import digest
from service.records.backend import Backend
from service.records.envelope import FORMAT
from service.records.kinds import Whereabouts

KEY = "store.json"
READABLE = (1, FORMAT)
_KIND = "dit-ablate store"
_LOOKED_AT = 20
"""Folders of each kind whose records are asked for the store's format."""


class Ground(Backend, Protocol):
    """Where a store may be made."""

    def vacant(self) -> bool:
        """Whether nothing lies here but empty folders and what a killed creation has left."""
        ...

    def whereabouts(self, marker: str) -> Whereabouts:
        """Where the store lies, told by its marker too."""
        ...


def text(version: int = FORMAT) -> bytes:
    """Returns what a marker holds."""
    return json.dumps({"kind": _KIND, "format": version}).encode()


def is_there(ground: Ground) -> bool:
    """Whether there is a store, or something else that is none; nothing is made.

    Raises:
        OSError: it cannot be known.
    """
    return ground.get(KEY) is not None or not ground.vacant()


def open_store(ground: Ground, place: str) -> tuple[int, str]:
    """Makes a store where there is none, and returns the format of the one that is there.

    A marker that is missing or damaged is written anew where the records tell the format; what was there is kept.

    Args:
        ground: where it lies.
        place: how people call that.

    Returns:
        The format, and a sentence when the marker was written anew.

    Raises:
        UserError: something else lies there, or the store is of a format that this version does not know.
        OSError: it cannot be read or made.
    """
    data = ground.get(KEY)
    if data is None and ground.vacant():
        ground.put(KEY, text())  # somebody else may have been first, with the same
        data = ground.get(KEY)
    found = None if data is None else _format_in(data)
    if found is None:
        return _mended(ground, place, data)
    if found not in READABLE:
        raise UserError(f"store: {place} has format {found!r}; this version reads 1 and {FORMAT}")
    return int(found), ""


def _format_in(data: bytes) -> Any:
    """The format that a marker names; None when it is damaged."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("kind") != _KIND:
        return None
    return found.get("format")


def _mended(ground: Ground, place: str, data: bytes | None) -> tuple[int, str]:
    """Writes a marker anew from what the records say."""
    formats, seen = _recorded_formats(ground)
    torn = data is not None and text().startswith(data) and not seen and _plain(ground)
    if not torn and len(formats) != 1:
        raise _refusal(place, data, formats, seen)
    version = FORMAT if torn else formats.pop()
    if version not in READABLE:
        raise UserError(f"store: {place} has format {version!r}; this version reads 1 and {FORMAT}")
    if data is None:
        ground.put(KEY, text(version))
        return version, f"{KEY}: it was missing and has been written anew (format {version}, from the records)"
    aside = next(key for n in itertools.count(1) if ground.put(key := f"{KEY}.damaged-{n}", data)) if data else ""
    ground.write(KEY, text(version))
    kept = f"; what was there is kept as {aside}" if aside else ""
    return version, f"{KEY}: it was damaged and has been written anew (format {version}){kept}"


def _refusal(place: str, data: bytes | None, formats: set[Any], seen: int) -> UserError:
    if len(formats) > 1:
        listed = " and ".join(sorted(map(str, formats)))
        return UserError(f"store: {place} has a damaged {KEY} and records of formats {listed}; give another folder")
    if data is None:
        return UserError(f"store: {place} is not empty and not a dit-ablate store; give another folder")
    hint = f"; if it was one, write {text().decode()} into that file" if seen else ""
    return UserError(f"store: {place}/{KEY} was not written by dit-ablate; give another folder{hint}")


def _plain(ground: Ground) -> bool:
    """Whether nothing lies here that a store without a record does not have."""
    ours = (KEY, "trials", "studies", "nonces")
    return all(key in ours or key.startswith(f"{KEY}.damaged-") for key in ground.list(""))


def _recorded_formats(ground: Ground) -> tuple[set[Any], int]:
    """Returns the formats that sound records name, and how many records were looked at, damaged ones included."""
    keys = ["identity.json"]
    keys += [f"{trial}/trial.json" for trial in ground.list("trials/")[:_LOOKED_AT]]
    for study in ground.list("studies/")[:_LOOKED_AT]:
        keys += ground.list(f"{study}/definitions/")[:1]
    found = [data for key in keys if (data := ground.get(key)) is not None]
    return {told for data in found if (told := _told(data)) is not None}, len(found)


def _told(data: bytes) -> Any:
    """The format that a record names, when it is sound. Those of format 1 name none, and seal their content alone."""
    try:
        envelope = json.loads(data)
        given = envelope.pop("sha256")
        if "format" in envelope:
            return envelope["format"] if given == digest(envelope) else None
        return 1 if given == digest(envelope["content"]) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
