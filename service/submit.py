"""Running a study as a job on a Ray cluster: Ray's job API, with the study file travelling along.

Ray is imported where it is needed: most of what imports this module submits nothing.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from dit_core.errors import UserError

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
PROBE_SECONDS = 5.0
LOOKUP_SECONDS = 15.0
"""How long a cluster's own address may take to be turned into its dashboard's."""


@dataclass(frozen=True)
class Job:
    """A submitted job.

    Attributes:
        id: Ray's submission id.
        address: the dashboard's address.
        entrypoint: what runs on the cluster.
    """

    id: str
    address: str
    entrypoint: str

    def logs(self) -> Iterator[str]:
        """Yields the job's output as it comes, until the job ends."""
        client = _client(self.address)
        stream = client.tail_job_logs(self.id)
        loop = asyncio.new_event_loop()
        try:
            while True:
                try:
                    yield str(loop.run_until_complete(anext(stream)))
                except StopAsyncIteration:
                    return
        finally:
            loop.run_until_complete(stream.aclose())
            loop.close()

    def status(self) -> str:
        """Returns ``PENDING``, ``RUNNING``, ``SUCCEEDED``, ``FAILED`` or ``STOPPED``."""
        return str(_client(self.address).get_job_status(self.id).value)

    def wait(self, timeout: float = float("inf")) -> str:
        """Waits until the job has ended, at most ``timeout`` seconds, and returns its status."""
        deadline = time.monotonic() + timeout
        while (status := self.status()) in ("PENDING", "RUNNING") and time.monotonic() < deadline:
            time.sleep(1.0)
        return status

    def exit_code(self) -> int | None:
        """Returns the exit code of ``dit-ablate run``, None while it runs or when it never started."""
        code = _client(self.address).get_job_info(self.id).driver_exit_code
        return None if code is None else int(code)

    def stop(self) -> None:
        """Asks the job to end."""
        _client(self.address).stop_job(self.id)


def submit(arguments: Sequence[str], *, address: str | None, study_file: Path | None, study: str) -> Job:
    """Submits ``dit-ablate run`` with the given arguments; its output is on the cluster, see ``Job.logs``.

    Args:
        arguments: what comes after ``dit-ablate run``; the study file by its bare name.
        address: the cluster's dashboard (``http://head:8265``) or its own address (``head:6379``).
        study_file: uploaded into the job's working folder; None for a preset.
        study: the study's name, kept in the job's metadata.

    Raises:
        UserError: nothing, or something else, answers there.
    """
    url = dashboard_url(address)
    entrypoint = shlex.join(["dit-ablate", "run", *arguments])
    with tempfile.TemporaryDirectory() as scratch, _quiet_environment(url):
        # on a cluster that runs the same environment without having activated it, the command is found all the same
        runtime_env: dict[str, Any] = {"env_vars": {"PATH": f"${{PATH}}:{Path(sys.executable).parent}"}}
        if study_file is not None:
            shutil.copy(study_file, Path(scratch) / study_file.name)
            runtime_env["working_dir"] = scratch
        from ray.exceptions import AuthenticationError

        try:
            job = _client(url).submit_job(entrypoint=entrypoint, runtime_env=runtime_env, metadata={"study": study})
        except AuthenticationError:
            raise _refused(url) from None
        except (RuntimeError, ConnectionError) as error:
            raise UserError(f"address: {url} did not take the job ({_first_line(error)})") from None
    return Job(str(job), url, entrypoint)


def dashboard_url(address: str | None) -> str:
    """Returns the dashboard's URL of a cluster that has just answered.

    Raises:
        UserError: within some seconds, when nothing or something else answers.
    """
    given = (address or DEFAULT_ADDRESS).rstrip("/")
    if given == "auto":
        given = DEFAULT_ADDRESS
    parts = urlsplit(given if "://" in given else f"//{given}")
    if parts.scheme not in ("", "http", "https"):
        raise UserError(
            f"address: {given} is not an address that takes jobs; give the cluster's dashboard, e.g. http://head:8265"
        )
    try:
        host, port = parts.hostname, parts.port or {"http": 80, "https": 443, "": 8265}[parts.scheme]
    except ValueError:
        host, port = None, 0
    if not host:
        raise UserError(f"address: {given!r} is not host:port; give the cluster's dashboard, e.g. http://head:8265")
    try:
        socket.create_connection((host, port), timeout=PROBE_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"address: nothing answers at {given} ({error.strerror or error}); "
            "start a cluster with `ray start --head`, or give the address of its dashboard"
        ) from None
    url = given if parts.scheme else f"http://{given}"
    if _is_dashboard(url):
        return url
    found = None if parts.scheme else _ask_cluster(given)
    if found is None or not _is_dashboard(found):
        raise UserError(
            f"address: {given} answers, but not as a Ray cluster; give its dashboard, e.g. http://head:8265"
        )
    return found


def _is_dashboard(url: str) -> bool:
    try:
        answer = requests.get(f"{url}/api/version", timeout=PROBE_SECONDS)
        # a dashboard that asks for a token is one, too
        return answer.status_code in (401, 403) or "ray_version" in answer.text
    except requests.exceptions.RequestException:
        return False


def _ask_cluster(address: str) -> str | None:
    """Asks a cluster's head (``host:6379``) where its dashboard is."""
    from ray.dashboard.utils import ray_address_to_api_server_url

    pool = ThreadPoolExecutor(1)
    try:
        return str(pool.submit(ray_address_to_api_server_url, address).result(LOOKUP_SECONDS))
    except Exception:  # whatever Ray raises, and the time-out: it is no cluster that we can use
        return None
    finally:
        pool.shutdown(wait=False)
        _forget_cluster()


def _forget_cluster() -> None:
    """Drops what the lookup leaves behind: a client that ends this process when its cluster goes away."""
    import ray
    from ray.experimental.internal_kv import _internal_kv_reset

    if not ray.is_initialized():
        _internal_kv_reset()


def _client(url: str) -> JobSubmissionClient:
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    with _quiet_environment(url):
        try:
            return JobSubmissionClient(url)
        except AuthenticationError:
            raise _refused(url) from None
        except (RuntimeError, ConnectionError) as error:
            raise UserError(f"address: {url} cannot be used ({_first_line(error)})") from None


def _refused(url: str) -> UserError:
    return UserError(
        f"address: {url} asks for a token and does not know this one; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN (or "
        "RAY_AUTH_TOKEN_PATH) to the cluster's"
    )


@contextmanager
def _quiet_environment(url: str) -> Iterator[None]:
    # Ray lets RAY_ADDRESS override the address it is given; RAY_API_SERVER_ADDRESS comes before it
    name = "RAY_API_SERVER_ADDRESS"
    before = os.environ.get(name)
    os.environ[name] = url
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
