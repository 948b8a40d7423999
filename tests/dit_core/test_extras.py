"""Packages that a study may not need: without them everything else works, and what needs one says which extra."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.errors import UserError
from dit_core.extras import EXTRAS
from dit_core.metrics.features.dinov2 import load_dinov2
from dit_core.parts import METRICS

ROOT = Path(__file__).parent.parent.parent
METRICS.get("fid")  # imports torchmetrics, which looks for such packages when it is imported
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_extras_are_those_of_the_project_and_no_part_of_its_core() -> None:
    extras = PROJECT["optional-dependencies"]
    core = {re.split(r"[\[<>=]", text)[0] for text in PROJECT["dependencies"]}
    assert {"torch", "ray", "diffusers", "torchmetrics", "mlflow", "pydantic"} <= core
    for package, extra in EXTRAS.items():
        name = package.replace("_", "-")
        assert any(text.startswith(f"{name}>") for text in extras[extra]), package
        assert name not in core


def digits(**evaluation: Any) -> None:
    config = TrialConfig.model_validate({"evaluation": evaluation})
    METRICS.get(config.evaluation.metrics[0]).check(config, load_dataset(config.data))


def rows() -> None:
    load_dataset(TrialConfig.model_validate({"data": {"name": "huggingface", "path": "someone/rows"}}).data)


@pytest.mark.parametrize(
    ("package", "use", "sentence"),
    [
        ("torch_fidelity", lambda: digits(metrics=["fid"], num_samples=2049, allow_few_samples=True),
         "evaluation.metrics: fid needs torch_fidelity, which is not installed; install it with pip install "
         "'dit-ablate[metrics]'"),
        ("transformers", lambda: digits(metrics=["fd_dinov2"]),
         "evaluation.metrics: fd_dinov2 needs transformers, which is not installed; install it with pip install "
         "'dit-ablate[metrics]'"),
        ("datasets", rows,
         "data.name: huggingface needs datasets, which is not installed; install it with pip install "
         "'dit-ablate[huggingface]'"),
    ],
)  # fmt: skip
def test_what_needs_a_missing_package_says_which_extra(
    package: str, use: Any, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_dinov2.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError) as raised:
        use()
    assert str(raised.value) == sentence


@pytest.mark.slow
def test_a_trial_on_digits_needs_none_of_them(tmp_path: Path) -> None:
    code = f"""
import importlib.abc, importlib.metadata, sys
HIDDEN = {sorted({*EXTRAS, "torchvision", "psycopg2", "flask_wtf"})!r}
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
installed = importlib.metadata.version
def version(name):
    if name.replace("-", "_") in HIDDEN:
        raise importlib.metadata.PackageNotFoundError(name)
    return installed(name)
importlib.metadata.version = version
import service.cli, service.client
from pathlib import Path
from small_trials import tiny
from dit_core.evaluation import check
from dit_core.data import load_dataset
from dit_core.training.loop import run
check(tiny(), load_dataset(tiny().data))
print([type(event).__name__ for event in run(tiny(), Path({str(tmp_path)!r}), until=320)][-1])
"""
    environment = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/helpers'}",
        "PATH": "",
        "DIT_ABLATE_CACHE": str(tmp_path / "c"),
    }
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["Evaluated"]
