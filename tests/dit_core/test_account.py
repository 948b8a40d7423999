"""Accounts without a name or a home, and temporary folders with long paths: what stands in for them."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from multiprocessing.connection import Listener
from pathlib import Path

import pytest

from dit_core.data.paths import cache_folder
from dit_core.runtime import account

COMPLETED = """
import getpass, tempfile
from multiprocessing.connection import Listener
from pathlib import Path
from dit_core.data.paths import cache_folder
from dit_core.runtime.account import complete_environment
complete_environment()
print(getpass.getuser(), Path.home(), cache_folder(), tempfile.gettempdir(), sep="\\n")
with Listener(family="AF_UNIX") as listener:
    Path(listener.address).stat()
"""


def completed(environment: dict[str, str], *before: str) -> list[str]:
    """What a process has after ``complete_environment``: name, home, cache, temporary folder."""
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **environment}
    root = Path(__file__).parents[2]
    done = subprocess.run([*before, sys.executable, "-c", COMPLETED], env=own, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def as_nobody_known() -> list[str]:
    """The beginning of a command that runs under a number without an account; skips where the system forbids that."""
    command = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    try:
        forbidden = subprocess.run([*command, "true"], capture_output=True).returncode != 0
    except FileNotFoundError:
        forbidden = True
    if forbidden:
        pytest.skip("this machine lets no process have another number: accounts without a name were not tried")
    return command


@pytest.mark.slow
def test_a_number_without_an_account_has_a_name_and_a_home_of_its_own() -> None:
    name, home, cache, _ = completed({}, *as_nobody_known())
    assert name == "54321" and Path(home).name.startswith("dit-ablate-home-54321")
    assert Path(cache).is_relative_to(home) and not Path(home).stat().st_mode & 0o077


@pytest.mark.slow
def test_a_home_that_cannot_be_written_in_is_left_alone(tmp_path: Path) -> None:
    _, home, cache, _ = completed({"HOME": "/proc/none"})
    assert home == "/proc/none" and not cache.startswith("/proc")
    _, home, cache, _ = completed({"HOME": str(tmp_path)})
    assert cache == str(tmp_path / ".cache" / "dit-ablate")


@pytest.mark.slow
def test_a_long_temporary_folder_is_reached_by_a_short_name(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    found = completed({"TMPDIR": str(long), "HOME": str(tmp_path)})[3]
    assert len(found) <= account.LONGEST and Path(found).resolve() == long.resolve()
    with pytest.raises(OSError, match="too long"):
        Listener(str(long / "listener"), family="AF_UNIX")
    assert completed({"TMPDIR": str(long), "HOME": str(tmp_path)})[3] == found


def test_a_usual_account_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DIT_ABLATE_CACHE", raising=False)
    before = dict(os.environ)
    account.complete_environment()
    assert os.environ.get("HOME") == before["HOME"] and getpass.getuser()
    assert cache_folder() == tmp_path / ".cache" / "dit-ablate"


def test_a_folder_that_somebody_else_made_is_no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(account, "LONGEST", 1000)
    monkeypatch.setattr(account.tempfile, "gettempdir", lambda: str(tmp_path))
    shared = tmp_path / f"dit-ablate-home-{os.getuid()}"
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    account.temporary_home.cache_clear()
    try:
        own = account.temporary_home()
        assert own != shared and not own.stat().st_mode & 0o077
    finally:
        account.temporary_home.cache_clear()
