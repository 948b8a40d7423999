"""Starts a study as ``dit-ablate run`` in a process of its own, which goes on when the server ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

TOKEN_VARIABLE = "DIT_ABLATE_MCP_TOKEN"
"""Where the server's token may stand; a run has no use for it."""


def now() -> datetime:
    """Returns the time, UTC."""
    return datetime.now(UTC)


def launch(arguments: Sequence[str], log: Path, tracking_uri: str | None) -> subprocess.Popen[bytes]:
    """Starts a command of ``dit-ablate``, its output in a file, and does not wait for it.

    Args:
        arguments: what comes after ``dit-ablate``.
        log: the file; its folder is made.
        tracking_uri: MLflow's address, which may hold a password and so is no argument; None for the default.

    Raises:
        OSError: the file cannot be written.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
    if tracking_uri is not None:
        environment["MLFLOW_TRACKING_URI"] = tracking_uri
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "service", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
