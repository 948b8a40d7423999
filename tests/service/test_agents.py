"""What agents may ask for and may not, asked through the package's own client with the server in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml
from mcp import Client as McpClient
from mcp_types import CallToolResult, ListToolsResult
from tiny_study import dit_ablate, overrides, study_data

from dit_core.errors import UserError
from dit_core.plugins.active import deactivate
from service.agents.caps import Caps
from service.agents.desk import Desk
from service.agents.handles import Handle, Handles
from service.agents.server import server_of
from service.client import Client
from service.records.process import process_here

ONE = "### A\n- **Part**: patch size\n- **Options**: 4\n"
ASKED = "### C\n- **Part**: scale\n- **Action**: change\n- **Options**: 1.5\n"
PLUGIN = """
from pathlib import Path
from dit_core.model.blocks.adaln import AdaLNBlock
from dit_core.parts import BLOCKS, BlockEntry

Path(__file__).with_name("was-run").touch()

class Mine(AdaLNBlock):
    pass

BLOCKS.add("mine", BlockEntry("agents_block:Mine"))
"""


def desk(store: Path, **caps: Any) -> Desk:
    return Desk(Client(store=store), Caps(**caps), "local")


def text(**changes: Any) -> str:
    return yaml.safe_dump(study_data(**changes))


def call(of: Desk, tool: str, **arguments: Any) -> CallToolResult:
    async def main() -> CallToolResult:
        async with McpClient(server_of(of)) as client:
            return await client.call_tool(tool, arguments)

    return anyio.run(main)


def check(of: Desk, **plan: Any) -> dict[str, Any]:
    result = call(of, "check_study", plan=plan)
    assert not result.is_error and result.structured_content is not None, result
    return result.structured_content


def test_every_tool_has_typed_and_versioned_answers_and_none_destroys(tmp_path: Path) -> None:
    async def main(of: Desk) -> ListToolsResult:
        async with McpClient(server_of(of)) as client:
            return await client.list_tools()

    tools = {tool.name: tool for tool in anyio.run(main, desk(tmp_path / "store")).tools}
    assert set(tools) == {
        "list_axes", "check_study", "start_study", "list_studies", "study_status", "study_verdicts", "study_report",
        "stop_study",
    }  # fmt: skip
    for tool in tools.values():
        assert tool.output_schema is not None and tool.output_schema["properties"]["schema_version"]["const"] == 1
        assert tool.annotations is not None and tool.annotations.destructive_hint is False
    assert not (tmp_path / "store").exists()  # looking makes nothing

    fewer = {tool.name for tool in anyio.run(main, desk(tmp_path / "store", read_only=True)).tools}
    assert set(tools) - fewer == {"start_study", "stop_study"}


def test_axes_are_those_of_the_command_line(tmp_path: Path) -> None:
    answer = call(desk(tmp_path / "store"), "list_axes", profile="paper").structured_content
    assert answer is not None and answer["profile"] == "paper"
    patch = next(axis for axis in answer["axes"] if axis["name"] == "patch_size")
    assert {"2", "4", "8"} <= set(patch["values"]) and patch["group"] and patch["citation"]


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "said"),
    [
        ("list_axes", {"profile": "digts"}, "mistake", "did you mean 'digits'"),
        ("study_status", {"study": "tiny"}, "mistake", "there is none at"),
        ("check_study", {"plan": {}}, "invalid_arguments", "give text, the study itself, or study"),
        ("check_study", {"plan": {"text": "x", "nme": "y"}}, "invalid_arguments", "did you mean 'name'?"),
        ("check_study", {}, "invalid_arguments", "plan: required and missing"),
        ("delete_study", {}, "invalid_arguments", "delete_study"),
        ("start_study", {"plan": {"study": "/etc/passwd"}}, "mistake", "neither a preset nor a study in the store"),
    ],
)
def test_an_error_is_a_code_and_a_sentence(
    tool: str, arguments: dict[str, Any], code: str, said: str, tmp_path: Path
) -> None:
    result = call(desk(tmp_path / "store"), tool, **arguments)
    assert result.is_error and result.structured_content is not None
    assert result.structured_content["code"] == code
    message = result.structured_content["message"]
    assert said in message and "\n" not in message and "Traceback" not in message


def test_a_check_says_compiled_asked_or_refused(tmp_path: Path) -> None:
    of = desk(tmp_path / "store")
    compiled = check(of, text=text())
    assert compiled["answer"] == "compiled" and compiled["blocker"] is None and compiled["study"] == "tiny"
    assert [arm["name"] for arm in compiled["arms"]] == ["baseline", "patch_size=4", "patch_size=8"]
    hours = compiled["cost"]["device_hours"]
    assert 0 < hours["low"] <= hours["middle"] <= hours["high"]
    assert "With 2 seeds" in compiled["smallest_difference"]

    asked = check(of, text=ONE + ASKED, form="markdown", name="my-plan")
    assert asked["answer"] == "asked" and asked["code"] == "incomplete" and asked["study"] == "my-plan-digits"
    assert "guidance_scale" in asked["questions"][0]["candidates"] and "/" not in asked["blocker"].split(":")[0]
    taken = check(of, text=ONE + ASKED, form="markdown", name="my-plan", accept_guesses=True)
    assert taken["answer"] == "compiled" and len(taken["guesses"]) == 1

    refused = check(of, text=text(ablations=[{"axis": "patch_sise"}]), name="s")
    assert refused["answer"] == "refused" and refused["code"] == "mistake" and "patch_size" in refused["blocker"]
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("caps", "settings", "said"),
    [
        ({"images": 700}, {}, ("768 images", "cap of 700")),
        ({"lanes": 1}, {"resources.lanes": 2}, ("2 given", "cap of 1 lanes")),
        ({"lanes": 1}, {"resources": {"lanes": 3}}, ("3 given", "cap of 1 lanes")),
        ({"device_hours": 1e-9}, {}, ("estimated at", "cap of 1e-09 device-hours")),
    ],
)
def test_a_study_above_a_cap_is_refused_with_the_number_and_the_cap(
    caps: dict[str, Any], settings: dict[str, Any], said: tuple[str, ...], tmp_path: Path
) -> None:
    of = desk(tmp_path / "store", **caps)
    refused = check(of, text=text(), settings=settings)
    assert refused["answer"] == "refused" and refused["code"] == "above_cap"
    assert all(part in refused["blocker"] for part in said), refused["blocker"]
    started = call(of, "start_study", plan={"text": text(), "settings": settings})
    assert started.is_error and started.structured_content is not None
    assert started.structured_content["code"] == "above_cap" and not (tmp_path / "store").exists()


def test_what_runs_holds_its_part_of_the_one_cap(tmp_path: Path) -> None:
    of = Desk(Client(store=tmp_path / "store"), Caps(device_hours=1.0), "local", tmp_path / "work")
    assert check(of, text=text())["answer"] == "compiled"
    other = Handle(
        study="other", command="", log="", started="", process=process_here(os.getpid()), hours=1.0, before=0.0
    )
    Handles(tmp_path / "work" / "started").keep(other)
    refused = check(of, text=text())
    assert refused["code"] == "above_cap" and "of which 0 are left" in refused["blocker"]
    Handles(tmp_path / "work" / "started").keep(other.model_copy(update={"process": None}))  # it has ended
    assert check(of, text=text())["answer"] == "compiled"


def test_a_study_reads_files_below_the_data_root_only(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside.pt"
    root.mkdir()
    outside.write_bytes(b"")
    (root / "link.pt").symlink_to(outside)
    for path, caps in (
        (outside, {}),
        (outside, {"data_root": root}),
        (root / ".." / "outside.pt", {"data_root": root}),
        (root / "link.pt", {"data_root": root}),
    ):
        given = text(baseline=overrides(training__initial_weights=str(path)))
        refused = check(desk(tmp_path / "store", **caps), text=given)
        assert refused["answer"] == "refused" and refused["code"] == "outside_data_root", refused
        assert "training.initial_weights" in refused["blocker"]
    below = text(baseline=overrides(training__initial_weights=str(root / "weights.pt")))
    assert check(desk(tmp_path / "store", data_root=root), text=below)["code"] != "outside_data_root"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "agents_block.py"
    path.write_text(PLUGIN)
    yield path
    deactivate()


@pytest.mark.slow
def test_code_runs_only_when_a_person_has_allowed_it(plugin: Path, tmp_path: Path) -> None:
    of = desk(tmp_path / "store")
    given = text(plugins=[str(plugin)], ablations=[{"axis": "block", "values": ["adaln", "mine"]}])
    refused = check(of, text=given)
    assert refused["answer"] == "refused" and refused["code"] == "untrusted_code"
    assert f"dit-ablate plan dit-digits --plugin {plugin}" in refused["blocker"]
    assert not (tmp_path / "was-run").exists()
    assert call(of, "start_study", plan={"text": given}).is_error and not (tmp_path / "was-run").exists()

    assert dit_ablate("plan", "dit-digits", "--plugin", plugin, "--store", tmp_path / "none").exit_code == 0
    assert check(of, text=given)["answer"] == "compiled"
    plugin.write_text(PLUGIN + "\nX = 1\n")  # another digest
    assert check(of, text=given)["code"] == "untrusted_code"


def test_a_server_that_only_reads_starts_and_stops_nothing(tmp_path: Path) -> None:
    of = desk(tmp_path / "store", read_only=True)
    result = call(of, "start_study", plan={"text": text()})
    assert result.is_error and not (tmp_path / "store").exists()
    for refused in (lambda: of.stop("tiny"), lambda: of.report("tiny")):
        with pytest.raises(UserError):
            refused()


def test_without_the_package_one_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mcp", None)
    done = dit_ablate("mcp", "--store", tmp_path / "store")
    assert done.exit_code == 2 and "dit-ablate[mcp]" in done.stderr and len(done.stderr.splitlines()) == 1
    for option in ("--max-device-hours", "--max-images", "--max-lanes"):
        done = dit_ablate("mcp", option, "0")
        assert done.exit_code == 2 and f"{option}: 0 is no cap" in done.stderr
