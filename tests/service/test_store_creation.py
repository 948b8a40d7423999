"""A store's first moments, and its marker's later ones: no kill and no damage bricks it, and no format is mistaken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from small_studies import tiny_config
from tiny_study import dit_ablate, write_study

from dit_core.errors import UserError
from dit_core.files import temporary_path
from service import Client
from service.records import marker
from service.records.store import Store

ID = "a" * 64
FORMAT_1 = Path(__file__).parent.parent / "data" / "store-format-1.tar.xz"

KILLED = """
import os, signal, sys
from service.records.store import Store
left = int(sys.argv[2])
def count(event, arguments):
    global left
    if event in ("open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.chmod") and sys.argv[1] in str(arguments):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
store = Store(sys.argv[1])
print(store.id)
"""


@pytest.mark.slow
def test_a_creation_that_is_killed_at_any_file_operation_is_made_good_by_the_next(tmp_path: Path) -> None:
    """Forks, so that each child costs no imports; every child is killed one operation later than the last one."""
    code = compile(KILLED, "killed", "exec")
    operations = 0
    while True:
        path = tmp_path / str(operations)
        pid = os.fork()
        if pid == 0:
            sys.argv = ["killed", str(path), str(operations)]
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            try:
                exec(code, {"__name__": "killed"})
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        store = Store(path)
        assert store.format == 2 and len(store.id) == 32 and Store(path).id == store.id
        store.begin(ID, tiny_config())
        assert store.damaged == () and store.notes == []
        if os.WIFEXITED(status):
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
        operations += 1
    assert operations > 8, "a creation has more operations than that"


@pytest.mark.slow
def test_two_first_runs_at_once_make_one_store(tmp_path: Path) -> None:
    code = "import sys; from service.records.store import Store; print(Store(sys.argv[1]).id)"
    command = [sys.executable, "-c", code, str(tmp_path / "store")]
    made = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert len({process.communicate()[0] for process in made} | {f"{Store(tmp_path / 'store').id}\n"}) == 1


def test_what_a_killed_creation_leaves_is_no_store_and_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "store" / "trials" / "empty").mkdir(parents=True)
    temporary_path(tmp_path / "store" / "store.json").write_text('{"kind"')
    assert Store.existing(tmp_path / "store") is None
    with pytest.raises(UserError, match="there is none at"):
        Store(tmp_path / "store", create=False)
    done = dit_ablate("status", "--store", tmp_path / "store")
    assert done.exit_code == 2 and "there is none" in done.stderr, "looking makes no store"
    assert not (tmp_path / "store" / "store.json").exists()
    assert Store(tmp_path / "store").format == 2


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "torn": lambda path: path.write_bytes(path.read_bytes()[:20]),
    "no JSON": lambda path: path.write_bytes(b"\xff\x00"),
    "another's": lambda path: path.write_text('{"kind": "photos"}'),
    "no format": lambda path: path.write_text('{"kind": "dit-ablate store"}'),
    "missing": lambda path: path.unlink(),
}


@pytest.fixture
def format_2(tmp_path: Path) -> Path:
    Store(tmp_path / "store").begin(ID, tiny_config())
    return tmp_path / "store"


@pytest.fixture
def format_1(tmp_path: Path) -> Path:
    with tarfile.open(FORMAT_1) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "store"


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("version", [1, 2])
def test_a_damaged_marker_is_written_anew_with_the_format_of_the_records(
    how: str, version: int, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(f"format_{version}")
    DAMAGES[how](path / "store.json")
    before = (path / "store.json").read_bytes() if how != "missing" else b""
    mended = Store(path)
    assert mended.format == version and f"written anew (format {version}" in mended.notes[0]
    assert (path / "store.json").read_bytes() == marker.text(version)
    kept = [item.read_bytes() for item in path.glob("store.json.damaged-*")]
    assert kept == ([before] if before else [])
    again = Store(path)
    assert again.format == version and again.notes == []
    assert mended.trial(ID) is not None or version == 1


def test_a_mended_marker_is_said(format_2: Path) -> None:
    (format_2 / "store.json").write_bytes(b"{")
    shown = Client(store=format_2).plan(write_study(format_2.parent))
    assert "store.json: it was damaged and has been written anew" in " ".join(str(shown).split())


def test_records_of_two_formats_are_no_store(format_1: Path, tmp_path: Path) -> None:
    Store(tmp_path / "other").begin(ID, tiny_config())
    (tmp_path / "other" / "trials" / ID).rename(format_1 / "trials" / ID)
    (format_1 / "store.json").write_bytes(b"")
    before = sorted(format_1.rglob("*"))
    with pytest.raises(UserError, match=r"a damaged store\.json and records of formats 1 and 2; give another folder"):
        Store(format_1)
    assert sorted(format_1.rglob("*")) == before
