"""What a run knows of the Ray job it is in: how it is submitted again, and how it ends without having failed."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

SUBMITTED_VARIABLE = "DIT_ABLATE_SUBMITTED"
"""The command that submitted the run; a command of the cluster would not work where a person reads the output."""
_JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"
_STOPPED_WITHIN_SECONDS = 20.0


def submitted_command() -> str | None:
    """Returns the command that submits this run again, None when ``dit-ablate submit`` did not start it."""
    return os.environ.get(SUBMITTED_VARIABLE) or None


def submission_id() -> str | None:
    """Returns the id of the Ray job that this process is the driver of, None outside of jobs."""
    try:
        return str(json.loads(os.environ[_JOB_CONFIG])["metadata"]["job_submission_id"])
    except (KeyError, TypeError, ValueError):
        return None


def in_working_folder(path: Path) -> bool:
    """Whether a path lies in the folder that was uploaded for a job, which Ray throws away."""
    return "working_dir_files" in path.parts


def mark_stopped() -> None:
    """Has Ray call this process's job STOPPED, which is how a job ends that was asked to and did as asked.

    Ray knows no exit code but 0 for what has not failed, and an operator, or Kubernetes, repeats what has failed.
    Ray answers with a signal, which ends this process; without an answer it goes on and ends as it would have.
    """
    job = submission_id()
    address = os.environ.get("RAY_ADDRESS")
    if job is None or not address:
        return
    from dit_core.errors import UserError
    from service.jobs.address import client_for, dashboard_url

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        client_for(dashboard_url(address)).stop_job(job)
    except (UserError, RuntimeError, OSError):
        return
    time.sleep(_STOPPED_WITHIN_SECONDS)
