"""Imports point one way, heavy packages stay out of the training code's import, and files stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "dit_core": {"search_spaces", "service", "ray", "mlflow"},
    "search_spaces": {"service", "ray", "mlflow"},
    "service": set(),
}
LIGHT = {"torch", "numpy", "pydantic", "safetensors"}


def modules(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, f"{package} has no modules"
    return found


def imports(path: Path, *, top_level_only: bool) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_point_one_way(package: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): sorted(bad)
        for path in modules(package)
        if (bad := imports(path, top_level_only=False) & FORBIDDEN[package])
    }
    assert not wrong


def test_dit_core_imports_only_light_packages_at_the_top() -> None:
    allowed = LIGHT | set(sys.stdlib_module_names) | {"dit_core"}
    wrong = {
        str(path.relative_to(ROOT)): sorted(bad)
        for path in modules("dit_core")
        if (bad := imports(path, top_level_only=True) - allowed)
    }
    assert not wrong


def test_the_training_loop_really_imports_without_the_heavy_packages() -> None:
    code = (
        "import sys, dit_core.training.loop, dit_core.gflops;"
        "heavy = {'ray', 'mlflow', 'sklearn', 'diffusers', 'torchmetrics', 'torchvision', 'transformers', 'scipy'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_no_file_is_over_500_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for package in (*FORBIDDEN, "tests", "benchmarks")
        for path in (ROOT / package).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 500
    }
    assert not long
