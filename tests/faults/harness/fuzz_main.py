"""Feeds generated cases to the command line: ``python fuzz_main.py SEED FIRST COUNT [--kind KIND] [--show]``.

Prints a line of JSON per failure, and one at the end with how many there were.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import yaml
from fuzz.cases import KINDS
from fuzz.checked import check, without_training
from worlds import STUDY

SMALL = {**STUDY, "ablations": [{"axis": "patch_size", "values": [4]}], "budget_images": 64, "rungs": [32]}
SMALL.pop("checkpoint_images")


def finished_store(folder: Path) -> Path:
    """Runs the small study once, without MLflow."""
    from search_spaces.load import load_study
    from service.client import Client
    from service.engine import run_segments

    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump(SMALL))
    session = Client(store=folder / "finished").start(load_study(file))
    run_segments(session.prepared, session.store, executor="local")
    session._write_files("dit-ablate run tiny.yaml", session.prepared.train_ids)
    return folder / "finished"


def main() -> int:
    """Runs the cases; the exit code says whether all were as they should be."""
    options = argparse.ArgumentParser()
    options.add_argument("seed", type=int)
    options.add_argument("first", type=int)
    options.add_argument("count", type=int)
    options.add_argument("--kind", choices=KINDS)
    options.add_argument("--show", action="store_true", help="print every case")
    given = options.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as name, without_training():
        folder = Path(name)
        store = finished_store(folder)
        for number in range(given.first, given.first + given.count):
            kind = given.kind or KINDS[number % len(KINDS)]
            problem, shown = check(kind, given.seed, number, folder / "case", SMALL, store)
            failed += bool(problem)
            if problem or given.show:
                print(json.dumps({"problem": problem, "case": shown}), flush=True)
    print(json.dumps({"tried": given.count, "failed": failed}))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
