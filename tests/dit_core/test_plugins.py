"""Plugins: what is read, what is imported, what identities hold, and what is wrong with them in one sentence."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.gflops import count
from dit_core.identity import eval_id, train_id
from dit_core.parts import BLOCKS, METRICS, NORMS
from dit_core.plugins import installed
from dit_core.plugins.active import activate, deactivate, declare, in_use, registered_by
from dit_core.plugins.bundle import Bundle, read_bundle
from dit_core.plugins.installed import require_installed
from dit_core.plugins.outside import Outside
from dit_core.registry import NotRun

BLOCK = """
from dit_core.model.blocks.adaln import AdaLNBlock
from dit_core.parts import BLOCKS, BlockEntry
from beside import SCALE

class Mine(AdaLNBlock):
    scale = SCALE

BLOCKS.add("mine", BlockEntry(f"{__name__}:Mine", gated=False))
"""


@pytest.fixture(autouse=True)
def _put_away() -> Iterator[None]:
    yield
    deactivate()
    assert "mine" not in BLOCKS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts_of_mine.py").write_text(BLOCK)
    (tmp_path / "beside.py").write_text("import math\nSCALE = 1\n")
    (tmp_path / "unrelated.py").write_text("raise SystemExit")
    return tmp_path


def write(folder: Path, text: str) -> Bundle:
    (folder / "broken_parts.py").write_text(text)
    return read_bundle("broken_parts.py", folder)


def trial(**model: object) -> TrialConfig:
    return TrialConfig.model_validate({"model": {"hidden_size": 24, "num_heads": 3, "depth": 1, **model}})


def test_a_bundle_is_the_file_and_what_it_imports_from_beside_it(folder: Path) -> None:
    bundle = read_bundle("parts_of_mine.py", folder)
    assert bundle.files == ("beside.py", "parts_of_mine.py")
    (folder / "unrelated.py").write_text("")
    assert read_bundle("parts_of_mine.py", folder) == bundle
    assert Bundle.from_json(bundle.to_json()) == bundle
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    for name in bundle.files:
        (elsewhere / name).write_text((folder / name).read_text())
    assert read_bundle(str(elsewhere / "parts_of_mine.py")).digest == bundle.digest, "where it lies is no part of it"
    (folder / "beside.py").write_text("SCALE = 2\n")
    assert read_bundle("parts_of_mine.py", folder).digest != bundle.digest


def test_a_package_is_read_whole_with_relative_imports(tmp_path: Path) -> None:
    package = tmp_path / "my_package"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("from .blocks import Mine\nfrom dit_core.parts import BLOCKS, BlockEntry\n"
                                         'BLOCKS.add("mine", BlockEntry("my_package.blocks:Mine"))\n')  # fmt: skip
    (package / "blocks.py").write_text(
        "from dit_core.model.blocks.adaln import AdaLNBlock\nfrom .deep import more\nclass Mine(AdaLNBlock): pass\n"
    )
    (package / "deep" / "__init__.py").write_text("")
    (package / "deep" / "more.py").write_text("from .. import __name__ as top\n")
    bundle = read_bundle("my_package", tmp_path)
    assert set(bundle.modules) == {"my_package", "my_package.blocks", "my_package.deep", "my_package.deep.more"}
    activate([bundle])
    assert BLOCKS.get("mine").__module__ == "my_package.blocks"


def test_what_runs_is_what_was_read_and_goes_when_it_is_put_away(folder: Path) -> None:
    bundle = read_bundle("parts_of_mine.py", folder)
    (folder / "parts_of_mine.py").write_text("raise SystemExit")
    activate([bundle])
    assert BLOCKS.get("mine").scale == 1 and registered_by(bundle) == (("block", "mine"),) and in_use() == (bundle,)
    deactivate()
    assert "mine" not in BLOCKS and "parts_of_mine" not in sys.modules and "beside" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("parts_of_mine")


def test_the_digest_is_in_the_identity_of_trials_that_use_the_part_and_of_no_others(folder: Path) -> None:
    plain = trial()
    before = train_id(plain, "data"), eval_id("w", 0, plain, "fid")
    ids = set()
    for scale in (1, 2):
        (folder / "beside.py").write_text(f"SCALE = {scale}\n")
        activate([read_bundle("parts_of_mine.py", folder)])
        assert BLOCKS.get("mine").scale == scale, "the changed module is imported anew"
        assert (train_id(plain, "data"), eval_id("w", 0, plain, "fid")) == before
        ids.add(train_id(trial(block="mine"), "data"))
    assert len(ids) == 2


def test_a_metric_from_outside_is_in_the_identity_of_its_measurements_only(tmp_path: Path) -> None:
    ids, trained = set(), set()
    for comment in ("one", "two"):
        bundle = write(
            tmp_path,
            f"# {comment}\nfrom dit_core.metrics.kid import KID\nfrom dit_core.parts import METRICS, MetricEntry\n"
            "class Other(KID):\n    name = 'other'\n"
            "METRICS.add('other', MetricEntry('broken_parts:Other', description='another'))\n",
        )
        activate([bundle])
        config = TrialConfig.model_validate({"evaluation": {"metrics": ["fid", "other"]}})
        ids.add(eval_id("w", 0, config, "other"))
        trained.add((train_id(config, "data"), eval_id("w", 0, config, "fid")))
    assert len(ids) == 2 and len(trained) == 1
    deactivate()
    assert "other" not in METRICS


def test_reading_tells_names_and_entries_without_running(folder: Path) -> None:
    bundle = write(folder, BLOCK + "\nraise RuntimeError('it was run')\n")
    activate(read=[bundle])
    assert BLOCKS.about("mine").path == "broken_parts:Mine" and registered_by(bundle) == (("block", "mine"),)
    config = trial(block="mine")
    read = train_id(config, "data")
    with pytest.raises(NotRun, match=r"the block 'mine' is code from broken_parts.py, which has not been run here"):
        BLOCKS.get("mine")
    assert count(config.model) == count(trial(block="adaln-zero").model), "the paper's block in its place"
    activate(read=[read_bundle("parts_of_mine.py", folder)])
    activate([read_bundle("parts_of_mine.py", folder)])
    assert train_id(config, "data") != read
    assert count(config.model) != count(trial(block="adaln-zero").model)


def test_declaring_beside_what_is_in_use_changes_nothing_of_it(folder: Path) -> None:
    bundle = read_bundle("parts_of_mine.py", folder)
    activate([bundle])
    declare(bundle)
    (folder / "beside.py").write_text("SCALE = 3\n")
    declare(read_bundle("parts_of_mine.py", folder))
    assert BLOCKS.get("mine").scale == 1 and in_use() == (bundle,)


def test_another_process_gets_the_same(folder: Path) -> None:
    activate([read_bundle("parts_of_mine.py", folder)])
    outside, identity = Outside.here(), train_id(trial(block="mine"), "data")
    deactivate()
    outside.use()
    assert train_id(trial(block="mine"), "data") == identity


ADD = (
    "from dit_core.parts import BLOCKS, BlockEntry, MetricEntry, METRICS, NORMS\nfrom dit_core.registry import Entry\n"
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import nothing_of_the_kind", r"cannot be imported \(ModuleNotFoundError.*broken_parts.py line 1\)"),
        ("1 / 0", r"cannot be imported \(ZeroDivisionError: division by zero, broken_parts.py line 1\)"),
        ("raise SystemExit", "it ends the program"),
        ("x = 1", "broken_parts.py registers nothing"),
        (ADD + "BLOCKS.add('adaln', BlockEntry('a:B'))", "block 'adaln' is registered twice"),
        (ADD + "BLOCKS.add('mine', BlockEntry('broken_parts:Gone'))", "is said to be at 'broken_parts:Gone'"),
        (ADD + "BLOCKS.add('mine', BlockEntry('math:pi'))", "is 3.14.*; a class that extends .*Block is wanted"),
        (ADD + "BLOCKS.add('mine', Entry('math:pi'))", "is registered with Entry; a block needs BlockEntry"),
        (ADD + "NORMS.add('mine', type(NORMS.about('rmsnorm'))('math:pi'))", "is 3.14.*, which cannot be called"),
        (
            ADD + "from dit_core.metrics.base import Metric\nclass M(Metric): name = 'mine'\n"
            "METRICS.add('mine', MetricEntry('broken_parts:M', description=''))",
            "the metric 'mine' does not define add, check, compute, which every metric has",
        ),
        (
            ADD + "from dit_core.metrics.kid import KID\n"
            "METRICS.add('mine', MetricEntry('dit_core.metrics.kid:KID', description=''))",
            "calls itself 'kid'; register it under its own name",
        ),
    ],
)
def test_what_is_wrong_with_a_plugin_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, text: str, sentence: str
) -> None:
    before = BLOCKS.names(), METRICS.names(), NORMS.names()
    with pytest.raises(UserError, match=sentence) as error:
        activate([write(tmp_path, text)])
    assert str(error.value).startswith("plugins: broken_parts.py") and "\n" not in str(error.value)
    assert (BLOCKS.names(), METRICS.names(), NORMS.names()) == before and in_use() == ()


def test_what_is_no_plugin_is_said_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("")
    (tmp_path / "torch.py").write_text("x = 1")
    (tmp_path / "half.py").write_text("def f(:\n")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder").mkdir()
    for given, sentence in {
        "gone.py": "no such plugin at",
        "notes.txt": "not a name that Python can import",
        "json.py": "'json' is the name of another package",
        "half.py": "half.py, line 1 is no Python",
        "folder": "a package has an __init__.py",
    }.items():
        with pytest.raises(UserError, match=sentence):
            read_bundle(given, tmp_path)
    with pytest.raises(UserError, match="brings a module 'torch', and another module of that name is in use"):
        activate([read_bundle("torch.py", tmp_path)])
    assert importlib.import_module("torch").__version__


def test_a_broken_network_is_one_sentence(tmp_path: Path) -> None:
    bundle = write(
        tmp_path,
        ADD + "from dit_core.model.blocks.base import Block\nclass Mine(Block):\n"
        "    def forward(self, *given):\n        raise RuntimeError('shapes do not fit')\n"
        "BLOCKS.add('mine', BlockEntry('broken_parts:Mine'))",
    )
    activate([bundle])
    with pytest.raises(UserError, match=r"the block 'mine' of broken_parts.py cannot be built and run \(RuntimeError"):
        count(trial(block="mine").model)


def test_an_installed_package_registers_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "my_parts-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-parts\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[dit_ablate.plugins]\nmine = parts_of_mine\n")
    (tmp_path / "parts_of_mine.py").write_text(BLOCK.replace("from beside import SCALE", "SCALE = 1"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(installed, "_loaded", {})
    activate()
    try:
        assert BLOCKS.get("mine").scale == 1 and BLOCKS.about("mine").source == "my-parts==1.2"
        activate()
        require_installed({"parts_of_mine": "my-parts==1.2"})
        with pytest.raises(UserError, match=r"is my-parts==1.3 where the study was started, and my-parts==1.2 on a"):
            require_installed({"parts_of_mine": "my-parts==1.3"})
        (info / "direct_url.json").write_text('{"url": "file:///x", "dir_info": {"editable": true}}')
        installed._loaded.pop("parts_of_mine").withdraw()
        del sys.modules["parts_of_mine"]
        activate()
        source = BLOCKS.about("mine").source
        assert source is not None and source.startswith("my-parts==1.2+"), "its source counts while it is being edited"
    finally:
        installed._loaded.pop("parts_of_mine").withdraw()
        sys.modules.pop("parts_of_mine", None)
