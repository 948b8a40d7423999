"""Reaching an MLflow tracking store: within seconds, and with one sentence when it cannot be reached.

MLflow itself retries an HTTP request for minutes and a database for most of an hour. Every address is
therefore probed first, with a bound in seconds, and MLflow's own retries are shortened (unless the user has set them).
"""

from __future__ import annotations

import logging
import os
import sqlite3
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dit_core.errors import UserError
from service.mlflow_sync.address import DATABASES, default_tracking_uri, require_well_formed, scheme_of, sqlite_path
from service.mlflow_sync.database import ensure, lock_of
from service.mlflow_sync.kept_connections import watch
from service.mlflow_sync.ownership import settle
from service.reach import reach
from service.records.envelope import FORMAT
from service.records.store import Store
from service.redact import redacted

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOG = logging.getLogger("service.mlflow_sync")
"""What a person should know of MLflow while a study runs."""

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 20.0
"""How long a connection, and then an answer, may take before an address counts as unreachable."""

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # the address with its password
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}


def configure() -> None:
    """Keeps MLflow quiet and its retries short: no telemetry, no narration. What the user has set stays."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it narrates the making of a new database
    for name in ("mlflow.store.db.utils", "urllib3.connectionpool"):  # traceback and narration of what is told here
        logging.getLogger(name).setLevel(logging.CRITICAL)


def import_mlflow() -> None:
    """Imports MLflow here and now, so that a thread does not import it while another one imports something else."""
    configure()
    import mlflow.store.tracking.sqlalchemy_store
    import mlflow.tracking  # noqa: F401


def connect(uri: str, store: Store | None = None) -> MlflowClient:
    """Returns a client for a tracking store that has just answered.

    A SQLite database that is not there is made. The default one of ``store`` is also brought up to date, made anew when
    it is damaged (which is logged), and made this store's when the store was copied or moved.

    Raises:
        UserError: in one sentence, why nothing can be recorded at this address now.
    """
    configure()
    require_well_formed(uri)
    scheme = scheme_of(uri)
    if scheme in ("http", "https"):
        _probe_http(uri)
    elif scheme == "sqlite":
        _open_file(uri, store)
    elif scheme in DATABASES:
        _probe_database(uri, scheme)

    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        client = MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        if "Invalid Host header" in str(error):
            raise UserError(
                f"tracking_uri: the MLflow server at {redacted(uri)} refuses to be called so; start it with "
                f"--allowed-hosts {urlsplit(uri).netloc.rpartition('@')[2]}"
            ) from None
        raise UserError(
            f"tracking_uri: {redacted(uri)} does not work as an MLflow tracking store ({first_line(error)})"
        ) from None
    return client


def first_line(error: BaseException) -> str:
    """Returns an error's first line, without passwords and short enough for a sentence."""
    lines = str(error).strip().splitlines()
    text = redacted(lines[0].strip()) if lines else type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def _open_file(uri: str, store: Store | None) -> None:
    """Sees to it that a SQLite address leads to a whole database, its own store's where it is the default one."""
    path = sqlite_path(uri)
    assert path is not None  # it is well formed
    # nothing is written into a store of an earlier format
    own = store is not None and store.format == FORMAT and uri == default_tracking_uri(store)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    watch(path)
    try:
        with lock_of(path):
            told = ensure(path, own=own)
            if own and store is not None:
                settle(path, store.id)
    except (sqlite3.Error, OSError, SQLAlchemyError, MlflowException) as error:
        reason = first_line(getattr(error, "orig", None) or error)
        raise UserError(f"tracking_uri: cannot open the database {path} ({reason})") from None
    if told is not None:
        LOG.warning(told)


def _probe_http(uri: str) -> None:
    import requests

    shown = redacted(uri)
    try:
        # any answer will do here: whether it is an MLflow server is asked next, through MLflow itself
        requests.head(uri, timeout=(CONNECT_SECONDS, ANSWER_SECONDS), allow_redirects=False)
    except requests.exceptions.SSLError as error:
        raise UserError(f"tracking_uri: {shown} refuses a secure connection ({first_line(error)})") from None
    except requests.exceptions.ConnectTimeout:
        raise UserError(f"tracking_uri: {shown} does not answer within {CONNECT_SECONDS:g} s") from None
    except requests.exceptions.Timeout:
        raise UserError(
            f"tracking_uri: {shown} does not answer within {ANSWER_SECONDS:g} s; is an MLflow server running?"
        ) from None
    except (requests.exceptions.RequestException, UnicodeError):
        raise UserError(
            f"tracking_uri: nothing answers at {shown}; start `mlflow server` there, or leave the address out to "
            "record in the store"
        ) from None


def _probe_database(uri: str, scheme: str) -> None:
    parts = urlsplit(uri)
    port = parts.port or DATABASES[scheme]
    if parts.hostname and port:
        try:
            reach(parts.hostname, port, CONNECT_SECONDS)
        except OSError as error:
            raise UserError(f"tracking_uri: no database answers at {parts.hostname}:{port} ({error})") from None

    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = sqlalchemy.create_engine(uri)
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("select 1"))
        engine.dispose()
    except (SQLAlchemyError, ImportError, OSError) as error:
        reason = first_line(getattr(error, "orig", None) or error)
        raise UserError(f"tracking_uri: cannot open the database {redacted(uri)} ({reason})") from None
