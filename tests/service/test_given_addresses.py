"""Addresses and folders as people give them: kept as named, or refused in one sentence that shows no secret."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from dit_core.errors import UserError
from service.jobs.address import dashboard_url
from service.mlflow_sync.address import absolute, require_well_formed, sqlite_address, sqlite_path
from service.reach import reach


@pytest.mark.parametrize("name", ["plain", "what?", "50%", "a%3Fb", "x #1", "é", "a&b=c", "a+b", "a@b:c"])
def test_a_database_lies_where_it_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / name / "mlflow.db"
    address = sqlite_address(path)
    assert make_url(address).database == str(path) and sqlite_path(address) == path
    assert absolute(address) == address
    path.parent.mkdir()
    sqlite3.connect(str(make_url(address).database)).execute("create table t (x)").connection.close()
    assert path.is_file()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:p#se-cret@host/db",
        "postgresql://user:12#se-cret@host/db",
        "mysql+pymysql://user:12?se-cret@host/db",
        "postgresql://user:se-cret@host:port/db",
        "postgresql://user:se-cret@host:99999/db",
        "http://user:se-cret@[::1",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?cache=shared",
        "sqlite:///file:x.db?mode=memory&uri=true",
        "sqlite:///x.db?mode=memory",
        "sqlite://",
    ],
)
def test_an_address_that_cannot_work_is_one_sentence_without_its_password(address: str) -> None:
    with pytest.raises(UserError, match=r"^tracking_uri: ") as caught:
        require_well_formed(address)
    said = str(caught.value)
    assert "se-cret" not in said and "p#" not in said and "12" not in said and "\n" not in said


@pytest.mark.parametrize(
    ("host", "port"), [("foo..bar", 6379), (".", 1), ("x" * 80, 6379), ("127.0.0.1", 70000), ("a b", 1)]
)
def test_a_host_or_port_that_cannot_be_does_not_answer(host: str, port: int) -> None:
    with pytest.raises(OSError, match=r".+"):
        reach(host, port, 5)


@pytest.mark.parametrize(
    "address", ["foo..bar:6379", "http://foo..bar", "http://[::1", "[::1", f"{'x' * 80}:8265", "h:99999"]
)
def test_an_address_of_jobs_that_cannot_be(address: str) -> None:
    with pytest.raises(UserError, match=r"^address: ") as caught:
        dashboard_url(address)
    assert "\n" not in str(caught.value)
