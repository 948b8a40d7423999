"""Verifying the files of a data set once, not once per process: what was verified is remembered on this machine.

A memory file per data set lies in the cache folder (see ``dit_core.data.paths.cache_folder``) and says for every file
that was found sound what it looked like then (size and modification time) and its SHA-256. A file that looks otherwise
is verified again. A memory file that is missing, damaged or cannot be written costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from dit_core.data.paths import cache_folder, file_bytes
from dit_core.files import locked, write_durably

THREADS = min(16, os.cpu_count() or 4)
CHUNK = 2048
SAVE_SECONDS = 60.0
"""A long verification that is interrupted loses no more than this."""

_log = logging.getLogger(__name__)


def verify(
    what: str, names: Sequence[str], stamps: Sequence[str | None], check: Callable[[int], str]
) -> tuple[list[str | None], list[str]]:
    """Verifies every file that is not known to be sound. Processes that verify the same data set take turns.

    Args:
        what: identifies the data set and what is verified about it, e.g. its folder.
        names: one per file, distinct.
        stamps: what each file looks like now, see ``file_stamp``; a file without one is never remembered.
        check: reads file ``i`` completely and returns its SHA-256; raises whatever it likes when the file is corrupt.
            Runs in threads.

    Returns:
        The SHA-256 of every file, None for corrupt ones, and ``name (reason)`` of every corrupt one.
    """
    memory = cache_folder() / "verified" / f"{hashlib.sha256(file_bytes(what)).hexdigest()[:32]}.json"

    def attempt(index: int) -> tuple[int, str | None, str]:
        try:
            return index, check(index), ""
        except Exception as error:  # decoders raise nearly any type on corrupt bytes; all mean "corrupt"
            return index, None, f"{names[index]} ({reason(error)})"

    with locked(memory.with_suffix(".lock")):
        known = _read(memory)
        digests = [_remembered(known, name, stamp) for name, stamp in zip(names, stamps, strict=True)]
        todo = [index for index, digest in enumerate(digests) if digest is None]
        bad: list[str] = []
        saved = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            for start in range(0, len(todo), CHUNK):
                for index, digest, complaint in pool.map(attempt, todo[start : start + CHUNK]):
                    digests[index] = digest
                    if digest is None:
                        bad.append(complaint)
                if time.monotonic() - saved > SAVE_SECONDS:
                    _log.info("%s of %s files verified", f"{min(start + CHUNK, len(todo)):,}", f"{len(todo):,}")
                    _write(memory, names, stamps, digests)
                    saved = time.monotonic()
        if len(todo) > len(bad) or len(known) > len(names):
            _write(memory, names, stamps, digests)
    return digests, bad


def reason(error: Exception) -> str:
    """Says in a few words why a file could not be read."""
    text = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
    return "not an image" if "cannot identify image file" in text else text


def _remembered(known: dict[str, list[str]], name: str, stamp: str | None) -> str | None:
    entry = known.get(name)
    return entry[1] if entry is not None and entry[0] == stamp else None


def _read(memory: Path) -> dict[str, list[str]]:
    """Returns name -> [stamp, SHA-256]; nothing when the file is missing or anything about it is wrong."""
    try:
        checksum, text = memory.read_text("ascii").split("\n", 1)
        if hashlib.sha256(text.encode()).hexdigest() != checksum:
            return {}
        found: dict[str, list[str]] = json.loads(text)
        return found
    except (OSError, ValueError):
        return {}


def _write(memory: Path, names: Sequence[str], stamps: Sequence[str | None], digests: Sequence[str | None]) -> None:
    """Writes what is known to be sound, whole or not at all."""
    entries = {
        name: [stamp, digest]
        for name, stamp, digest in zip(names, stamps, digests, strict=True)
        if stamp is not None and digest is not None
    }
    text = json.dumps(entries)
    with suppress(OSError):  # a cache that cannot be written is only slower
        write_durably(memory, f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}".encode())
