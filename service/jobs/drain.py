"""``python -m service.jobs.drain``: stops every job of a cluster and waits for its checkpoints, before its nodes go.

For what runs before a container is stopped (``pre_stop``, ``preStop``): a driver and its lanes are in other containers
than who is told to end. With ``--only-wait`` jobs are not stopped but waited for, as a node does whose cluster may or
may not go with it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from dit_core.errors import UserError
from service.jobs.address import client_for, dashboard_url, first_line


def drain(address: str | None, seconds: float, *, stop: bool = True) -> list[str]:
    """Asks every running job to stop and waits until none runs.

    Args:
        address: of the cluster or its dashboard.
        seconds: how long to wait at most.
        stop: whether to ask, or to wait only.

    Returns:
        The ids of the jobs that still run.

    Raises:
        UserError: no cluster answers.
    """
    client = client_for(dashboard_url(address))
    deadline = time.monotonic() + seconds
    asked: set[str] = set()
    while True:
        running = [
            job.submission_id
            for job in client.list_jobs()
            if job.submission_id and job.status.value in ("PENDING", "RUNNING")
        ]
        for name in running:
            if stop and name not in asked:
                asked.add(name)
                client.stop_job(name)
        if not running or time.monotonic() > deadline:
            return running
        time.sleep(1.0)


def main() -> int:
    """Runs the command; a node ends whatever comes of it, so it says what went wrong and no more."""
    parser = argparse.ArgumentParser(prog="python -m service.jobs.drain", description=__doc__)
    parser.add_argument("--address", default=os.environ.get("RAY_ADDRESS"))
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--only-wait", action="store_true")
    given = parser.parse_args()
    try:
        left = drain(given.address, given.seconds, stop=not given.only_wait)
    except (UserError, RuntimeError, OSError) as error:
        print(first_line(error), file=sys.stderr)
        return 1
    if left:
        print(f"after {given.seconds:g} s still running: {', '.join(left)}", file=sys.stderr)
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
