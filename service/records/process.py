"""Which process wrote something, and whether it still runs: told only where that is certain."""

from __future__ import annotations

import functools
import os
import socket
from enum import Enum
from pathlib import Path

from dit_core.files import process_exists
from service.records.kinds import Process


class Life(Enum):
    """What is known of a process or a run."""

    LIVES = "lives"
    ENDED = "ended"
    UNKNOWN = "unknown"


def this_process() -> Process:
    """Returns what tells this process from every other."""
    return process_here(os.getpid())


def process_here(pid: int) -> Process:
    """Returns what tells a process of this machine, in this namespace of pids, from every other."""
    return Process(pid=pid, host=socket.gethostname(), boot=_boot(), pids=_pid_namespace(), started=_started(pid))


def life(process: Process) -> Life:
    """Returns whether a process runs; one that is paused does.

    Its pid means something only in the same namespace of pids since the same start of the same machine: of any other
    process nothing is known. A pid that was given to another process since is told by when that one started.
    """
    if not process.boot or not process.pids or (process.boot, process.pids) != (_boot(), _pid_namespace()):
        return Life.UNKNOWN
    if process.pid <= 0 or not process_exists(process.pid):
        return Life.ENDED
    started = _started(process.pid)
    if not started or not process.started:
        return Life.UNKNOWN
    return Life.LIVES if started == process.started else Life.ENDED


@functools.cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _pid_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _started(pid: int) -> int:
    """When a process started, in clock ticks since the machine did; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except (OSError, IndexError, ValueError):
        return 0
