"""A moved store is the same, a copied one is another; of several users of one store none locks the others out."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from small_studies import tiny_config

from dit_core.events import Evaluated, MetricResult
from service.records.backend import FolderBackend
from service.records.claims import claim_study
from service.records.kinds import Whereabouts
from service.records.records import Records
from service.records.store import Store
from service.records.whereabouts import identify, recorded

ID = "a" * 64


@pytest.fixture
def original(tmp_path: Path) -> Store:
    store = Store(tmp_path / "original")
    assert len(store.id) == 32
    return store


def test_a_moved_store_stays_itself(original: Store, tmp_path: Path) -> None:
    original.path.rename(tmp_path / "moved")
    for _ in range(2):
        moved = Store(tmp_path / "moved")
        assert (moved.id, moved.notes) == (original.id, [])
    assert len(recorded(moved.records)) == 2, "where it lies now is noted once"


def test_a_store_that_was_moved_to_another_disk_stays_itself(original: Store, tmp_path: Path) -> None:
    shutil.copytree(original.path, tmp_path / "moved")
    shutil.rmtree(original.path)
    moved = Store(tmp_path / "moved")
    assert (moved.id, moved.notes) == (original.id, [])
    shutil.copytree(tmp_path / "moved", tmp_path / "copy")
    assert Store(tmp_path / "copy").id != original.id, "a copy of what was moved is told from where it lies now"


@pytest.mark.parametrize("command", [["cp", "-r"], ["cp", "-a"]])
def test_a_copy_gets_an_identity_of_its_own_and_says_so_once(
    command: list[str], original: Store, tmp_path: Path
) -> None:
    subprocess.run([*command, str(original.path), str(tmp_path / "copy")], check=True)
    copy = Store(tmp_path / "copy")
    assert copy.id != original.id
    assert copy.notes == [
        f"the store {tmp_path}/copy is a copy of {tmp_path}/original: it has been given an identity of its own, so "
        "that neither writes into what the other has in MLflow"
    ]
    again = Store(tmp_path / "copy")
    assert (again.id, again.notes) == (copy.id, [])
    same = Store(original.path)
    assert (same.id, same.notes) == (original.id, [])
    shutil.copytree(tmp_path / "copy", tmp_path / "second")
    assert len({Store(tmp_path / "second").id, copy.id, original.id}) == 3


def test_a_store_that_was_restored_in_its_place_stays_itself(original: Store, tmp_path: Path) -> None:
    shutil.copytree(original.path, tmp_path / "backup")
    shutil.rmtree(original.path)
    shutil.copytree(tmp_path / "backup", original.path)
    assert Store(original.path).id == original.id


def test_a_store_reached_by_two_paths_is_one(original: Store, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(original.path)
    assert Store(tmp_path / "link").id == original.id


HERE = Whereabouts(host="node", place="/data/store", inode=7, written=1, changed=2)


@pytest.mark.parametrize(
    ("here", "still", "same"),
    [
        ({}, True, True),
        ({"host": "pod-2"}, True, True),  # the same volume in another container
        ({"host": "pod-2", "place": "/mnt/store"}, True, True),  # mounted elsewhere
        ({"changed": 9}, True, True),  # its permissions were changed
        ({"inode": 8}, True, True),  # a file system that numbers files anew at every mount
        ({"inode": 8, "changed": 9, "written": 9}, True, True),  # restored in its place
        ({"place": "/copy", "inode": 8, "changed": 9}, True, False),
        ({"place": "/copy", "inode": 8, "changed": 9}, False, True),  # moved to another disk
        ({"host": "laptop", "inode": 8, "changed": 9}, True, False),  # the original cannot be seen from here
        ({"host": "laptop", "inode": 8, "changed": 9}, False, False),
    ],
)
def test_what_tells_a_copy_from_a_move(here: dict[str, object], still: bool, same: bool, tmp_path: Path) -> None:
    records = Records(FolderBackend(tmp_path))
    first, _ = identify(records, HERE, lambda place: None)
    there = HERE.model_copy(update=here)
    found, note = identify(records, there, lambda place: first if still else None)
    assert (found == first) == same and bool(note) != same
    assert identify(records, there, lambda place: first if still else None) == (found, "")


def test_an_identity_of_before_is_kept(tmp_path: Path) -> None:
    from service.records.kinds import StoreIdentity

    records = Records(FolderBackend(tmp_path))
    records.put(StoreIdentity.KEY, StoreIdentity(id="f" * 32))
    assert identify(records, HERE, lambda place: None) == ("f" * 32, "")
    assert [item.whereabouts for item in recorded(records)] == [None, HERE]


# -- several users ------------------------------------------------------------------------------

GROUP, ALICE, BOB = 54321, 54322, 54323


def as_user(user: int, group: int, work: Callable[[], object], umask: int = 0o077) -> None:
    """Does something in a child process as another user; it must succeed."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.umask(umask)
            os.setgroups([GROUP] if group != GROUP else [])
            os.setgid(group)
            os.setuid(user)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def use(place: Path, study: str) -> None:
    store = Store(place)
    number = claim_study(store, study).run
    store.begin(ID, tiny_config())
    store.add_evaluation(
        ID, tiny_config(), Evaluated(128, (MetricResult("m", 1.0),), b"png" + study.encode(), 0, 0), study
    )
    store.records.backend.write(f"studies/{study}/live.json", b"{}")
    store.publish("studies/shared/report/report.md", study.encode())
    store.add_run(study, number, {"interrupted": False})
    store.records.backend.delete(f"studies/{study}/live.json")
    assert len(store.id) == 32 and store.damaged == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become other users")
