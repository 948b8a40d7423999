"""Submitting to a cluster that answers, but has nobody yet who runs jobs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import ray

from dit_core.errors import UserError
from service.jobs import submit
from service.jobs.address import client_for

TOO_EARLY = "No available agent to submit job, please try again later."


class Dashboard(BaseHTTPRequestHandler):
    """Answers as a dashboard does; the jobs that it is given are answered from ``refusals`` first."""

    refusals: list[str]

    def do_GET(self) -> None:
        self._answer(200, json.dumps({"version": "4", "ray_version": ray.__version__, "ray_commit": "x"}))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.refusals:
            self._answer(500, self.refusals.pop(0))
        else:
            self._answer(200, json.dumps({"job_id": "mine", "submission_id": "mine"}))

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dashboard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Hasty(Dashboard):
    """Closes the connection in which a job comes, without an answer."""

    def do_POST(self) -> None:
        self.close_connection = True

    do_PUT = do_POST


def test_a_connection_that_is_lost_while_the_job_is_sent_is_one_sentence() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hasty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(UserError, match=r"^address: http://127\.0\.0\.1:\d+ did not take the job \("):
            submit.submit(
                ["dit-digits"], address=f"http://127.0.0.1:{server.server_port}", study_file=None, study="digits",
                again="dit-ablate submit dit-digits",
            )  # fmt: skip
        server.shutdown()


def test_a_cluster_that_has_just_started_is_asked_again(address: str) -> None:
    Dashboard.refusals = [TOO_EARLY]
    assert submit.submit_patiently(client_for(address), entrypoint="true") == "mine"
    assert Dashboard.refusals == []


def test_patience_ends_and_other_refusals_are_final(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Dashboard.refusals = ["the working directory is gone", TOO_EARLY]
    with pytest.raises(RuntimeError, match="the working directory is gone"):
        submit.submit_patiently(client_for(address), entrypoint="true")
    monkeypatch.setattr(submit, "AGENT_SECONDS", -1.0)
    with pytest.raises(RuntimeError, match="No available agent"):
        submit.submit_patiently(client_for(address), entrypoint="true")
