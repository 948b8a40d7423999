"""Tracking addresses: which are well formed, what a relative one means, and where the default one points. No MLflow."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from dit_core.errors import UserError, nearest
from service.records.store import Store
from service.redact import redacted

DATABASES = {"sqlite": None, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
"""Database schemes that MLflow's tracking store accepts, with their default ports."""

_PASSWORDS = (
    "a port is a number up to 65535, brackets are closed, and in a password # is written %23, / %2F, ? %3F and @ %40"
)


def default_tracking_uri(store: Store) -> str:
    """Returns the address of the SQLite tracking store inside a result store; absolute, as Ray changes directories."""
    return sqlite_address(store.path / "mlflow.db")


def sqlite_address(path: Path) -> str:
    """Returns the address of a SQLite file: what would end its name in an address, or begin an escape, is escaped."""
    return f"sqlite:///{str(path).replace('%', '%25').replace('?', '%3F')}"


def absolute(uri: str) -> str:
    """Returns ``uri`` with a relative SQLite path made absolute, since workers run in other directories."""
    path = sqlite_path(uri)
    return sqlite_address(path.resolve()) if path is not None and uri.startswith("sqlite:") else uri


def sqlite_path(uri: str) -> Path | None:
    """Returns the file of a SQLite address, None for other addresses and for databases in memory."""
    if not uri.startswith("sqlite:///"):
        return None
    text, _, query = uri[len("sqlite:///") :].partition("?")
    in_memory = ":memory:" in text or text.startswith("file:") or "memory" in parse_qs(query).get("mode", ())
    return Path(unquote(text)).expanduser() if text and not in_memory else None


def artifact_location(uri: str) -> str | None:
    """Returns where a new experiment keeps its artifacts: next to a SQLite file, else where the server says."""
    path = sqlite_path(uri)
    return None if path is None else str(path.parent / "mlflow-artifacts")


def scheme_of(uri: str) -> str:
    """Returns the scheme without a database's driver: ``postgresql`` for ``postgresql+psycopg2://...``."""
    return urlsplit(uri).scheme.split("+")[0].lower()


def require_well_formed(uri: str) -> None:
    """Refuses an address that no waiting mends: what is wrong with it can be read in it, or is a folder.

    Raises:
        UserError: in one sentence, what is wrong.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:  # its text would show what it took for a port, which may be a part of a password
        raise UserError(f"tracking_uri: {redacted(uri)!r} is no address; {_PASSWORDS}") from None
    if ":" in parts.netloc and "@" not in parts.netloc and "@" in f"{parts.query}#{parts.fragment}":
        raise UserError(f"tracking_uri: {redacted(uri)!r} is no address; {_PASSWORDS}")
    scheme = scheme_of(uri)
    if scheme in ("http", "https"):
        if not parts.hostname:
            raise UserError(f"tracking_uri: {redacted(uri)} names no host; give for example http://127.0.0.1:5000")
        if port == 0:
            raise UserError(f"tracking_uri: {redacted(uri)} has port 0; allowed: 1 to 65535")
    elif scheme == "sqlite":
        _require_file(uri)
    elif scheme not in DATABASES and scheme != "databricks" and uri != "databricks":
        raise _unsupported(uri, scheme)


def _require_file(uri: str) -> None:
    path = sqlite_path(uri)
    if path is None:
        raise UserError(
            f"tracking_uri: {redacted(uri)!r} names no file; give for example sqlite:////absolute/path/mlflow.db"
        )
    if path.is_dir():
        raise UserError(f"tracking_uri: cannot open the database {uri} ({path} is a folder)")
    for parent in path.parents:
        if parent.exists():
            if not parent.is_dir():
                raise UserError(f"tracking_uri: cannot open the database {uri} ({parent} is a file)")
            return


def _unsupported(uri: str, scheme: str) -> UserError:
    if scheme in ("", "file"):
        return UserError(
            f"tracking_uri: {uri!r} is a folder, and MLflow 3 keeps runs in a database; give for example "
            "sqlite:////absolute/path/mlflow.db or http://127.0.0.1:5000"
        )
    allowed = ["http", "https", *DATABASES, "databricks"]
    guess = nearest(scheme, allowed)
    hint = f"; did you mean {guess!r}?" if guess else ""
    return UserError(
        f"tracking_uri: unknown scheme {scheme!r} in {redacted(uri)!r}; allowed: {', '.join(allowed)}{hint}"
    )
