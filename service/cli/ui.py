"""``dit-ablate ui``."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import Annotated

import typer

from dit_core.errors import UserError
from service.cli.console import out
from service.cli.options import STORE_DEFAULT, StoreOption, TrackingOption
from service.redact import redacted

HOST = "127.0.0.1"


def ui(
    store: StoreOption = STORE_DEFAULT,
    tracking_uri: TrackingOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 5000,
) -> None:
    """Open MLflow's pages on what a store recorded. Ctrl-C ends it.

    The server listens on 127.0.0.1 only; from another machine use an SSH tunnel.

    [bold]Example[/]

    dit-ablate ui --port 5001
    """
    from service.client import Client
    from service.mlflow_sync import default_tracking_uri
    from service.mlflow_sync.address import absolute, artifact_location, scheme_of
    from service.mlflow_sync.connection import connect

    console = out()
    if tracking_uri is not None and tracking_uri.startswith(("http://", "https://")):
        shown = redacted(tracking_uri)
        console.print(f"This study is recorded by an MLflow server; look at [bold]{shown}[/]", soft_wrap=True)
        return
    folder = Client(store=store).require_store()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(f"--port: {port} cannot be used ({error.strerror}); give another one") from None
    uri = absolute(tracking_uri or default_tracking_uri(folder))
    if scheme_of(uri) == "sqlite":
        connect(uri, folder)  # the server would make a missing database in place, where a kill breaks it
    console.print(f"MLflow at [bold]http://{HOST}:{port}[/] in a few seconds; Ctrl-C ends it", soft_wrap=True)
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        HOST,
        "--port",
        str(port),
    ]
    artifacts = artifact_location(uri) or str(folder.path / "mlflow-artifacts")
    command += ["--default-artifact-root", artifacts, "--workers", "1"]
    # the server's job queue serves nothing that a study records, and costs eight processes and half a minute
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    # the address by the environment: every user of this machine can read a command, and a password may be in it
    process = subprocess.Popen(command, env={**quiet, **os.environ, "MLFLOW_BACKEND_STORE_URI": uri})
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.terminate()  # a terminal has interrupted the server as well; a plain kill has not
        process.wait()
        code = 0
    raise typer.Exit(1 if code else 0)
