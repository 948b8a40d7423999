"""One durable write for the whole project, and what it leaves when it is killed."""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dit_core.files import clear_abandoned, create, replacing, temporary_path, write_durably

ROOT = Path(__file__).parents[2]


def test_a_failed_write_changes_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_durably(path, b"old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_bytes(b"new")
        raise RuntimeError
    assert path.read_bytes() == b"old" and [*path.parent.iterdir()] == [path]


def test_a_failed_write_names_the_file_that_people_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(path: str, *_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system", path)

    monkeypatch.setattr(os, "open", read_only)
    for write in (write_durably, create):
        with pytest.raises(OSError, match="Read-only") as caught:
            write(tmp_path / "claim.json", b"{}")
        assert caught.value.filename == str(tmp_path / "claim.json")


def test_one_of_several_writers_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert create(path, b"first") and not create(path, b"second")
    assert path.read_bytes() == b"first" and [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("durably", [True, False])
def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_is_when_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durably: bool
) -> None:
    path, done = tmp_path / "deep" / "file", []
    create(path.with_name("another"), b"")
    (opens, syncs, links) = (os.open, os.fsync, os.link)

    def synced(number: int) -> None:
        found = os.fstat(number)
        done.append("folder" if stat.S_ISDIR(found.st_mode) else f"{found.st_size} bytes")
        syncs(number)

    def opened(*given: Any, **named: Any) -> int:
        done.append("open")
        return opens(*given, **named)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "link", lambda *given: (done.append("name"), links(*given)))
    assert create(path, b"whole", durably=durably)
    assert done == (["open", "5 bytes", "name", "open", "folder"] if durably else ["open", "name"])
    assert path.read_bytes() == b"whole" and {*path.parent.iterdir()} == {path, path.with_name("another")}


def test_what_is_written_in_parts_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda number, data: write(number, data[:3]))
    create(tmp_path / "one", b"0123456789")
    write_durably(tmp_path / "two", b"0123456789")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() == b"0123456789"


@pytest.mark.parametrize("write", [create, write_durably])
def test_where_a_file_takes_the_folders_place_nothing_is_left(tmp_path: Path, write: Any) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((NotADirectoryError, FileExistsError)):
        write(tmp_path / "file" / "below", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
def test_what_a_dead_process_left_is_cleared_and_a_live_ones_is_not(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from dit_core.files import temporary_path;"
        "temporary_path(pathlib.Path(sys.argv[1])).write_text('torn')"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "below.json"], check=True, cwd=ROOT)
    (dead,) = tmp_path.iterdir()
    mine = temporary_path(tmp_path / "mine.json")
    young = temporary_path(tmp_path / "young.json")
    elsewhere = tmp_path / re.sub(r"\.[0-9a-f]{8}-\d+-", ".00000000-999999999-", mine.name)
    forgotten = tmp_path / re.sub(r"\.[0-9a-f]{8}-\d+-", ".00000000-1-", mine.name)
    for path in (mine, young, elsewhere, forgotten):
        path.write_text("half")
    for path, age in ((dead, 120), (mine, 120), (elsewhere, 120), (forgotten, 7200)):
        os.utime(path, (time.time() - age,) * 2)
    clear_abandoned(tmp_path)
    assert {*tmp_path.iterdir()} == {mine, young, elsewhere}


def test_nobody_else_renames_or_syncs() -> None:
    calls = re.compile(r"os\.(replace|rename|fsync|link)\(|\.rename\(")
    found = {
        str(path.relative_to(ROOT))
        for package in ("dit_core", "search_spaces", "service")
        for path in (ROOT / package).rglob("*.py")
        if calls.search(path.read_text())
    }
    assert found == {"dit_core/files.py"}


@pytest.mark.parametrize("name", ["x" * 250, "ü" * 127, "x" * 250 + ".pt"])
def test_a_name_as_long_as_names_may_be_is_written(tmp_path: Path, name: str) -> None:
    write_durably(tmp_path / name, b"whole")
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_bytes() == b"whole"
