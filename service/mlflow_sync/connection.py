"""Reaching an MLflow tracking store: fast, and with one sentence when it cannot be reached.

MLflow itself retries an HTTP request for minutes and a database for most of an hour. Every address is
therefore probed first, with a bound in seconds, and MLflow's own retries are shortened (unless the user has set them).
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dit_core.errors import UserError, nearest
from dit_core.files import locked
from service.records.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROBE_SECONDS = 5.0
"""How long an address may take to answer before it counts as unreachable."""

DATABASES = {"sqlite": None, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
"""Database schemes that MLflow's tracking store accepts, with their default ports."""

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}


def configure() -> None:
    """Keeps MLflow quiet and its retries short: no telemetry, no narration. What the user has set stays."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow.store.db.utils", "alembic"):  # they narrate the making of a new database
        logging.getLogger(name).setLevel(logging.WARNING)


def default_tracking_uri(store: Store) -> str:
    """Returns the address of the SQLite database in a store's folder here; absolute, as Ray changes directories."""
    return f"sqlite:///{store.path / 'mlflow.db'}"


def artifact_location(uri: str, store: Store) -> str | None:
    """Returns where a new experiment keeps its artifacts: next to a SQLite file, else where the server says."""
    if not uri.startswith("sqlite:"):
        return None
    database = _sqlite_path(uri)
    return str((database.parent if database else store.path) / "mlflow-artifacts")


def absolute(uri: str) -> str:
    """Returns ``uri`` with a relative SQLite path made absolute, since workers run in other directories."""
    path = _sqlite_path(uri)
    return f"sqlite:///{path.resolve()}" if path is not None and uri.startswith("sqlite:") else uri


def connect(uri: str) -> MlflowClient:
    """Returns a client for a tracking store that has just answered.

    Raises:
        UserError: the address is not one MLflow accepts, or nothing (or something else) answers there.
    """
    configure()
    scheme = urlsplit(uri).scheme.split("+")[0].lower()
    if scheme in ("http", "https"):
        _probe_http(uri)
    elif scheme in DATABASES:
        _probe_database(uri, scheme)
    elif scheme != "databricks" and uri != "databricks":
        raise _unsupported(uri, scheme)

    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    path = _sqlite_path(uri)
    # MLflow makes the tables of a new file, and two processes that do so at once leave a broken one
    alone = locked(path.with_name(f"{path.name}.lock")) if path is not None else contextlib.nullcontext()
    try:
        with alone:
            client = MlflowClient(tracking_uri=uri)
            client.search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise UserError(
            f"tracking_uri: {_shown(uri)} does not work as an MLflow tracking store ({first_line(error)})"
        ) from None
    return client


def first_line(error: BaseException) -> str:
    """Returns an error's first line, short enough for a sentence."""
    lines = str(error).strip().splitlines()
    text = lines[0].strip() if lines else type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def _probe_http(uri: str) -> None:
    import requests

    parts = urlsplit(uri)
    if not parts.hostname:
        raise UserError(f"tracking_uri: {_shown(uri)} names no host; give for example http://127.0.0.1:5000")
    try:
        # any answer will do here: whether it is an MLflow server is asked next, through MLflow itself
        requests.head(uri, timeout=PROBE_SECONDS, allow_redirects=False)
    except requests.exceptions.SSLError as error:
        raise UserError(f"tracking_uri: {_shown(uri)} refuses a secure connection ({first_line(error)})") from None
    except requests.exceptions.Timeout:
        raise UserError(
            f"tracking_uri: {_shown(uri)} does not answer within {PROBE_SECONDS:g} s; is an MLflow server running?"
        ) from None
    except requests.exceptions.RequestException:
        raise UserError(
            f"tracking_uri: nothing answers at {_shown(uri)}; start `mlflow server` there, or leave the address out to "
            "record in the store"
        ) from None


def _probe_database(uri: str, scheme: str) -> None:
    parts = urlsplit(uri)
    port = parts.port or DATABASES[scheme]
    if parts.hostname and port:
        try:
            socket.create_connection((parts.hostname, port), timeout=PROBE_SECONDS).close()
        except OSError as error:
            raise UserError(f"tracking_uri: no database answers at {parts.hostname}:{port} ({error})") from None

    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    path = _sqlite_path(uri)
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        engine = sqlalchemy.create_engine(uri)
        with engine.connect() as connection:
            connection.execute(
                sqlalchemy.text("select count(*) from sqlite_master" if scheme == "sqlite" else "select 1")
            )
        engine.dispose()
    except (SQLAlchemyError, ImportError, OSError) as error:
        reason = first_line(getattr(error, "orig", None) or error)
        raise UserError(f"tracking_uri: cannot open the database {_shown(uri)} ({reason})") from None
    if path is not None and not os.access(path, os.W_OK):
        raise UserError(f"tracking_uri: cannot write to the database {_shown(uri)}")


def _unsupported(uri: str, scheme: str) -> UserError:
    if scheme in ("", "file"):
        return UserError(
            f"tracking_uri: {uri!r} is a folder, and MLflow 3 keeps runs in a database; give for example "
            "sqlite:////absolute/path/mlflow.db or http://127.0.0.1:5000"
        )
    allowed = ["http", "https", *DATABASES, "databricks"]
    guess = nearest(scheme, allowed)
    hint = f"; did you mean {guess!r}?" if guess else ""
    return UserError(f"tracking_uri: unknown scheme {scheme!r} in {_shown(uri)!r}; allowed: {', '.join(allowed)}{hint}")


def _sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite address, or None for other addresses and for in-memory databases."""
    if not uri.startswith("sqlite:///"):
        return None
    text = uri[len("sqlite:///") :].split("?")[0]
    return Path(text).expanduser() if text and text != ":memory:" else None


def _shown(uri: str) -> str:
    """The address without a password."""
    parts = urlsplit(uri)
    return uri.replace(f":{parts.password}@", ":***@") if parts.password else uri
