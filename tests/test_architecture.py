"""Imports point one way, heavy packages stay out of the training code's import, and files stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "dit_core": {"search_spaces", "service", "dit_ablate", "ray", "mlflow"},
    "search_spaces": {"service", "dit_ablate", "ray", "mlflow"},
    "service": {"dit_ablate"},
    "dit_ablate": set(),
}
LIGHT = {"torch", "numpy", "pydantic", "safetensors"}
SCORES = LIGHT | {"torchmetrics"}
"""What the modules of metrics, which are imported when a metric is asked for, may import beside the light packages."""


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
    allowed = set(sys.stdlib_module_names) | {"dit_core"}
    wrong = {
        str(path.relative_to(ROOT)): sorted(bad)
        for path in modules("dit_core")
        if (
            bad := imports(path, top_level_only=True)
            - allowed
            - (SCORES if path.is_relative_to(ROOT / "dit_core/metrics") else LIGHT)
        )
    }
    assert not wrong


def statements(tree: ast.AST, *, inside: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Yields every import that runs, those for type checking left out, and whether it is inside a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, inside
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from statements(node, inside=inside or function)


def names_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The modules, or names in modules, that an import brings in."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def graph(package: str) -> dict[str, set[str]]:
    """Module -> the modules of its package that it imports, anywhere in it.

    Importing a module runs its packages first: those count, unless the importer lies in them and they run already.
    """
    paths = {module_name(path): path for path in modules(package)}
    edges: dict[str, set[str]] = {}
    for module, path in paths.items():
        edges[module] = set()
        for node, _ in statements(ast.parse(path.read_text())):
            for name in names_of(node):
                parts = name.split(".")
                run = [found for end in range(1, len(parts) + 1) if (found := ".".join(parts[:end])) in paths]
                edges[module] |= {found for found in run[:-1] if not f"{module}.".startswith(f"{found}.")}
                edges[module] |= set(run[-1:]) - {module}
    return edges


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Returns the groups of modules that import each other, directly or not, each in alphabetical order."""
    reached: dict[str, set[str]] = {}
    for start in edges:
        seen: set[str] = set()
        todo = list(edges[start])
        while todo:
            module = todo.pop()
            if module not in seen:
                seen.add(module)
                todo += edges[module]
        reached[start] = seen
    groups = {tuple(sorted({m} | {o for o in reached[m] if m in reached[o]})) for m in edges if m in reached[m]}
    return [list(group) for group in sorted(groups)]


WITHOUT_CIRCLES = ("dit_core", "search_spaces", "service")
"""Packages no two files of which import each other, however far round."""


@pytest.mark.parametrize("package", WITHOUT_CIRCLES)
def test_no_files_import_each_other(package: str) -> None:
    assert not circles(graph(package))


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": set()}) == [["b", "c"]]
    tree = ast.parse("def f():\n from a.b import c\nif TYPE_CHECKING:\n import d\nif x:\n import e.g")
    assert [(names_of(node), inside) for node, inside in statements(tree)] == [(["a.b.c"], True), (["e.g"], False)]
    edges = graph("dit_core")
    assert "dit_core.checks" in edges["dit_core.config"]
    assert "dit_core.data" in edges["dit_core.training.loop"]  # a function in the package's own file
    assert "dit_core.data" not in edges["dit_core.data.digits"]


OPTIONAL = {"PIL", "scipy", "sklearn", "datasets", "diffusers", "transformers", "torch_fidelity", "torchmetrics"}
"""Packages that take long to import, or need not be there."""
INSIDE = {
    "torch._dynamo": "takes a second, which trials that do not compile need not wait for",
    "scipy.stats": "takes a second, which training need not wait for",
    "fcntl": "POSIX only",
    "dit_core.counting.counted": "PyTorch takes seconds, which a count that is kept need not wait for",
    "torch": "takes seconds, which who only asks what GPUs there are, or plans a study of digits, need not wait for",
    "dit_core.metrics.torchmetrics_base.MetricCollection": "torchmetrics and Matplotlib, for what scores something",
    "dit_core.data.features.Features": "PyTorch takes seconds, which a data set without features need not wait for",
}


def test_dit_core_imports_inside_functions_only_what_is_heavy_or_may_be_absent() -> None:
    found = {
        f"{module_name(path)}:{node.lineno} {name}"
        for path in modules("dit_core")
        for node, inside in statements(ast.parse(path.read_text()))
        for name in names_of(node)
        if inside and name not in INSIDE and name.split(".")[0] not in OPTIONAL
    }
    assert not found


@pytest.mark.slow
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


def test_test_files_have_names_of_their_own() -> None:
    """``make test-fast`` and ``make coverage`` collect all in one call, where pytest tells modules by their names."""
    seen: dict[str, Path] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        assert path.name not in seen, f"{path.relative_to(ROOT)} is called like {seen[path.name].relative_to(ROOT)}"
        seen[path.name] = path
