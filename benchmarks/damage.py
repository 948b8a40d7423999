"""Puts every odd thing in the place of every record of a small store and asks every command; flips every bit, too.

    python benchmarks/damage.py [--share N]

Prints how many were tried. Nothing may end in a traceback, everything odd is named by ``verify``, and a flipped bit is
refused or changes nothing. All of it takes about half an hour on 2 cores; ``--share 10`` tries every tenth pair.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers"), str(ROOT / "tests" / "service")]

import damage_sweep  # noqa: E402
from test_records import DAMAGES, damage  # noqa: E402
from whole_store import make_whole  # noqa: E402

from service.records.kinds import EvaluationRecord, Stretch, TrialRecord  # noqa: E402
from service.records.store import Store  # noqa: E402
from service.verify.checkpoints import check  # noqa: E402
from service.verify.inspect import verify  # noqa: E402

KINDS = {"trial.json": TrialRecord, "curve/*.json": Stretch, "evaluations/*.json": EvaluationRecord}


def main() -> None:
    """Tries them and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=int, default=1, help="try every N-th pair and every N-th bit")
    share = parser.parse_args().share
    with tempfile.TemporaryDirectory() as folder:
        store, _ = make_whole(Path(folder))
        records(store, Path(folder), share)
        bits(store, share)
        checkpoints(store, max(1, share))


def records(store: Path, folder: Path, share: int) -> None:
    """Every pair of a record and a damage, for every command."""
    began, every = time.monotonic(), list(damage_sweep.pairs(store, list(DAMAGES)))[::share]
    for place, how in every:
        broken = damage_sweep.copied(store, folder / "broken")
        damage(broken / place, how)
        damage_sweep.ask(broken, damage_sweep.READERS)
        if not verify(Store(broken)).findings:
            raise SystemExit(f"{place}, {how}: not named")
        damage_sweep.ask(broken, damage_sweep.SLOW)
    commands = len(damage_sweep.READERS) + len(damage_sweep.SLOW)
    seconds = time.monotonic() - began
    print(f"{len(every)} damaged records x {commands} commands: no traceback, each named ({seconds:.0f} s)")


def bits(store: Path, share: int) -> None:
    """Every bit of a trial's records."""
    tried, folder = 0, sorted(store.glob("trials/*"))[0]
    for pattern, kind in KINDS.items():
        for path in sorted(folder.glob(pattern)):
            where = str(path.relative_to(store))
            number, accepted = damage_sweep.flips(path, kind, where, range(0, 8 * path.stat().st_size, share))
            tried += number
            if accepted:
                raise SystemExit(f"{path}: bits {accepted} change what is read")
    print(f"{tried} flipped bits of records: refused, or nothing changes")


def checkpoints(store: Path, share: int) -> None:
    """Bits of a checkpoint: half of them in its header."""
    path = sorted(store.glob("trials/*/checkpoints/*"))[0]
    data, images = path.read_bytes(), int(path.name.split(".")[0])
    header, whole = 8 + int.from_bytes(data[:8], "little"), check(io.BytesIO(data), images)
    draw = random.Random(0)
    chosen = [draw.randrange(8 * (header if number % 2 else len(data))) for number in range(1400 // share)]
    for bit in chosen:
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        found = check(io.BytesIO(bytes(flipped)), images)
        if found.problem is None and found.sha256 != whole.sha256:
            raise SystemExit(f"{path}: bit {bit} is not noticed")
    print(f"{len(chosen)} flipped bits of a checkpoint: refused, or nothing changes")


if __name__ == "__main__":
    main()
