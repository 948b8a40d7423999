"""Nothing that is read from a store, a download or a person's file runs code: nothing is unpickled."""

from __future__ import annotations

import ast
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_study import dit_ablate, write_study

ROOT = Path(__file__).parent.parent
PACKAGES = ("dit_core", "search_spaces", "service")
FORBIDDEN = {
    "pickle.load", "pickle.loads", "pickle.Unpickler", "cloudpickle.load", "cloudpickle.loads", "dill.load",
    "dill.loads",
    "joblib.load", "marshal.load", "marshal.loads", "shelve.open", "pd.read_pickle", "pandas.read_pickle", "eval",
    "exec",
    "yaml.unsafe_load", "yaml.full_load",
}  # fmt: skip
GUARDED = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield ast.unparse(node.func), node


def wrong(source: str) -> list[str]:
    """The calls in a source that unpickle or run what they read."""
    found = []
    for name, call in calls(ast.parse(source)):
        if name in FORBIDDEN:
            found.append(name)
        if name in GUARDED:
            option, wanted = GUARDED[name]
            given = {item.arg: item.value for item in call.keywords}
            value = given.get(option)
            if not (isinstance(value, ast.Constant) and value.value is wanted):
                found.append(name)
        if name == "yaml.load" and not any(
            item.arg == "Loader" and ast.unparse(item.value) in ("_Loader", "yaml.SafeLoader") for item in call.keywords
        ):
            found.append(name)
    return found


def test_no_code_of_ours_unpickles_or_evaluates() -> None:
    found = {
        str(path.relative_to(ROOT)): bad
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if (bad := wrong(path.read_text()))
    }
    assert not found


def test_what_is_forbidden_is_found() -> None:
    source = "import torch\ntorch.load(p)\ntorch.load(p, weights_only=False)\npickle.loads(b)\nyaml.load(t)\nnp.load(p)"
    assert wrong(source) == ["torch.load", "torch.load", "pickle.loads", "yaml.load", "np.load"]
    assert wrong("torch.load(p, weights_only=True)\nnp.load(p, allow_pickle=False)\nyaml.load(t, Loader=_Loader)") == []


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (Path.write_text, (Path(self.target), "it ran"))  # type: ignore[return-value]

    def __init__(self, target: Path) -> None:
        self.target = str(target)


@pytest.mark.slow
def test_pickles_in_the_place_of_a_stores_files_do_not_run(tmp_path: Path) -> None:
    target, store = tmp_path / "ran", tmp_path / "store"
    path = write_study(tmp_path, seeds=[0], ablations=[{"name": "Patch", "axis": "patch_size", "values": [4]}])
    common = ("--executor", "local", "--store", store)
    assert dit_ablate("run", path, *common).exit_code == 0
    bomb = pickle.dumps(Bomb(target))
    with pytest.raises(FileNotFoundError):
        target.read_text()
    pickle.loads(bomb)
    assert target.read_text() == "it ran", "the bomb is one"
    target.unlink()
    for file in store.rglob("*"):
        if file.is_file() and file.suffix in (".safetensors", ".json", ".png") and file.name != "store.json":
            file.write_bytes(bomb)
    for words in (("status", "tiny"), ("report", "tiny"), ("plan", path), ("run", path, "--executor", "local")):
        dit_ablate(*words, "--store", store)
    weights = tmp_path / "weights.pt"
    weights.write_bytes(bomb)
    refused = dit_ablate("plan", path, "--set", f"training.initial_weights={weights}", "--store", tmp_path / "other")
    assert "weights.pt" in refused.output and "Traceback" not in refused.output
    assert not target.exists()
