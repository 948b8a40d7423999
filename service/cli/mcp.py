"""``dit-ablate mcp``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dit_core.errors import UserError
from service.cli.console import err
from service.cli.options import STORE_DEFAULT, StoreOption, TrackingOption
from service.cli.running import Executor

if TYPE_CHECKING:
    from service.agents.desk import Desk


def mcp(
    store: StoreOption = STORE_DEFAULT,
    tracking_uri: TrackingOption = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            help="A cluster's dashboard, where studies are submitted as jobs.  \\[default: run on this machine]",
            show_default=False,
        ),
    ] = None,
    executor: Annotated[
        Executor,
        typer.Option(help="What runs studies; ray: lanes of Ray Train workers. local: one process without Ray."),
    ] = Executor.ray,
    http: Annotated[
        bool, typer.Option("--http", help="Serve HTTP on 127.0.0.1 for whoever has the token, not standard input.")
    ] = False,
    port: Annotated[int, typer.Option("--port", help="Port for --http; 0 takes any free one.")] = 8765,
    max_device_hours: Annotated[
        float | None,
        typer.Option("--max-device-hours", metavar="HOURS", help="Device-hours of all studies together."),
    ] = None,
    max_images: Annotated[
        int | None,
        typer.Option("--max-images", metavar="IMAGES", help="Training images of a study, over all its trainings."),
    ] = None,
    max_lanes: Annotated[int | None, typer.Option("--max-lanes", metavar="LANES", help="Lanes of a study.")] = None,
    data_root: Annotated[
        Path | None,
        typer.Option(
            "--data-root",
            metavar="FOLDER",
            help="Studies may name data and files below this folder.  \\[default: none at all]",
            show_default=False,
        ),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Start, stop and write nothing.")] = False,
    work: Annotated[
        Path | None,
        typer.Option(
            "--work",
            metavar="FOLDER",
            help="Folder for plans, logs and handles.  \\[default: agents in the store]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Let agents run studies: a server of the Model Context Protocol, with caps that they cannot exceed.

    An agent can list axes, check a study, start it, read its status, verdicts and report, and stop what agents have
    started. It cannot delete anything, nor run code that no person has allowed.

    [bold]Examples[/]

    dit-ablate mcp --max-device-hours 2 --max-lanes 1

    dit-ablate mcp --http --port 8765 --read-only
    """
    caps_given = {"--max-device-hours": max_device_hours, "--max-images": max_images, "--max-lanes": max_lanes}
    for option, value in caps_given.items():
        if value is not None and (not math.isfinite(value) or value <= 0):
            raise UserError(f"{option}: {value:g} is no cap; allowed: any number above 0 (--read-only starts nothing)")
    if data_root is not None and not data_root.expanduser().is_dir():
        raise UserError(f"--data-root: {str(data_root)!r} is no folder")
    try:
        import mcp as _installed  # noqa: F401
    except ModuleNotFoundError:
        raise UserError("mcp: the package is not installed; `pip install 'dit-ablate[mcp]'` brings it") from None
    from service.agents.caps import Caps
    from service.agents.desk import Desk
    from service.client import Client

    caps = Caps(
        device_hours=max_device_hours,
        images=max_images,
        lanes=max_lanes,
        data_root=None if data_root is None else data_root.expanduser().resolve(),
        read_only=read_only,
    )
    client = Client(store=store, tracking_uri=tracking_uri, address=address)
    desk = Desk(client, caps, executor.value, None if work is None else work.expanduser().absolute())
    if http:
        _serve_http(desk, port)
    else:
        from service.agents.server import server_of

        server_of(desk).run("stdio")


def _serve_http(desk: Desk, port: int) -> None:
    from service.agents.http import LOOPBACK, http_server, listening, token_of_environment

    token, made_up = token_of_environment()
    listener = listening(port)
    told = f"http://{LOOPBACK}:{listener.getsockname()[1]}/mcp"
    err().print(f"Serving agents on {told}; Ctrl-C ends", soft_wrap=True, markup=False)
    if made_up:
        err().print(f"Token: {token}", soft_wrap=True, markup=False)
    http_server(desk, listener, token).run(sockets=[listener])
