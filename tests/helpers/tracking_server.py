"""A tracking server as a cluster has it, of real processes: MLflow before PostgreSQL, artifacts in S3 through it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

POSTGRES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
ACCOUNT = "postgres"
BUCKET = "mlflow"


def why_not() -> str | None:
    """Why PostgreSQL cannot run here, None where it can."""
    if POSTGRES is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        return "PostgreSQL refuses to run as root, and there is no setpriv to run it as another account"
    return None


class Tracking:
    """The three servers, each of which can be killed and started again.

    Args:
        folder: for logs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Path(tempfile.mkdtemp(prefix="dit-pg-"))  # the database's account must reach it
        self.postgres_port, self.s3_port, self.port = _free_ports(3)
        self.uri = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        s3 = f"http://127.0.0.1:{self.s3_port}"
        self.environment = {
            **os.environ,
            "MLFLOW_S3_ENDPOINT_URL": s3,
            "AWS_ENDPOINT_URL": s3,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_BACKEND_STORE_URI": f"postgresql+psycopg2://mlflow@127.0.0.1:{self.postgres_port}/mlflow",
        }

    def start(self) -> None:
        """Makes the database and the bucket, and starts everything."""
        if os.getuid() == 0:
            shutil.chown(self.home, ACCOUNT, ACCOUNT)
        data = self.home / "data"
        command = self._as_postgres("initdb", "-D", data, "-U", "mlflow", "--auth=trust", "--no-sync")
        subprocess.run(command, check=True, capture_output=True, cwd="/")
        self.start_postgres()
        made = subprocess.run(
            [str(POSTGRES) + "/createdb", "-h", "127.0.0.1", "-p", str(self.postgres_port), "-U", "mlflow", "mlflow"],
            capture_output=True,
        )
        assert made.returncode == 0, made.stderr
        self._run("s3", [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.s3_port)])
        self._wait("s3", lambda: socket.create_connection(("127.0.0.1", self.s3_port), 30).close())
        self.s3().create_bucket(Bucket=BUCKET)
        self.start_mlflow()

    def start_postgres(self) -> None:
        """Starts PostgreSQL, after a kill with its recovery."""
        data, port = self.home / "data", str(self.postgres_port)
        options = ("-D", data, "-p", port, "-k", self.home, "-c", "listen_addresses=127.0.0.1")
        self._run("postgres", self._as_postgres("postgres", *options), folder=self.home)
        ready = [str(POSTGRES) + "/pg_isready", "-h", "127.0.0.1", "-p", port]
        self._wait("postgres", lambda: subprocess.run(ready, check=True, capture_output=True))

    def start_mlflow(self) -> None:
        """Starts the tracking server."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        self._run("mlflow", [*command, "--workers", "1", "--artifacts-destination", f"s3://{BUCKET}"])
        self._wait("mlflow", lambda: urllib.request.urlopen(f"{self.uri}/health", timeout=60).close())

    def kill(self, name: str) -> None:
        """Kills a server, and everything that it has started, at once."""
        process = self.processes.pop(name)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(300)
        if name == "postgres":
            time.sleep(0.5)  # its children notice that it is gone

    def stop(self) -> None:
        """Ends everything."""
        for name in list(self.processes):
            self.kill(name)
        shutil.rmtree(self.home, ignore_errors=True)

    def rows(self) -> Counter[tuple[str, str, int]]:
        """(run's name, metric, step) -> how often the database has it, of the runs that are not deleted."""
        import psycopg2

        with psycopg2.connect(host="127.0.0.1", port=self.postgres_port, user="mlflow", dbname="mlflow") as opened:
            cursor = opened.cursor()
            cursor.execute(
                "select r.name, m.key, m.step from metrics m join runs r using (run_uuid) "
                "where r.lifecycle_stage = 'active'"
            )
            return Counter(cursor.fetchall())

    def s3(self) -> Any:
        """A client of the artifacts' S3."""
        import boto3

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.s3_port}", **keys)

    def _as_postgres(self, program: str, *arguments: object) -> list[str]:
        account = ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups"] if os.getuid() == 0 else []
        return [*account, f"{POSTGRES}/{program}", *map(str, arguments)]

    def _run(self, name: str, command: Sequence[str], folder: Path | None = None) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, stdout=log, stderr=log, env=self.environment, start_new_session=True, cwd=folder or self.folder
            )

    def _wait(self, name: str, ready: Callable[[], object]) -> None:
        deadline = time.monotonic() + 600
        while True:
            try:
                ready()
                return
            except (OSError, subprocess.CalledProcessError):
                if self.processes[name].poll() is not None or time.monotonic() > deadline:
                    log = (self.folder / f"{name}.log").read_text()[-2000:]
                    self.stop()
                    raise AssertionError(f"{name} did not start: {log}") from None
                time.sleep(0.2)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for opened in sockets:
        opened.bind(("127.0.0.1", 0))
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports
