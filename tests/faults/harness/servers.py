"""An MLflow server that is killed in the middle of a run, or is down from the start, and comes back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from judged import compare, see
from worlds import Row, Verdict, World, wrong


class Tracking:
    """An MLflow server of its own, on SQLite."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.database = folder / "mlflow.db"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it answers."""
        log = (self.folder / "server.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{self.database}",
             "--default-artifact-root", str(self.folder / "artifacts"), "--host", "127.0.0.1", "--port", str(self.port),
             "--workers", "1"],
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=2).close()
                return
            except OSError:
                time.sleep(0.3)
        raise TimeoutError("the MLflow server does not answer")

    def kill(self) -> None:
        """Kill -9 of the server and its workers."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def killed(world: World, attempts: int) -> Row:
    """Kills the server in mid-run; it is back when the same command runs again."""
    choose = world.random("server")
    delays = [choose.uniform(0.0, 2.0) for _ in range(attempts)]
    return _one_after_another(world, "MLflow server killed in mid-run, then back", delays)


def down(world: World, attempts: int) -> Row:
    """Runs the study without its server, which is there when the same command runs again."""
    return _one_after_another(world, "MLflow server down at the start, then back", [None] * attempts)


def _one_after_another(world: World, fault: str, delays: Sequence[float | None]) -> Row:
    """All attempts use one server, so only one of them may kill it at a time."""
    name = "down" if None in delays else "killed"
    server = Tracking(world.folder / f"tracking-{name}")
    tries = [partial(_killed, world, server, delay, f"server-{name}-{index}") for index, delay in enumerate(delays)]
    jobs, world.jobs = world.jobs, 1
    try:
        server.start()
        return world.all(fault, tries)
    finally:
        world.jobs = jobs
        server.kill()


def _killed(world: World, server: Tracking, delay: float | None, study: str) -> Verdict:
    store = world.new_store()
    command = ("--tracking-uri", server.uri, "--set", f"name={study}")
    problems = []
    if delay is None:
        server.kill()
    first = world.server.start(*world.command(store, *command))
    if delay is not None:
        until = time.monotonic() + 60
        while not list(store.glob("trials/*/trial.json")) and first.running and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(delay)
        server.kill()
    problems += wrong(first.wait(180))
    server.start()
    problems += wrong(world.server.run(*world.command(store, *command), seconds=180))
    found = see(store, study, server.database)
    when = "down at the start" if delay is None else f"killed {delay:.2f} s after the first trial's start"
    return Verdict(f"MLflow server {when}", compare(found, world.expected), tuple(problems))
