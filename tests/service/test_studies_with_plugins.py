"""Studies with code from outside: trust, what preview says of changed code, records that need no code, and luggage."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from page import write_files
from tiny_study import TINY, dit_ablate, write_study

from dit_ablate import Client
from dit_core.errors import UserError
from dit_core.parts import BLOCKS
from dit_core.plugins.active import deactivate
from dit_core.plugins.bundle import read_bundle
from service.jobs.luggage import pack_plugins, packed_plugin
from service.trust import Untrusted

BLOCK = """
from pathlib import Path
from dit_core.model.blocks.adaln import AdaLNBlock
from dit_core.parts import BLOCKS, BlockEntry

Path(__file__).with_name("was-run").touch()

class Mine(AdaLNBlock):
    pass

BLOCKS.add("mine", BlockEntry("my_block:Mine"))
"""


@pytest.fixture(autouse=True)
def _put_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "cache"))
    yield
    deactivate()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "my_block.py").write_text(BLOCK)
    ablations = [{"axis": "block", "values": ["adaln", "mine"]}]
    return write_study(tmp_path, plugins=["my_block.py"], ablations=ablations, seeds=[0], rungs=[], policy="none")


@pytest.mark.slow
def test_a_study_of_one_own_block_from_the_first_look_to_changed_code(study: Path, tmp_path: Path) -> None:
    store, ran = tmp_path / "store", tmp_path / "was-run"

    # nobody has said yes: it is read, and not run
    planned = dit_ablate("plan", study, "--store", store, "--json")
    assert planned.exit_code == 0, planned.output
    notes = json.loads(planned.stdout)["notes"]
    assert any("1 arm (block=mine) uses it" in note for note in notes) and any("only read" in note for note in notes)
    refused = dit_ablate("run", study, "--store", store, "--executor", "local")
    assert refused.exit_code == 2 and "registers the block 'mine'" in refused.stderr and "--trust" in refused.stderr
    assert not ran.exists() and not store.exists()

    first = dit_ablate("run", study, "--store", store, "--executor", "local", "--trust", "--json")
    assert first.exit_code == 0 and ran.exists(), first.output
    before = {trial["arm"]: trial["train_id"] for trial in json.loads(first.stdout)["trials"]}

    # the code changes: it has to be trusted anew, preview says what trains again, and nothing else does
    (tmp_path / "my_block.py").write_text(BLOCK + "# changed\n")
    planned = dit_ablate("plan", study, "--store", store, "--json")
    told = json.loads(planned.stdout)
    assert any("has changed since this study was last run" in note for note in told["notes"]), told["notes"]
    assert {arm["name"]: arm["held"] for arm in told["arms"]} == {"baseline": 1, "block=adaln": 1, "block=mine": 0}
    assert told["segments"] == 1
    assert dit_ablate("run", study, "--store", store, "--executor", "local").exit_code == 2
    changed = dit_ablate("run", study, "--store", store, "--executor", "local", "--trust", "--json")
    after = {trial["arm"]: trial["train_id"] for trial in json.loads(changed.stdout)["trials"]}
    assert {arm for arm in after if after[arm] != before[arm]} == {"block=mine"}

    # records need no code: on another machine, without the file, nothing is run
    deactivate()
    (tmp_path / "my_block.py").unlink()
    ran.unlink()
    environment = {"DIT_ABLATE_CACHE": str(tmp_path / "other-cache")}
    status = dit_ablate("status", "tiny", "--store", store, "--json", env=environment)
    assert status.exit_code == 0, status.output
    rows = {trial["arm"]: trial["status"] for trial in json.loads(status.stdout)["trials"]}
    assert rows == {"baseline": "completed", "block=adaln": "completed", "block=mine": "completed"}
    assert not ran.exists()

    # the study as it was recorded runs by its name, with the source that the store has; here the yes is remembered
    deactivate()
    named = dit_ablate("run", "tiny", "--store", store, "--executor", "local", "--json")
    assert named.exit_code == 0 and ran.exists(), named.output
    assert {trial["arm"]: trial["train_id"] for trial in json.loads(named.stdout)["trials"]} == after


def test_a_plugin_of_the_command_line_may_run_and_works_with_a_preset(tmp_path: Path) -> None:
    (tmp_path / "my_block.py").write_text(BLOCK)
    overrides = [f"--set={name}={value}" for name, value in {**TINY, "block": "mine"}.items()]
    given = ("plan", "dit-digits", "--plugin", tmp_path / "my_block.py", "--store", tmp_path / "store", *overrides)
    planned = dit_ablate(*given, "--json")
    assert planned.exit_code == 0, planned.output
    assert (tmp_path / "was-run").exists() and "mine" in BLOCKS
    plain = dit_ablate("plan", "dit-digits", "--store", tmp_path / "store", "--set", "block=mine")
    assert plain.exit_code == 2 and "unknown" in plain.stderr and "mine" not in BLOCKS, "another study has none of it"


@pytest.mark.slow
def test_python_says_yes_by_an_argument(study: Path, tmp_path: Path) -> None:
    client = Client(store=tmp_path / "store")
    with pytest.raises(Untrusted) as error:
        client.start(study)
    assert isinstance(error.value, UserError) and error.value.bundles[0].name == "my_block.py"
    session = client.start(study, trust=True)
    client.plan("dit-digits")
    assert "mine" not in BLOCKS
    result = session.run(executor="local")
    assert result.done, "a session has its own plugins, whatever was opened since"


def test_a_broken_block_is_one_sentence_before_the_first_trial(study: Path, tmp_path: Path) -> None:
    (tmp_path / "my_block.py").write_text(BLOCK.replace("    pass", "    def forward(self): return 1"))
    refused = dit_ablate("run", study, "--store", tmp_path / "store", "--executor", "local", "--trust")
    assert refused.exit_code == 2 and "the block 'mine' of my_block.py cannot be built and run" in refused.stderr
    assert not (tmp_path / "store").exists()


def test_plugins_travel_with_a_job(study: Path, tmp_path: Path) -> None:
    bundle = read_bundle(str(tmp_path / "my_block.py"))
    folder = tmp_path / "job"
    folder.mkdir()
    pack_plugins([bundle], [bundle], study, folder)
    assert (folder / "my_block.py").read_text() == BLOCK == (folder / packed_plugin(0, bundle)).read_text()
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(UserError, match="does not lie beside or below the study's file"):
        pack_plugins([bundle], [], inner / "study.yaml", folder)


@pytest.mark.slow
def test_the_page_on_extending_conforms(tmp_path: Path) -> None:
    names = write_files("extending.md", tmp_path)
    assert {"my_blocks.py", "my_metric.py", "my_policy.py", "mine.yaml", "test_mine.py"} == set(names)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "5 passed" in done.stdout, done.stdout + done.stderr
