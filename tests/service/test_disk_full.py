"""A disk that fills up, or turns read-only, under a run: it says so, waits, and goes on to the same bits."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from observed import everything
from small_studies import expansion

from dit_core.errors import UserError
from search_spaces.types import Expansion
from service.engine import Outcome, Snapshot, run_segments
from service.preflight import Prepared, prepare
from service.records.room import no_room
from service.records.store import Store

SIZE, LARGER = "4m", "64m"


def _study() -> Expansion:
    arms = {"fast": {"training": {"learning_rate": 1e-2}}}
    return expansion(arms, seeds=(0,), rungs=(128,), budget=256, checkpoint_images=64)


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepare(_study())


@pytest.fixture(scope="module")
def undisturbed(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Outcome]:
    store = Store(tmp_path_factory.mktemp("alone") / "store")
    return store, run_segments(prepared, store, executor="local")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("file systems can be mounted here by nobody")
    yield folder
    subprocess.run(["umount", folder], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)


def fill(disk: Path, leave: int = 0) -> None:
    """Leaves no room but ``leave`` bytes."""
    with pytest.raises(OSError) as raised, (disk / "ballast").open("ab", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    assert no_room(raised.value)
    if leave:
        os.truncate(disk / "ballast", (disk / "ballast").stat().st_size - leave)


def fill_nearly(disk: Path) -> None:
    """Leaves room for some records, and for no checkpoint."""
    fill(disk, leave=12 * 4096)


def waits(snapshot: Snapshot) -> bool:
    return any("waiting for the store's disk" in message for message in snapshot.messages)


@pytest.mark.slow
@pytest.mark.parametrize("segments", [0, 1, 2])
@pytest.mark.parametrize(
    ("break_it", "mend", "says"),
    [
        (fill, lambda disk: remount(disk, f"size={LARGER}"), "there is no room left"),
        (fill_nearly, lambda disk: remount(disk, f"size={LARGER}"), "there is no room left"),
        (lambda disk: remount(disk, "ro"), lambda disk: remount(disk, "rw"), "it cannot be written to"),
    ],
    ids=["full", "nearly full", "read-only"],
)
def test_it_goes_on_when_there_is_room(
    segments: int,
    break_it: Callable[[Path], None],
    mend: Callable[[Path], None],
    says: str,
    disk: Path,
    prepared: Prepared,
    undisturbed: tuple[Store, Outcome],
) -> None:
    store = Store(disk / "store")
    broken, waited = [], []

    def update(snapshot: Snapshot) -> None:
        if not broken and snapshot.segments_done == segments:
            broken.append(True)
            break_it(disk)
        elif broken and not waited and waits(snapshot):
            waited.append(True)
            mend(disk)

    outcome = run_segments(prepared, store, executor="local", on_update=update)
    assert broken and waited, outcome.messages
    (message,) = [text for text in outcome.messages if "waiting" in text]
    assert says in message and "goes on by itself" in message
    assert message.startswith("baseline seed=0: " if break_it is fill_nearly and segments == 0 else "")
    assert not outcome.failed and store.failures("tiny") == []
    assert everything(store, prepared, outcome) == everything(*undisturbed[:1], prepared, undisturbed[1])
    assert run_segments(prepared, store, executor="local").timings == ()


def test_a_stop_ends_the_wait_in_one_sentence(disk: Path, prepared: Prepared) -> None:
    store = Store(disk / "store")

    def update(snapshot: Snapshot) -> None:
        if snapshot.segments_done == 1 and not (disk / "ballast").exists():
            fill(disk)
        if waits(snapshot):
            os.kill(os.getpid(), 15)

    with pytest.raises(
        UserError, match=r"^store: cannot write to .*: there is no room left; what is recorded is kept$"
    ):
        run_segments(prepared, store, executor="local", on_update=update)
    remount(disk, f"size={LARGER}")
    assert not run_segments(prepared, store, executor="local").failed


def test_a_run_that_finds_no_room_at_its_start_is_refused(disk: Path, prepared: Prepared) -> None:
    store = Store(disk / "store")
    fill(disk)
    with pytest.raises(UserError, match=r"store: cannot write to .*No space left on device"):
        run_segments(prepared, store, executor="local")


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC])
def test_where_nothing_is_left_to_run_it_does_not_wait(number: int, undisturbed: tuple[Store, Outcome]) -> None:
    def update(snapshot: Snapshot) -> None:
        raise OSError(number, os.strerror(number))

    store, _ = undisturbed
    with pytest.raises(UserError, match=r"^store: cannot write to .*nothing is left to run.*dit-ablate status tiny"):
        run_segments(prepare(_study()), store, executor="local", on_update=update)


def test_who_shows_the_messages_is_told_of_its_own_wait_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken: list[bool] = []

    def update(snapshot: Snapshot) -> None:
        if not broken:
            broken.append(True)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    run_segments(prepare(_study()), Store(tmp_path / "store"), executor="local", on_update=update)
    assert [text for text in caplog.messages if "waiting for the store's disk" in text and "no room left" in text]
