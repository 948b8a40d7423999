"""The server as agents reach it: over standard input and output as a process, and over HTTP with its token."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import yaml
from mcp import Client as McpClient
from mcp import MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from tiny_study import study_data

from dit_core.errors import UserError
from service.agents.caps import Caps
from service.agents.desk import Desk
from service.agents.http import http_server, listening, token_of_environment
from service.agents.launch import TOKEN_VARIABLE
from service.agents.plan import Plan
from service.agents.refusals import Refused
from service.agents.server import STUDIES, server_of
from service.client import Client

TOKEN = "a-token-of-a-test-1234"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agents") / "store"


@pytest.fixture(scope="module")
def started(store: Path) -> dict[str, Any]:
    """A study that was started through a server that is gone."""
    arguments = ["-m", "service", "mcp", "--executor", "local", "--max-device-hours", "1", "--max-lanes", "1"]
    server = StdioServerParameters(
        command=sys.executable, args=[*arguments, "--store", str(store)], env=dict(os.environ), cwd=Path.cwd()
    )

    async def main() -> dict[str, Any]:
        async with McpClient(server) as client:
            plan = {"text": yaml.safe_dump(study_data())}
            result = await client.call_tool("start_study", {"plan": plan})
            assert not result.is_error and result.structured_content is not None, result
            again = await client.call_tool("start_study", {"plan": plan})
            assert again.is_error and again.structured_content is not None
            assert again.structured_content["code"] == "running"
            return result.structured_content

    return anyio.run(main)


@pytest.mark.slow
def test_a_plan_in_a_finished_study_out_and_a_verdict_read(store: Path, started: dict[str, Any]) -> None:
    assert started["study"] == "tiny" and started["check"]["answer"] == "compiled"
    assert 0 < started["max_device_hours"] <= 1 and "resources.lanes=1" in started["command"]

    async def main() -> None:
        async with McpClient(server_of(Desk(Client(store=store), Caps(), "local"))) as client:

            async def ask(tool: str) -> dict[str, Any]:
                result = await client.call_tool(tool, {"study": "tiny"})
                assert not result.is_error and result.structured_content is not None, result
                return result.structured_content

            until = time.monotonic() + 300
            while not (status := await ask("study_status"))["done"] or status["process"]:
                assert status["process"] and time.monotonic() < until, status
                await anyio.sleep(0.5)
            assert status["state"] == "done" and len(status["trials"]) == 6 and len(status["arms"]) == 3
            assert len(status["stops"]) == 1 and "--set resources.lanes=1" in status["resume_command"]

            verdicts = await ask("study_verdicts")
            own = Client(store=store).status("tiny").verdicts.to_json()
            assert [found["status"] for found in verdicts["contrasts"]] == [c["status"] for c in own["contrasts"]]
            measured = next(found for found in verdicts["contrasts"] if found["difference"] is not None)
            assert measured["low"] <= measured["difference"] <= measured["high"] and 0 <= measured["p"] <= 1

            report = await ask("study_report")
            assert "tiny" in report["markdown"][:400] and Path(report["files"]["html"]).is_file()
            read = await client.read_resource(f"{STUDIES}/tiny/report")
            assert read.contents[0].text == report["markdown"]
            grid = await client.read_resource(f"{STUDIES}/tiny/grids/patch_size%3D4/0")
            assert grid.contents[0].mime_type == "image/png" and grid.contents[0].blob.startswith("iVBOR")
            with pytest.raises(MCPError, match="did you mean 'patch_size="):
                await client.read_resource(f"{STUDIES}/tiny/grids/patch_size%3D3/0")
            listed = await client.read_resource(STUDIES)
            assert '"study":"tiny","state":"done","started_by_agent":true' in listed.contents[0].text
            stopped = await ask("stop_study")
            assert stopped["stopping"] is False and "nothing to stop" in stopped["message"]

    anyio.run(main)
    people = Desk(Client(store=store), Caps(), "local", work=store.parent / "elsewhere")  # no handle is known there
    for refused in (
        lambda: people.stop("tiny"),
        lambda: people.start(Plan(text=yaml.safe_dump(study_data(seeds=[0])))),
    ):
        with pytest.raises(Refused) as error:
            refused()
        assert error.value.code == "not_yours"


def test_http_is_for_whoever_has_the_token_and_not_for_web_pages(tmp_path: Path) -> None:
    listener = listening(0)
    server = http_server(Desk(Client(store=tmp_path / "store"), Caps(read_only=True), "local"), listener, TOKEN)
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    serving.start()
    host, port = listener.getsockname()
    url = f"http://{host}:{port}/mcp"
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    try:
        assert host == "127.0.0.1"
        with pytest.raises(UserError, match=f"--port: cannot listen on 127.0.0.1:{port}"):
            listening(port)
        for headers, code in (
            ({}, 401),
            ({"Authorization": "Bearer another-token-12345"}, 401),
            ({**bearer, "Host": "evil.example:80"}, 421),
            ({**bearer, "Origin": "http://evil.example"}, 403),
        ):
            accepts = {"Accept": "application/json, text/event-stream", **headers}
            assert httpx2.post(url, json=ask, headers=accepts).status_code == code, headers

        async def main() -> list[str]:
            async with (
                httpx2.AsyncClient(headers=bearer) as http,
                McpClient(streamable_http_client(url, http_client=http)) as client,
            ):
                return [tool.name for tool in (await client.list_tools()).tools]

        assert "study_verdicts" in anyio.run(main)
    finally:
        server.should_exit = True
        serving.join(timeout=30)
    assert not serving.is_alive()


def test_a_token_comes_from_the_environment_or_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    made, other = token_of_environment(), token_of_environment()
    assert made[1] and len(made[0]) >= 32 and made != other
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert token_of_environment() == (TOKEN, False)
    for wrong in ("", "short", "with spaces in the token"):
        monkeypatch.setenv(TOKEN_VARIABLE, wrong)
        with pytest.raises(UserError, match=TOKEN_VARIABLE):
            token_of_environment()
