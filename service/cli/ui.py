"""``dit-ablate ui``."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dit_core.errors import UserError
from service.cli.browser import open_when_up
from service.cli.console import out
from service.cli.options import STORE_DEFAULT, StoreOption, TrackingOption
from service.redact import redacted

if TYPE_CHECKING:
    from service.mlflow_sync.find_pages import StudyPage

HOST = "127.0.0.1"


def ui(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]",
            help="A study that the store holds.  \\[default: the one that was recorded last]",
            show_default=False,
        ),
    ] = None,
    store: StoreOption = STORE_DEFAULT,
    tracking_uri: TrackingOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 5000,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page, where this terminal has a display.")
    ] = True,
) -> None:
    """Open MLflow's pages on what a store recorded. Ctrl-C ends it.

    The address of a study leads to a prepared view: its trials by arm, with their status, metric, difference to the
    baseline and cost, and charts of them.

    The server listens on 127.0.0.1 only; from another machine use an SSH tunnel.

    [bold]Examples[/]

    dit-ablate ui dit-digits

    dit-ablate ui --port 5001
    """
    from service.client import Client
    from service.mlflow_sync import default_tracking_uri
    from service.mlflow_sync.address import absolute, artifact_location
    from service.mlflow_sync.connection import connect
    from service.mlflow_sync.find_pages import find_pages

    if tracking_uri is not None and tracking_uri.startswith(("http://", "https://")):
        _elsewhere(tracking_uri, study)
        return
    folder = Client(store=store).require_store()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(f"--port: {port} cannot be used ({error.strerror}); give another one") from None
    uri = absolute(tracking_uri or default_tracking_uri(folder))
    # the server would make a missing database in place, where a kill breaks it
    pages = find_pages(connect(uri, folder), study, folder.id)
    server = f"http://{HOST}:{port}"
    out().print(f"MLflow at [bold]{server}[/] in a few seconds; Ctrl-C ends it", soft_wrap=True)
    _say(pages, server)
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
    if browser and pages and out().is_terminal:
        open_when_up(server, f"{server}/{pages[0].page}")
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.terminate()  # a terminal has interrupted the server as well; a plain kill has not
        process.wait()
        code = 0
    raise typer.Exit(1 if code else 0)


def _elsewhere(tracking_uri: str, study: str | None) -> None:
    """Says where to look at an MLflow server that runs already; one that does not answer now is named all the same."""
    from service.mlflow_sync.connection import connect
    from service.mlflow_sync.find_pages import find_pages

    server = redacted(tracking_uri).rstrip("/")
    out().print(f"This study is recorded by an MLflow server; look at [bold]{server}[/]", soft_wrap=True)
    try:
        client = connect(tracking_uri)
    except UserError as error:
        out().print(f"It does not answer now ({error})", soft_wrap=True, markup=False)
        return
    _say(find_pages(client, study), server)


def _say(pages: Sequence[StudyPage], server: str) -> None:
    for page in pages:
        out().print(f"{page.study}: {server}/{page.page}", soft_wrap=True, markup=False)
    if unprepared := [page.study for page in pages if not page.prepared]:
        named = ", ".join(unprepared)
        out().print(f"`dit-ablate sync` prepares a view of {named}", soft_wrap=True, markup=False)
