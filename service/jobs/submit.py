"""Submitting ``dit-ablate run`` as a job: what runs, in which environment, and what travels along."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dit_core.errors import UserError
from dit_core.plugins.bundle import Bundle
from service.jobs.address import client_for, dashboard_url, first_line, refused
from service.jobs.inside import SUBMITTED_VARIABLE
from service.jobs.job import Job
from service.jobs.luggage import pack, pack_plugins
from service.redact import redacted
from service.user import USER_VARIABLE, user

STOP_WAIT_VARIABLE = "RAY_JOB_STOP_WAIT_TIME_S"
STOP_WAIT_SECONDS = 600
"""How long Ray waits for a job that is asked to stop before it kills it. Ray's own 3 s are too short for a checkpoint;
a job that has written its checkpoints ends at once, so that a long wait costs nothing."""
AGENT_SECONDS = 60.0
"""How long a cluster that has just started may take until it has an agent that runs jobs."""


def submit(
    arguments: Sequence[str],
    *,
    address: str | None,
    study_file: Path | None,
    own_plugins: Sequence[Bundle] = (),
    added_plugins: Sequence[Bundle] = (),
    study: str,
    again: str,
    environment: Mapping[str, str] | None = None,
) -> Job:
    """Submits ``dit-ablate run`` with the given arguments; its output is on the cluster, see ``Job.logs``.

    Args:
        arguments: what comes after ``dit-ablate run``; the study file by its bare name. Everybody who may use the
            cluster can read them.
        address: the cluster's dashboard (``http://head:8265``) or its own address (``head:6379``).
        study_file: travels with the job, and the Python files beside it; None for what the cluster has.
        own_plugins: the plugins that its file names; they travel, too.
        added_plugins: those of the command line, see ``service.jobs.luggage.packed_plugin``.
        study: the study's name, for the job's name and metadata.
        again: the command that a person types to submit the study again, without an address.
        environment: variables of the job.

    Raises:
        UserError: nothing, or something else, answers there.
    """
    url = dashboard_url(address)
    entrypoint = shlex.join(["dit-ablate", "run", *arguments])
    person = user()
    variables = {
        # on a cluster that runs the same environment without having activated it, the command is found all the same
        "PATH": f"${{PATH}}:{Path(sys.executable).parent}",
        STOP_WAIT_VARIABLE: os.environ.get(STOP_WAIT_VARIABLE, str(STOP_WAIT_SECONDS)),
        SUBMITTED_VARIABLE: f"{again} --address {shlex.quote(redacted(url))}",
        USER_VARIABLE: person,
        **(environment or {}),
    }
    runtime_env: dict[str, Any] = {"env_vars": variables}
    notes: tuple[str, ...] = ()
    with tempfile.TemporaryDirectory() as scratch:
        if study_file is not None:
            notes = (pack(study_file, Path(scratch)).sentence(study_file.name),)
        pack_plugins(own_plugins, added_plugins, study_file, Path(scratch))
        if os.listdir(scratch):
            runtime_env["working_dir"] = scratch
        from ray.exceptions import AuthenticationError

        try:
            job = submit_patiently(
                client_for(url),
                entrypoint=entrypoint,
                runtime_env=runtime_env,
                submission_id=job_name(person, study),
                metadata={"study": study, "user": person},
            )
        except AuthenticationError:
            raise refused(url) from None
        except (RuntimeError, OSError) as error:  # requests' own ConnectionError is an OSError only
            raise UserError(f"address: {redacted(url)} did not take the job ({first_line(error)})") from None
    return Job(job, url, entrypoint, notes)


def submit_patiently(client: Any, **what: Any) -> str:
    """Submits a job, and returns its id; a cluster that has just started is asked again.

    Args:
        client: Ray's client of the cluster.
        what: what its ``submit_job`` takes.

    Raises:
        RuntimeError: the cluster does not take it.
    """
    until = time.monotonic() + AGENT_SECONDS
    while True:
        try:
            return str(client.submit_job(**what))
        except RuntimeError as error:
            if "No available agent" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(1.0)


def job_name(person: str, study: str) -> str:
    """Returns a new job's id, which tells an operator whose it is and what it does."""
    plain = [re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:40].strip("-.") or "x" for text in (person, study)]
    return f"{plain[0]}-{plain[1]}-{secrets.token_hex(4)}"
