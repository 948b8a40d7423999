"""A disk that is full or becomes read-only while a study runs, and bits that flip in what was written."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from worlds import Row, Verdict, World, wrong

MEGABYTE = 2**20


def can_mount() -> bool:
    """Whether this process may mount file systems."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


@contextlib.contextmanager
def _tmpfs(folder: Path, size: int) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _remount(folder: Path, options: str) -> None:
    # a writer may hold a file open for a moment
    for _ in range(200):
        if subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], capture_output=True).returncode == 0:
            return
        time.sleep(0.02)
    raise RuntimeError(f"{folder} cannot be remounted with {options}")


def full(world: World, attempts: int) -> Row:
    """Runs the study on a disk that has room for a part of it; after a while there is more room."""
    needed = sum(path.stat().st_size for path in world.undisturbed.rglob("*") if path.is_file())
    choose = world.random("full")
    tries = [partial(_full, world, int(choose.uniform(0.02, 1.0) * needed)) for _ in range(attempts)]
    return world.all("disk full, then more room", tries)


def _full(world: World, size: int) -> Verdict:
    with _tmpfs(world.new_store(), size) as disk:
        return _disturbed(world, disk, f"a disk of {size // 1024} KiB", 6.0, lambda: _remount(disk, "size=1g"))


def read_only(world: World, attempts: int) -> Row:
    """Makes the disk read-only in the middle of a first run, and writable again after a while."""
    choose = world.random("read-only")
    return world.all(
        "disk read-only for some seconds",
        [partial(_read_only, world, choose.uniform(0.1, 3.0)) for _ in range(attempts)],
    )


def _read_only(world: World, delay: float) -> Verdict:
    with _tmpfs(world.new_store(), 512 * MEGABYTE) as disk:

        def broken() -> None:
            time.sleep(delay)
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], capture_output=True)
            time.sleep(3.0)
            _remount(disk, "rw")

        return _disturbed(world, disk, f"read-only after {delay:.2f} s", 0.0, broken)


def _disturbed(world: World, disk: Path, what: str, after: float, mend: object) -> Verdict:
    """A run that waits for room, or ends with one sentence; then the disk is as it should be and it is finished."""
    store = disk / "store"
    command = world.start(store)
    timer = threading.Timer(after, mend)  # type: ignore[arg-type]
    timer.start()
    ended = command.wait(240)
    timer.join()
    return world.finish(what, store, wrong(ended, 0, 1, 2, 3))


def flips(world: World, attempts: int) -> Row:
    """Flips one bit of a record or a checkpoint of a store whose study goes on, then continues and repairs it."""
    choose = world.random("flips")
    half = world.new_store()
    begun = world.half_done(half)
    # a run mends what it builds on; `repair` makes again what it does not, such as the weights of a trial that is done
    files = [path for path in sorted(half.rglob("*")) if path.suffix == ".safetensors" or "evaluations" in path.parts]
    files = [path for path in files if path.is_file()]
    tries = []
    for _ in range(attempts):
        path = choose.choice(files)
        bit = choose.randrange(path.stat().st_size * 8)
        tries.append(partial(_flip, world, half, path.relative_to(half), bit, begun))
    return world.all("one bit of a checkpoint or an evaluation flipped", tries)


def _flip(world: World, half: Path, file: Path, bit: int, problems: list[str]) -> Verdict:
    store = world.new_store()
    shutil.copytree(half, store)
    data = bytearray((store / file).read_bytes())
    data[bit // 8] ^= 1 << (bit % 8)
    (store / file).write_bytes(data)
    for command in (world.command(store), ("repair", "--store", store, "--train")):
        problems = [*problems, *wrong(world.server.run(*command, seconds=180))]
    return world.finish(f"bit {bit} of {file.parent.name}/{file.name} flipped", store, problems)
