"""No password, token or key reaches a record, MLflow, a report or a terminal: canaries are looked for everywhere."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_study import write_study

from service.records.kinds import DefinitionRecord, Failure, RunRecord
from service.redact import has_secret, redacted

PASSWORD, KEY, TOKEN = "canary-Pa55word-url", "canary/AwsSecretKey/0123456789", "canary-ray-token-abcdef0123456789"
HIDDEN = "***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"http://ann:{PASSWORD}@host:5000/x", "http://ann:***@host:5000/x"),
        (f"at http://:{PASSWORD}@host, again", "at http://:***@host, again"),
        (f"postgresql+psycopg2://ann:{PASSWORD}/@x@db/m", "postgresql+psycopg2://ann:***@db/m"),
        (f"https://{TOKEN}@host/x", "https://***@host/x"),
        (f"http://host/x?a=1&sslpassword={PASSWORD}&b=2", "http://host/x?a=1&sslpassword=***&b=2"),
        (f"s3://b?X-Amz-Signature={PASSWORD}", "s3://b?X-Amz-Signature=***"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer ***"),
        ("http://ann@host:5000/a", "http://ann@host:5000/a"),
        ("sqlite:////store/mlflow.db", "sqlite:////store/mlflow.db"),
        ("Bearer of news; token of mine", "Bearer of news; token of mine"),
    ],
)
def test_what_is_hidden_in_text(text: str, shown: str) -> None:
    assert redacted(text) == shown == redacted(shown)
    assert has_secret(text) == (text != shown)


def test_values_of_secret_variables_are_hidden_wherever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/home/ann/.ray/auth_token")
    said = f"denied for {KEY} and {TOKEN}: false, /home/ann/.ray/auth_token"
    assert redacted(said) == "denied for *** and ***: false, /home/ann/.ray/auth_token"


def test_records_hide_what_comes_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    trace = f'File "x.py", line 1\n  connect("http://ann:{PASSWORD}@h", {KEY!r})'
    failure = Failure(
        trial="t", train_id="i", until=1, attempt=1, given_up=True, outcome="failed", error=trace, traceback=trace
    )
    definition = DefinitionRecord(
        study={}, train_ids={}, source="x", command=f"run --tracking-uri http://a:{PASSWORD}@h"
    )
    run = RunRecord(interrupted=False, failed={"t": trace}, messages=(trace,))
    for record in (failure, definition, run):
        text = record.model_dump_json()
        assert PASSWORD not in text and KEY not in text and HIDDEN in text


@pytest.fixture
def mlflow_server(tmp_path: Path) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}", "--workers=1",
               f"--backend-store-uri=sqlite:///{tmp_path}/server.db", f"--artifacts-destination={tmp_path}/served",
               "--serve-artifacts"]  # fmt: skip
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, env={**os.environ, **quiet}, stdout=log, stderr=log)
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=30).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=300)


@pytest.mark.slow
def test_a_whole_study_keeps_no_secret(tmp_path: Path, mlflow_server: int) -> None:
    """Run, report, status and plan with a password in the tracking URI and keys in the environment; then look."""
    store, work = tmp_path / "store", tmp_path / "work"
    work.mkdir()
    path = write_study(work, seeds=[0], ablations=[{"name": "Patch", "axis": "patch_size", "values": [4]}])
    uri = f"http://ann:{PASSWORD}@127.0.0.1:{mlflow_server}"
    secrets = {"AWS_SECRET_ACCESS_KEY": KEY, "AWS_ACCESS_KEY_ID": "canary-id-000", "RAY_AUTH_TOKEN": TOKEN}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "RAY_", "DIT_"))}
    environment = {**kept, **secrets, "HOME": str(tmp_path / "home"), "COLUMNS": "200"}
    common = [sys.executable, "-m", "service"]
    said = ""
    for words in (
        ["run", str(path), "--executor", "local", "--tracking-uri", uri],
        ["report", "tiny"],
        ["status", "tiny", "--json"],
        ["plan", str(path)],
        ["ui", "--tracking-uri", uri],
    ):
        done = subprocess.run(
            [*common, *words, "--store", str(store)], env=environment, cwd=work, capture_output=True, text=True,
            timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout + done.stderr
    assert '--tracking-uri "$MLFLOW_TRACKING_URI"' in said, "the command says which variable to set"
    canaries = [*secrets.values(), PASSWORD]
    assert not [line for line in said.splitlines() if any(canary in line for canary in canaries)]
    looked = 0
    for file in (item for item in tmp_path.rglob("*") if item.is_file()):
        looked += 1
        data = file.read_bytes()
        assert not [canary for canary in canaries if canary.encode() in data], file
    assert looked > 20 and (tmp_path / "server.db").stat().st_size > 0 and list((tmp_path / "served").rglob("*.html"))
    assert list(store.glob("studies/tiny/definitions/*.json")) and list(store.glob("studies/tiny/report/report.html"))
