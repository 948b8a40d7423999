"""Files that are written whole or not at all and are there after a power cut, and hashes of files."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import re
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from dit_core.errors import UserError

_LONGEST_NAME = 255
"""Bytes of a file's name, on all usual file systems."""


@contextlib.contextmanager
def replacing(path: Path, *, durably: bool = True) -> Iterator[Path]:
    """Puts what the block writes in the place of ``path``: all of it, or nothing when the block raises.

    The block gets a path beside ``path`` with the same ending, and makes a file or a folder there. After the block it
    is written through to the disk and takes the place of ``path``, and the folder around it is written through too.

    Args:
        path: what to replace; the folders around it are made.
        durably: whether to wait for the disk; not where a power cut takes nothing that cannot be made again.

    Yields:
        The temporary path. Its name tells which process it belongs to.
    """
    make_folder(path.parent)
    temporary = temporary_path(path)
    try:
        yield temporary
        for made in _all(temporary):
            share(made)
            if durably:
                sync(made)
        os.replace(temporary, path)
    except OSError as error:
        _name(error, temporary, path)
        raise
    finally:
        if temporary.is_dir() and not temporary.is_symlink():
            shutil.rmtree(temporary, ignore_errors=True)
        temporary.unlink(missing_ok=True)
    if durably:
        sync(path.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Writes a file so that a reader sees all of it or none, even after a kill or a power cut; replaces what is there.

    Raises:
        OSError: it cannot be written; nothing has changed then.
    """
    with _written_beside(os.fspath(path), data, durably=True) as temporary:
        os.replace(temporary, path)
    sync(path.parent)


def move(path: Path, target: Path) -> None:
    """Gives a whole file another name in its folder, for good; replaces what is there."""
    os.replace(path, target)
    sync(target.parent)


def create(path: str | Path, data: bytes, *, durably: bool = True) -> bool:
    """Writes a file as ``write_durably`` does, unless something has that name; of several writers exactly one wins.

    Args:
        path: the file.
        data: what is in it.
        durably: whether to wait for the disk; without that a power cut may take the file, or what is in it.

    Returns:
        Whether this call made the file.

    Raises:
        OSError: it cannot be written.
    """
    path = os.fspath(path)
    with _written_beside(path, data, durably=durably) as temporary:
        try:
            os.link(temporary, path)  # fails where the name is taken; a rename would replace
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                raise
            return _create_without_links(Path(path), data)
    if durably:
        sync(_around(path))
    return True


@contextlib.contextmanager
def _written_beside(path: str, data: bytes, *, durably: bool) -> Iterator[str]:
    """Writes a file beside ``path``, for the block to put it in its place, and removes what is left of it then.

    Records are written so, thousands of them in a run: one descriptor does all that there is to do, and folders are
    made where they turn out to be missing.
    """
    temporary, folder = _temporary_name(path), _around(path)
    try:
        number = _new(temporary, folder)
        try:
            try:
                left = memoryview(data)
                while left:
                    left = left[os.write(number, left) :]
                _share(number, folder)
                if durably:
                    _sync(number)
            finally:
                os.close(number)
            yield temporary
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    except OSError as error:
        _name(error, temporary, path)
        raise


def _new(path: str, folder: str) -> int:
    """Makes a file and opens it for writing; the folders around it are made, too."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        make_folder(folder)
        return os.open(path, flags, 0o666)


def _around(path: str) -> str:
    return os.path.dirname(path) or os.curdir


def _create_without_links(path: Path, data: bytes) -> bool:
    """For file systems without hard links: the name is taken first, so a reader may see a part for a moment."""
    try:
        with path.open("xb") as file:
            file.write(data)
            file.flush()
            share(path)
            os.fsync(file.fileno())
    except FileExistsError:
        return False
    sync(path.parent)
    return True


def _name(error: OSError, temporary: str | Path, path: str | Path) -> None:
    """Has an error name the file that people know instead of the one that is to take its place."""
    if error.filename is not None and os.fspath(error.filename) == str(temporary):
        error.filename = str(path)


def temporary_path(path: Path) -> Path:
    """Returns a new hidden name beside ``path`` that says which process of which host makes it; the ending stays.

    Of a name that is almost as long as names may be it has only the beginning.
    """
    return Path(_temporary_name(os.fspath(path)))


def _temporary_name(path: str) -> str:
    folder, name = os.path.split(path)
    stem, suffix = os.path.splitext(name)
    end = f".{_host()}-{os.getpid()}-{os.urandom(4).hex()}.tmp{suffix}"
    if len(os.fsencode(stem)) + len(os.fsencode(end)) >= _LONGEST_NAME:
        stem = os.fsencode(stem)[: max(0, _LONGEST_NAME - 1 - len(os.fsencode(end)))].decode(errors="ignore")
    return os.path.join(folder, f".{stem}{end}")


def require_room_for(path: Path, field: str) -> None:
    """Sees to it that a file or folder of this name can be made, before it is worked on; makes the folders around it.

    Args:
        path: what will be written.
        field: what named it.

    Raises:
        UserError: it cannot be written there.
    """
    try:
        make_folder(path.parent)
        if path.is_dir():
            return
        with contextlib.suppress(FileNotFoundError):
            path.lstat()  # says where a name is too long
        temporary = temporary_path(path)
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except OSError as error:
        name = str(path) if len(str(path)) < 200 else f"{str(path)[:100]}…{str(path)[-60:]}"
        raise UserError(f"{field}: cannot write {name} ({error.strerror or error})") from None


def clear_abandoned(folder: Path, *, deep: bool = True) -> None:
    """Removes what ``abandoned`` finds below a folder, or right in it."""
    for path in abandoned(folder, deep=deep):
        with contextlib.suppress(OSError):  # another process may clear it as well
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def abandoned(folder: Path, *, deep: bool = True) -> Iterator[Path]:
    """Yields, everywhere below a folder or right in it, the temporary files that killed writers have left.

    A writer of this host counts as dead when its process is gone; of another host, nothing is known, and what has not
    been written to for an hour is taken to be abandoned.
    """
    for path in list(folder.rglob(".*.tmp*") if deep else folder.glob(".*.tmp*")):
        found = _TEMPORARY.search(path.name)
        if found is None:
            continue
        with contextlib.suppress(OSError):  # another process may clear it as well
            age = time.time() - path.stat().st_mtime
            dead = found["host"] == _host() and age > _GRACE_SECONDS and not process_exists(int(found["pid"]))
            if dead or age > _ABANDONED_SECONDS:
                yield path


_TEMPORARY = re.compile(r"\.(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.tmp")
_GRACE_SECONDS, _ABANDONED_SECONDS = 60.0, 3600.0


def _host() -> str:
    return _short(socket.gethostname())


@functools.cache
def _short(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lets one process at a time into the block, where the file system has locks; where it has none, all of them.

    Args:
        path: the lock's file, which stays; the folders around it are made.
    """
    with contextlib.suppress(OSError):
        make_folder(path.parent)
    try:
        import fcntl

        file = path.open("w")
        share(path)
    except (ImportError, OSError):
        yield
        return
    with file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)  # the system releases it when the process ends, however it ends
        yield


def process_exists(pid: int) -> bool:
    """Returns whether a process of this host runs; one that has ended and was not collected yet does not."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return True


def sync(path: str | Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk; a file system that cannot say so is let be."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise


def _all(path: Path) -> Iterator[Path]:
    """Everything below a folder, then the folder itself; or a file."""
    if path.is_dir():
        yield from path.rglob("*")
    yield path


def make_folder(path: str | Path) -> None:
    """Makes a folder and those around it, each shared as the one around it is; see ``share``."""
    if os.path.isdir(path):
        return
    around = _around(os.fspath(path))
    try:
        os.mkdir(path)
    except FileNotFoundError:
        make_folder(around)
        Path(path).mkdir(exist_ok=True)
    except FileExistsError:
        if not os.path.isdir(path):  # somebody else may have made it just now
            raise
    _share(path, around)


def share(path: Path) -> None:
    """Gives what was just made to the group of the folder around it, where that folder is its group's to write in.

    So several users of a machine can work in one folder, whatever their umasks. A private folder stays private, and
    what another user has made is let be.
    """
    _share(path, path.parent)


def _share(made: int | str | Path, folder: str | Path) -> None:
    """Shares what is in a folder, told by its path or by a descriptor."""
    with contextlib.suppress(OSError):
        around = os.stat(folder)
        if not around.st_mode & stat.S_IWGRP:
            return
        found = os.stat(made)
        if found.st_uid != os.geteuid():
            return
        if found.st_gid != around.st_gid:
            os.chown(made, -1, around.st_gid)
        bits = stat.S_IRGRP | stat.S_IWGRP
        if stat.S_ISDIR(found.st_mode):
            bits |= stat.S_IXGRP | around.st_mode & stat.S_ISGID
        if found.st_mode & bits != bits or found.st_gid != around.st_gid:
            os.chmod(made, stat.S_IMODE(found.st_mode) | bits)


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file as 64 hex digits; it is read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
