"""A small finished study in a store that tests may copy and damage."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tiny_study import BATCH, write_study

from search_spaces.expand import expand
from search_spaces.load import load_study
from service import Client
from service.engine import run_segments
from service.preflight import Prepared, prepare

STUDY = "tiny"


def make_whole(folder: Path, place: str | None = None) -> tuple[Path, Prepared]:
    """Runs two arms with a rung and, beyond it, a checkpoint in the middle of a logging window; without MLflow."""
    path = write_study(
        folder,
        ablations=[{"axis": "patch_size", "values": [4]}],
        seeds=[0],
        checkpoint_images=3 * BATCH,
        keep_checkpoints="all",
    )
    study = load_study(path)
    session = Client(store=place or folder / "store").start(study)
    session._write_files("dit-ablate run study.yaml", session.prepared.train_ids)
    run_segments(session.prepared, session.store, executor="local")
    return folder / "store", prepare(expand(study))


def contents(store: Path) -> dict[str, str]:
    """Path -> hash of every file of a store."""
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(store.rglob("*"))
        if path.is_file()
    }
