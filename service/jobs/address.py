"""Where a cluster takes jobs: its dashboard, found from whatever address a person has, and a client for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from dit_core.errors import UserError
from service.reach import reach
from service.redact import redacted

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
PROBE_SECONDS = 5.0
LOOKUP_SECONDS = 15.0
"""How long a cluster's own address may take to be turned into its dashboard's."""


class Refused(UserError):
    """The cluster does not take this client's token."""


def dashboard_url(address: str | None) -> str:
    """Returns the dashboard's URL of a cluster that has just answered.

    Args:
        address: the cluster's dashboard (``http://head:8265``) or its own address (``head:6379``).

    Raises:
        UserError: within some seconds, when nothing or something else answers.
    """
    given = (address or DEFAULT_ADDRESS).rstrip("/")
    if given == "auto":
        given = DEFAULT_ADDRESS
    shown = redacted(given)
    wrong = f"address: {shown!r} is not host:port; give the cluster's dashboard, e.g. http://head:8265"
    try:
        parts = urlsplit(given if "://" in given else f"//{given}")
    except ValueError:  # a bracket that is not closed
        raise UserError(wrong) from None
    if parts.scheme not in ("", "http", "https"):
        raise UserError(
            f"address: {shown} is not an address that takes jobs; give the cluster's dashboard, e.g. http://head:8265"
        )
    try:
        host, port = parts.hostname, parts.port or {"http": 80, "https": 443, "": 8265}[parts.scheme]
    except ValueError:
        host, port = None, 0
    if not host:
        raise UserError(wrong)
    try:
        reach(host, port, PROBE_SECONDS)
    except OSError as error:
        raise UserError(
            f"address: nothing answers at {shown} ({error.strerror or error}); "
            "start a cluster with `ray start --head`, or give the address of its dashboard"
        ) from None
    url = given if parts.scheme else f"http://{given}"
    if _is_dashboard(url):
        return url
    found = None if parts.scheme else _ask_cluster(given)
    if found is None or not _is_dashboard(found):
        raise UserError(
            f"address: {shown} answers, but not as a Ray cluster; give its dashboard, e.g. http://head:8265"
        )
    return found


def client_for(url: str) -> JobSubmissionClient:
    """Returns Ray's client for the jobs of a cluster.

    Raises:
        UserError: the cluster refuses, or what answers cannot be used.
    """
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    with _this_address(url):
        try:
            return JobSubmissionClient(url)
        except AuthenticationError:
            raise refused(url) from None
        except (RuntimeError, ConnectionError) as error:
            raise UserError(f"address: {redacted(url)} cannot be used ({first_line(error)})") from None


def refused(url: str) -> Refused:
    """Returns the error of a cluster that does not take this client's token."""
    return Refused(
        f"address: {redacted(url)} asks for a token and does not know this one; set RAY_AUTH_MODE=token and "
        "RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH) to the cluster's"
    )


def first_line(error: BaseException) -> str:
    """Returns an error's first line, short enough for a sentence."""
    lines = str(error).strip().splitlines()
    return redacted(lines[0][:200]) if lines else type(error).__name__


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


@contextmanager
def _this_address(url: str) -> Iterator[None]:
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
