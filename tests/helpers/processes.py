"""Looking at processes and ending the ones a test has started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time


def descendants(pid: int) -> dict[int, str]:
    """Pid -> whole command of every process below ``pid``; one that has ended and waits for its parent is left out."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid,ppid,stat,args"], capture_output=True, text=True, check=True)
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()[1:]]
    found: dict[int, str] = {}
    parents = {pid}
    while parents:
        below = {int(row[0]): row[3] for row in rows if int(row[1]) in parents and not row[2].startswith("Z")}
        parents = set(below) - set(found)
        found |= below
    return found


def runs(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


def remaining(pids: dict[int, str], seconds: float) -> dict[int, str]:
    """What of ``pids`` is left after at most ``seconds``."""
    until = time.monotonic() + seconds
    while (left := {pid: name for pid, name in pids.items() if runs(pid)}) and time.monotonic() < until:
        time.sleep(0.5)
    return left


def kill(pid: int) -> None:
    """Ends a process at once."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