@pytest.mark.parametrize("setgid", [True, False])
def test_users_of_a_group_work_in_one_store_whatever_their_umasks(
    setgid: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = Path("/tmp") / tmp_path_factory.mktemp("shared").name / "store"  # where others may look into
    place.mkdir(parents=True)
    try:
        os.chown(place, ALICE, GROUP)
        place.chmod(0o2770 if setgid else 0o770)
        as_user(ALICE, ALICE, lambda: use(place, "hers"))
        as_user(BOB, BOB, lambda: use(place, "his"))
        as_user(ALICE, ALICE, lambda: use(place, "his"))
        as_user(BOB, BOB, lambda: use(place, "hers"), umask=0o022)
        made = list(place.rglob("*"))
        assert len(made) > 15
        for path in made:
            found = path.stat()
            assert found.st_gid == GROUP and found.st_mode & stat.S_IWGRP and found.st_mode & stat.S_IRGRP, path
            assert not found.st_mode & stat.S_IRWXO or found.st_uid == BOB, path
            if path.is_dir():
                assert bool(found.st_mode & stat.S_ISGID) == setgid, path
    finally:
        shutil.rmtree(place.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become other users")
def test_a_private_store_stays_private() -> None:
    place = Path("/tmp") / f"private-{os.getpid()}" / "store"
    place.mkdir(parents=True)
    try:
        os.chown(place, ALICE, GROUP)
        place.chmod(0o750)
        as_user(ALICE, ALICE, lambda: use(place, "hers"))
        assert all(not path.stat().st_mode & 0o077 for path in place.rglob("*"))
    finally:
        shutil.rmtree(place.parent)


def test_a_copy_that_cannot_be_written_to_does_not_say_that_something_was_recorded(tmp_path: Path) -> None:
    records = Records(FolderBackend(tmp_path))
    first, _ = identify(records, HERE, lambda place: None)
    there = HERE.model_copy(update={"place": "/copy", "inode": 8, "changed": 9})

    def refuse(*_: object, **__: object) -> bool:
        raise OSError(errno.EROFS, "Read-only file system")

    records.backend.put = refuse  # type: ignore[method-assign]
    found, note = identify(records, there, lambda place: first)
    assert found != first and "is a copy of /data/store and cannot be written to" in note and "given" not in note
    assert identify(records, there, lambda place: first) == (found, note)
