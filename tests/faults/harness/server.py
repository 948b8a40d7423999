"""The harness's end of the fork server: starts commands and waits for them, from any thread."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent.parent
QUIET = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "COLUMNS": "160",
    "MLFLOW_DISABLE_TELEMETRY": "true", "CUDA_VISIBLE_DEVICES": "", "PYTHONHASHSEED": "0",
}  # fmt: skip
"""No thread of a library may run when the server forks."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended.

    Attributes:
        status: its exit code, negative for the signal that ended it.
        seconds: how long it ran.
        output: what it printed on both streams.
    """

    status: int
    seconds: float
    output: str


class Command:
    """A command that was started.

    Attributes:
        pid: its process, the leader of its own session.
    """

    def __init__(self, pid: int, ended: Future[int], log: Path) -> None:
        self.pid = pid
        self._ended = ended
        self._log = log
        self._began = time.monotonic()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.done()

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def signal(self, number: int) -> None:
        """Sends a signal to the process, unless it has ended."""
        if self.running:
            os.kill(self.pid, number)

    def wait(self, seconds: float = 120) -> Ended:
        """Waits until it has ended.

        Raises:
            TimeoutError: it goes on; it is killed.
        """
        try:
            status = self._ended.result(seconds)
        except TimeoutError:
            self.signal(9)
            raise TimeoutError(f"still running after {seconds:.0f} s:\n{self.output[-2000:]}") from None
        return Ended(status, time.monotonic() - self._began, self.output)


class ForkServer:
    """Starts commands of ``dit-ablate``; use it as a context.

    Args:
        scratch: a folder for logs and the caches of the commands.
        preload: modules to import beforehand.
    """

    def __init__(self, scratch: Path, preload: Sequence[str] = ()) -> None:
        self.scratch = scratch
        self._preload = tuple(preload)
        self._lock = threading.Lock()
        self._pending: dict[int, Future[int]] = {}
        self._started: list[Future[int]] = []
        self._logs = 0

    def __enter__(self) -> Self:
        folder = tempfile.mkdtemp(prefix="forks-")
        address = os.path.join(folder, "socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen(1)
            listener.settimeout(180)
            environment = {name: value for name, value in os.environ.items() if name not in OURS}
            environment |= QUIET | {
                "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{HERE}",
                "DIT_ABLATE_CACHE": os.environ.get("DIT_ABLATE_CACHE") or str(self.scratch / "cache"),
            }
            listed = self.scratch / "preload.txt"
            listed.write_text("\n".join(self._preload))
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "fork_server.py"), address, str(listed)], env=environment
            )
            self._channel, _ = listener.accept()
        os.unlink(address)
        os.rmdir(folder)
        self._lines = self._channel.makefile("rb")
        self.ready: dict[str, Any] = json.loads(self._lines.readline())
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for pid in list(self._pending):
            if not self._pending[pid].done():
                os.kill(pid, 9)
        self._channel.shutdown(socket.SHUT_RDWR)
        self._channel.close()
        self._process.wait(30)

    def start(
        self,
        *arguments: object,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        fault: Mapping[str, Any] | None = None,
        modules: Path | None = None,
    ) -> Command:
        """Starts ``dit-ablate`` with these arguments; ``fault`` is what ``interposed.install`` takes."""
        with self._lock:
            self._logs += 1
            log = self.scratch / f"{self._logs:06d}.log"
            request = {
                "arguments": [str(item) for item in arguments],
                "log": str(log),
                "env": dict(env or {}),
                "cwd": str(cwd or self.scratch),
                "fault": dict(fault) if fault else None,
                "modules": str(modules) if modules else None,
            }
            started: Future[int] = Future()
            self._started.append(started)
            self._channel.sendall(json.dumps(request).encode() + b"\n")
        pid = started.result(60)
        with self._lock:
            ended = self._pending.setdefault(pid, Future())
        return Command(pid, ended, log)

    def run(self, *arguments: object, seconds: float = 120, **options: Any) -> Ended:
        """Starts a command and waits for its end."""
        return self.start(*arguments, **options).wait(seconds)

    def _read(self) -> None:
        for line in self._lines:
            message = json.loads(line)
            with self._lock:
                if "started" in message:
                    self._pending[message["started"]] = Future()
                    self._started.pop(0).set_result(message["started"])
                else:
                    self._pending[message["ended"]].set_result(message["status"])


OURS = ("DIT_ABLATE_STORE", "MLFLOW_TRACKING_URI", "RAY_ADDRESS")
