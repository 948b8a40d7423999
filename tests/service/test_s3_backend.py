"""Keys in a bucket: whose writes win, what is found, what a fetched file is worth, and what is said when S3 fails."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from s3_server import client, s3_server

from dit_core.errors import UserError
from service.records.place import S3Place
from service.records.s3 import S3Backend
from service.records.store import Store

pytestmark = pytest.mark.slow

WRITERS, KEYS = 16, 4


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, s3_server() as environment:
        for name, value in environment.items():
            patch.setenv(name, value)
        client().create_bucket(Bucket="studies")
        yield "studies"


@pytest.fixture
def backend(bucket: str) -> S3Backend:
    return S3Backend(S3Place(bucket, f"team/{uuid.uuid4().hex}"))


def test_keys_are_put_once_and_written_often(backend: S3Backend) -> None:
    assert backend.get("a/b.json") is None and backend.list("a/") == []
    assert backend.put("a/b.json", b"first") and not backend.put("a/b.json", b"second")
    assert backend.get("a/b.json") == b"first"
    backend.write("a/b.json", b"third")
    backend.write("a/c/d.json", b"")
    backend.write("a/.hidden", b"")
    assert backend.get("a/b.json") == b"third" and backend.get("a/c/d.json") == b""
    assert backend.list("a/") == ["a/b.json", "a/c"] and backend.list("") == ["a"]
    for _ in range(2):
        backend.delete("a/b.json")
    assert backend.get("a/b.json") is None


def test_more_keys_than_one_answer_lists(backend: S3Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.records.s3._PAGE", 3)
    for number in range(10):
        backend.write(f"n/{number:04d}", b"")
    assert backend.list("n/") == [f"n/{number:04d}" for number in range(10)]


def write_as(number: int, backend: S3Backend, start: Any, won: Any) -> None:
    start.wait()
    won.put((number, [backend.put(f"claims/{key}", str(number).encode()) for key in range(KEYS)]))


def test_of_many_processes_exactly_one_wins(backend: S3Backend) -> None:
    context = multiprocessing.get_context("fork")  # sixteen imports of boto3 take a minute; no connection is open yet
    start, won = context.Barrier(WRITERS), context.Queue()
    writers = [context.Process(target=write_as, args=(n, backend, start, won)) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    results = dict(won.get(timeout=600) for _ in writers)
    for writer in writers:
        writer.join()
    for key in range(KEYS):
        (winner,) = [number for number in range(WRITERS) if results[number][key]]
        assert backend.get(f"claims/{key}") == str(winner).encode()


def test_a_fetched_file_is_the_published_one_or_refused(backend: S3Backend, tmp_path: Path) -> None:
    published, fetched = tmp_path / "published", tmp_path / "cache" / "fetched"
    published.write_bytes(b"weights" * 1000)
    backend.upload("c/1", published)
    assert backend.download("c/1", fetched) == "" and fetched.read_bytes() == published.read_bytes()
    fetched.write_bytes(b"torn")
    assert backend.download("c/1", fetched) == "" and fetched.read_bytes() == published.read_bytes()
    client().put_object(
        Bucket=backend.place.bucket, Key=f"{backend.place.prefix}/c/1", Body=b"x", Metadata={"sha256": "0" * 64}
    )
    assert "does not match its SHA-256" in backend.download("c/1", fetched)
    assert fetched.read_bytes() == published.read_bytes(), "what cannot be used replaces nothing"
    assert "is not there any more" in backend.download("c/2", fetched)
    assert [path.name for path in fetched.parent.iterdir()] == ["fetched"]


def test_several_may_fetch_into_one_cache_while_others_tidy_it(backend: S3Backend, tmp_path: Path) -> None:
    published, fetched = tmp_path / "published", tmp_path / "cache" / "fetched"
    published.write_bytes(b"weights" * 100_000)
    backend.upload("c/1", published)
    seen: list[bytes] = []

    def fetch() -> None:
        for _ in range(5):
            assert backend.download("c/1", fetched) == ""
            with contextlib.suppress(FileNotFoundError):
                seen.append(fetched.read_bytes())
            fetched.unlink(missing_ok=True)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {published.read_bytes()} and list(fetched.parent.iterdir()) == []


def test_what_is_wrong_with_a_bucket_is_one_sentence(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^store: cannot read s3://nowhere/x \(there is no bucket 'nowhere' at http"):
        Store.existing("s3://nowhere/x")
    client().put_object(Bucket=bucket, Key="photos/a.png", Body=b"x")
    with pytest.raises(UserError, match="s3://studies/photos is not empty and not a dit-ablate store"):
        Store("s3://studies/photos")
    with pytest.raises(UserError, match="there is none at s3://studies/new"):
        Store("s3://studies/new", create=False)
    assert Store.existing("s3://studies/new") is None
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setattr("service.records.s3._ATTEMPTS", 1)
    with pytest.raises(UserError, match=r"cannot open or make s3://studies/new \(http://127.0.0.1:9: .*127.0.0.1:9"):
        Store("s3://studies/new")


class Unreliable(BaseHTTPRequestHandler):
    """Carries the first PUT of a key out and answers 503; the second finds the object there."""

    kept: dict[str, tuple[bytes, str]]
    heeds = True

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        there = self.path in self.kept
        if there and self.heeds:
            self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            return
        self.kept[self.path] = (data, self.headers["x-amz-meta-writer"])
        self.answer(200 if there else 503, b"")

    def do_HEAD(self) -> None:
        self.answer(200, b"", **{"x-amz-meta-writer": self.kept[self.path][1]})

    def do_GET(self) -> None:
        self.answer(200, b"there")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def unreliable(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Unreliable]]:
    handler = type("Handler", (Unreliable,), {"kept": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    yield handler
    server.shutdown()
    server.server_close()


def test_a_lost_answer_does_not_make_ones_own_object_anothers(unreliable: type[Unreliable]) -> None:
    backend = S3Backend(S3Place("studies", "x"))
    assert backend.put("claims/1", b"mine"), "the first try was carried out, and said to have failed"
    assert not backend.put("claims/1", b"mine"), "another call's"


def test_a_server_that_ignores_conditions_is_refused(unreliable: type[Unreliable]) -> None:
    unreliable.heeds = False
    with pytest.raises(UserError, match=r"^store: the S3 server at http\S+ ignores If-None-Match, without which runs"):
        S3Backend(S3Place("studies", "x")).require_conditions("store.json")
