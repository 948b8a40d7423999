"""An S3 server as a process of its own: moto's, one request at a time, so that its conditional writes are atomic."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

_SERVE = (
    "import sys; from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app;"
    "from werkzeug.serving import run_simple;"
    "run_simple('127.0.0.1', int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)"
)


def settings(port: int) -> dict[str, str]:
    """The environment that reaches the server."""
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@contextlib.contextmanager
def s3_server(port: int | None = None) -> Iterator[dict[str, str]]:
    """Serves while the block lasts, at a free port or the one given; yields the environment that reaches the server."""
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    command, quiet = [sys.executable, "-c", _SERVE, str(port)], subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
    try:
        until = time.monotonic() + 600
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30):
                break
            assert process.poll() is None and time.monotonic() < until, "the S3 server does not start"
            time.sleep(0.1)
        yield settings(port)
    finally:
        process.terminate()
        process.wait()


def client() -> Any:
    """A client of the server that the environment names."""
    import boto3

    return boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"])
