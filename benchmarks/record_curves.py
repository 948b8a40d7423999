"""Records the curves of a whole study for ``dit-ablate simulate --curves recorded``: every arm and seed, to the end.

    python benchmarks/record_curves.py dit-digits --seeds 8
    python benchmarks/record_curves.py dit-modern --seeds 8

A recording is the store of a run without stopping, less its checkpoints, samples and MLflow pages. What is recorded
already is not trained again, so that seeds can be added one by one. Eight seeds of dit-digits take some two hours of
one core, those of dit-modern three. Images are sampled in 20 steps, as in the demo (``--steps``).
"""

from __future__ import annotations

import argparse
import tarfile
from pathlib import Path

import checkout  # noqa: F401 (before everything that imports the project)

from service.client import Client
from service.simulation.shipped import FOLDER, SUFFIX, recordings

KEPT = ("store.json", "studies/*/definitions/*.json", "trials/*/trial.json", "trials/*/evaluations/*.json")
"""What a recording keeps of a store: which trials there are, and what they measured."""


def record(study: str, store: Path, seeds: int, steps: int) -> None:
    """Runs what is missing of a study without stopping, in this process."""
    archive = FOLDER / f"{study}{SUFFIX}"
    if study in recordings() and not store.exists():
        with tarfile.open(archive) as packed:
            packed.extractall(store, filter="data")
    Client(store=store).run(
        study, executor="local", seeds=tuple(range(seeds)), settings={"policy": "none", "sampling_steps": steps}
    )
    pack(store, archive)
    print(f"{archive}: {archive.stat().st_size / 1000:,.0f} kB")


def pack(store: Path, archive: Path) -> None:
    """Packs what a recording keeps of a store; the same records make the same archive."""
    archive.parent.mkdir(exist_ok=True)
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for path in sorted(path for pattern in KEPT for path in store.glob(pattern)):
            entry = packed.gettarinfo(path, str(path.relative_to(store)))
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname, entry.mode = 0, 0, 0, "", "", 0o644
            with path.open("rb") as file:
                packed.addfile(entry, file)


def main() -> None:
    """Records one study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=("dit-digits", "dit-modern"))
    parser.add_argument("--seeds", type=int, default=8, help="how many; the first is 0")
    parser.add_argument("--steps", type=int, default=20, help="sampling steps")
    parser.add_argument("--store", type=Path, help="where it runs; STUDY-store")
    options = parser.parse_args()
    record(options.study, options.store or Path(f"{options.study}-store"), options.seeds, options.steps)


if __name__ == "__main__":
    main()
