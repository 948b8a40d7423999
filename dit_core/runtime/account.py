"""What stands in for the name and the home of an account that has none, and for a temporary folder with a long path.

Containers run under any number, and batch systems set folders for every job. Packages trust both to be as on a desktop.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import stat
import tempfile
import zlib
from functools import cache
from pathlib import Path

LONGEST = 60
"""Characters of a temporary folder's path that leave room for those of a socket below it."""


def complete_environment() -> None:
    """Sets ``LOGNAME`` and ``HOME`` where this account has neither, and a short ``TMPDIR`` where it is long.

    Packages ask for name and home, and fail without. The name is the account's number, the home a temporary folder that
    only this account can open. Below the temporary folder processes open sockets, whose paths may have 107 characters:
    a longer one is reached by a short link. Processes that are started later inherit all of that.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        os.environ["LOGNAME"] = str(os.getuid())
    if home() is None:
        os.environ["HOME"] = str(temporary_home())
    _shorten_temporary_folder()


def _shorten_temporary_folder() -> None:
    own = tempfile.gettempdir()
    if len(own) <= LONGEST:
        return
    try:
        link = temporary_home() / f"{zlib.crc32(os.fsencode(own)):08x}"
        with contextlib.suppress(FileExistsError):  # from before, or of another process
            link.symlink_to(own)
        leads_there = os.readlink(link) == own
    except OSError:  # nowhere to put it
        return
    if leads_there:
        os.environ["TMPDIR"] = str(link)
        tempfile.tempdir = None


def home() -> Path | None:
    """Returns the home folder; None where the account has none, neither in its environment nor in the system's list."""
    try:
        return Path.home()
    except RuntimeError:
        return None


@cache
def temporary_home() -> Path:
    """Returns a folder below the system's temporary one that belongs to this account and that nobody else can open.

    It is the same for all processes of the account, unless somebody else has taken its name.
    """
    base = Path(tempfile.gettempdir())
    base = base if len(str(base)) <= LONGEST else Path("/tmp")
    folder = base / f"dit-ablate-home-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="dit-ablate-home-", dir=base))


def can_have(folder: Path) -> bool:
    """Whether there is a folder to write in, which is made where there is none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
