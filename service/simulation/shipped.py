"""Recorded curves that come with the package: studies of real digits runs, every arm and seed trained to the end.

Each is a store without its checkpoints, samples and MLflow pages, packed by ``benchmarks/record_curves.py``.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dit_core.errors import unknown

FOLDER = Path(__file__).parent / "recordings"
SUFFIX = ".tar.xz"


def recordings() -> tuple[str, ...]:
    """Returns the names of the studies whose curves come with the package."""
    return tuple(sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}")))


@contextmanager
def unpacked(study: str) -> Iterator[Path]:
    """Gives the store that holds a study's recorded curves, as long as the context lasts.

    Args:
        study: the study's name.

    Raises:
        UserError: there is no recording of that name.
    """
    if study not in recordings():
        raise unknown("--curves recorded: the study", study, recordings())
    with TemporaryDirectory(prefix="dit-ablate-curves-") as folder:
        with tarfile.open(FOLDER / f"{study}{SUFFIX}") as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)
