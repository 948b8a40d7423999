"""Puts odd things where records belong and asks every command what it makes of them."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from tiny_study import dit_ablate

from service.records.envelope import CorruptRecord, Record, unseal
from service.records.store import Store

READERS: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("status", "tiny"),
    ("plan", "tiny"),
    ("verify",),
    ("export", "tiny", "--layout", "official", "--to", "{folder}/weights.pt"),
)
SLOW: tuple[tuple[str, ...], ...] = (
    ("report", "tiny"),
    ("run", "tiny", "--executor", "local"),
    ("repair", "--train"),
    ("verify",),
    ("sync", "tiny"),
)


def places(store: Path) -> list[Path]:
    """Every record of a store, relative to it."""
    found = [*store.glob("trials/**/*.json"), *store.glob("studies/**/*.json"), store / "identity.json"]
    return sorted(path.relative_to(store) for path in found if path.exists())


def pairs(store: Path, ways: list[str], number: int | None = None, seed: int = 0) -> Iterator[tuple[Path, str]]:
    """Pairs of a record and a way to damage it: all of them, or so many drawn by ``seed``, spread over the ways."""
    every = [
        (place, how)
        for place, how in itertools.product(places(store), ways)
        if "releases" not in place.parts or "fields" not in how  # that kind of record has no fields
    ]
    random.Random(seed).shuffle(every)
    yield from every[:number]


def ask(store: Path, commands: tuple[tuple[str, ...], ...]) -> str:
    """Runs commands on a store; an exception passes through.

    Returns:
        Everything that was printed.
    """
    told = ""
    (store.parent / "weights.pt").unlink(missing_ok=True)
    for command in commands:
        words = [word.format(folder=store.parent) for word in command]
        done = dit_ablate(*words, "--store", store)
        assert done.exit_code in (0, 1, 2, 3), (command, done.exit_code, done.stderr)
        assert "Traceback" not in done.stdout + done.stderr, command
        assert done.exit_code != 2 or done.stderr.startswith("error: "), (command, done.stderr)
        told += done.stdout + done.stderr
    return told


def flips(path: Path, kind: type[Record], key: str, bits: Iterator[int] | range) -> tuple[int, list[int]]:
    """Flips single bits of a record.

    Returns:
        How many were tried, and those that were accepted with another content or time.
    """
    data, tried, accepted = path.read_bytes(), 0, []
    whole = unseal(data, kind, key)
    for bit in bits:
        tried += 1
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            found = unseal(bytes(flipped), kind, key)
        except CorruptRecord:
            continue
        if repr(found) != repr(whole):
            accepted.append(bit)
    return tried, accepted


def copied(store: Path, folder: Path) -> Path:
    """A copy of a store that is a store of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(store, folder, symlinks=True)
    Store(folder)
    return folder
