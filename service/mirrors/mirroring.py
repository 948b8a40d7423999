"""Writes a mirror of a study that a store holds, finished or running."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from service.client import Client
from service.mirrors import MIRRORS
from service.mirrors.base import Added
from service.mirrors.content import runs_of


@dataclass(frozen=True)
class Mirrored:
    """What came of it.

    Attributes:
        runs: runs that the mirror has of the study.
        added: what it lacked.
        look: how to look at it, a sentence.
        running: whether the study is still running.
    """

    runs: int
    added: Added
    look: str
    running: bool


def mirror_study(client: Client, study: str, to: str, folder: Path) -> Mirrored:
    """Brings a mirror up to date with a study's records.

    Args:
        client: of the store.
        study: a study that it holds.
        to: a name in ``MIRRORS``.
        folder: where the mirror lies.

    Raises:
        UserError: no such mirror or study, a package is missing, or the folder cannot be written.
    """
    kind = MIRRORS.get(to, "--to")
    result = client.status(study)
    mirror = kind(folder)
    runs, added = 0, Added()
    for run in runs_of(result, client.require_store()):
        runs, added = runs + 1, added + mirror.write(run)
    return Mirrored(runs, added, mirror.look.format(folder=folder), result.running)
