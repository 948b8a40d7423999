"""A Ray cluster of several nodes on this machine: each in a network namespace, with an address of its own.

The head is in the namespace of the test, so that a driver in the test's process is on a node of the cluster. A hostname
resolves to 127.0.1.1 in the other nodes, as on Debian.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from processes import descendants, kill

START_SECONDS = 600


def cannot() -> str:
    """Why there can be no such cluster here; empty when there can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "network namespaces need root on Linux"
    if shutil.which("ip") is None:
        return "network namespaces need the command ip"
    tried = subprocess.run(["ip", "netns", "add", f"try{os.getpid()}"], capture_output=True, text=True)
    if tried.returncode:
        return f"network namespaces do not work here: {tried.stderr.strip()}"
    run("ip", "netns", "delete", f"try{os.getpid()}")
    return ""


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


class RayNodes:
    """The cluster; ``nodes()`` makes one.

    Attributes:
        address: of the head, as a driver takes it.
        dashboard: for the state API.
        processes: ``ray start --block`` of every node, by name.
    """

    def __init__(self, number: int) -> None:
        self._id = f"r{number % 10000}"
        self._net = f"10.{20 + number // 250 % 200}.{number % 250}"
        self.folder = Path(tempfile.mkdtemp(prefix="rn-", dir="/tmp"))
        self.address, self.dashboard = f"{self._net}.1:6379", f"http://{self._net}.1:8265"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        run("ip", "link", "add", self._id, "type", "bridge")
        run("ip", "addr", "add", f"{self._net}.1/24", "dev", self._id)
        run("ip", "link", "set", self._id, "up")

    def ip(self, name: str) -> str:
        """The address of a node: ``n2`` has .2."""
        return f"{self._net}.{name.removeprefix('n')}"

    def head(self, cpus: int, **environment: str) -> None:
        """Starts the head, here."""
        how = [
            "--head", "--port=6379", "--dashboard-host=0.0.0.0", "--dashboard-port=8265", "--include-dashboard=true",
            "--ray-client-server-port=10001", f"--temp-dir={self.folder}",
        ]  # fmt: skip
        self._start("n1", [], how, cpus, environment)

    def add(self, name: str, cpus: int, prefix: tuple[str, ...] = (), **environment: str) -> None:
        """Adds a node, ``n2`` to ``n250``, in a namespace of its own.

        Args:
            name: the node's.
            cpus: what it offers.
            prefix: a command that its processes run under, e.g. ``unshare``.
            environment: more variables for its processes.
        """
        space, outside = f"{self._id}{name}", f"{self._id}{name}"
        run("ip", "netns", "add", space)
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", space)
        run("ip", "link", "set", outside, "master", self._id, "up")
        inside = ("ip", "-n", space)
        run(*inside, "addr", "add", f"{self.ip(name)}/24", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "link", "set", "lo", "up")
        hosts = Path("/etc/netns") / space / "hosts"
        hosts.parent.mkdir(parents=True, exist_ok=True)
        hosts.write_text(f"127.0.0.1 localhost\n127.0.1.1 {socket.gethostname()}\n")
        self._start(name, ["ip", "netns", "exec", space, *prefix], [f"--address={self.address}"], cpus, environment)

    def kill(self, name: str) -> None:
        """Kills a node, all of its processes at once, and takes it off the network, as a loss of power does."""
        process = self.processes.pop(name)
        subprocess.run(["ip", "link", "set", f"{self._id}{name}", "down"], capture_output=True)
        pids = [*descendants(process.pid), process.pid]
        for pid in pids:
            kill(pid)
        process.wait(timeout=300)
        self._remove(name)

    def close(self) -> None:
        """Ends every node and removes what was made."""
        for name in reversed(list(self.processes)):
            process = self.processes.pop(name)
            for pid in (*descendants(process.pid), process.pid):
                kill(pid)
            process.wait(timeout=300)
            self._remove(name)
        subprocess.run(["ip", "link", "delete", self._id], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _remove(self, name: str) -> None:
        if name != "n1":
            subprocess.run(["ip", "netns", "delete", f"{self._id}{name}"], capture_output=True)
            subprocess.run(["ip", "link", "delete", f"{self._id}{name}"], capture_output=True)
            shutil.rmtree(Path("/etc/netns") / f"{self._id}{name}", ignore_errors=True)

    def _start(self, name: str, inside: list[str], how: list[str], cpus: int, more: dict[str, str]) -> None:
        command = [
            *inside, str(Path(sys.executable).with_name("ray")), "start", "--block", *how, f"--num-cpus={cpus}",
            "--num-gpus=0", f"--node-ip-address={self.ip(name)}", "--object-store-memory=100000000",
            "--disable-usage-stats",
        ]  # fmt: skip
        environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
        environment |= {"RAY_AUTH_MODE": "disabled", "RAY_worker_maximum_startup_concurrency": "4", **more}
        log = self.folder / f"{name}.log"
        with log.open("w") as out:
            process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, start_new_session=True)
        self.processes[name] = process
        until = time.monotonic() + START_SECONDS
        while "Ray runtime started" not in log.read_text():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"node {name} did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.3)


@contextlib.contextmanager
def nodes() -> Iterator[RayNodes]:
    """Makes an empty cluster, which ends with the context."""
    cluster = RayNodes(os.getpid())
    try:
        yield cluster
    finally:
        cluster.close()
