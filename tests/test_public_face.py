"""``import dit_ablate`` has what it says, and takes no longer than it must."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import dit_ablate

ROOT = Path(__file__).parent.parent


def test_every_public_name_is_there_and_says_where_it_comes_from() -> None:
    assert dit_ablate.__version__ == version("dit-ablate")
    assert set(dit_ablate._FROM) | {"__version__"} == set(dit_ablate.__all__) == set(dir(dit_ablate))
    for name, module in dit_ablate._FROM.items():
        assert getattr(dit_ablate, name).__module__ == module


@pytest.mark.slow
def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, dit_ablate;"
        "heavy = {'torch', 'numpy', 'pydantic', 'ray', 'mlflow', 'pandas'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


def test_every_package_says_that_it_is_typed() -> None:
    assert all((ROOT / name / "py.typed").exists() for name in ("dit_ablate", "dit_core", "search_spaces", "service"))
