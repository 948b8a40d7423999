"""A plugin's source: one module or package, and what it imports from beside it, as text."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dit_core.errors import UserError
from dit_core.paths import expanded

OURS = frozenset({"dit_core", "search_spaces", "service", "dit_ablate"})
MOST_BYTES = 2 * 1024**2
MOST_MODULES = 200


@dataclass(frozen=True)
class Module:
    """One module of a plugin.

    Attributes:
        file: its file, relative to the plugin's folder, with slashes.
        text: its source.
    """

    file: str
    text: str

    @property
    def is_package(self) -> bool:
        """Whether it is a package's ``__init__.py``."""
        return self.file.endswith("__init__.py")


@dataclass(frozen=True)
class Bundle:
    """A plugin as it was read.

    Attributes:
        name: the file's or the folder's name, for people.
        module: the module to import.
        folder: where it lay.
        modules: dotted name -> source, of everything that is imported from beside it as well.
    """

    name: str
    module: str
    folder: str
    modules: Mapping[str, Module]

    @property
    def digest(self) -> str:
        """SHA-256 of the source, as 64 hex digits; where it lay is no part of it."""
        told = {name: [module.file, module.text] for name, module in self.modules.items()}
        text = json.dumps([self.module, told], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def short(self) -> str:
        """The digest as people see it."""
        return self.digest[:12]

    @property
    def path(self) -> Path:
        """The file or folder that it was read from."""
        return Path(self.folder) / self.name

    @property
    def files(self) -> tuple[str, ...]:
        """Its files, relative to its folder."""
        return tuple(sorted(module.file for module in self.modules.values()))

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data; ``from_json`` is the way back."""
        modules = {name: {"file": module.file, "text": module.text} for name, module in self.modules.items()}
        return {"name": self.name, "module": self.module, "folder": self.folder, "modules": modules}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Bundle:
        """Builds a bundle from plain JSON data."""
        modules = {name: Module(**module) for name, module in data["modules"].items()}
        return Bundle(data["name"], data["module"], data["folder"], modules)


def read_bundle(given: str, base: Path | None = None) -> Bundle:
    """Reads a plugin; nothing of it is run.

    Args:
        given: a Python file or a package's folder, as a person wrote it.
        base: the folder that a relative path is meant in; None for the working directory.

    Raises:
        UserError: there is no such file, it is no Python, or it is too large to be a program.
    """
    path = ((base or Path()) / expanded(given, "plugins")).absolute()
    start = path / "__init__.py" if path.is_dir() else path
    if not start.is_file():
        want = "a package has an __init__.py" if path.is_dir() else "give a Python file, or the folder of a package"
        raise UserError(f"plugins: {given}: no such plugin at {start}; {want}")
    module = path.name if path.is_dir() else path.stem
    if (path.is_file() and path.suffix != ".py") or not module.isidentifier():
        raise UserError(f"plugins: {given}: not a name that Python can import; call it e.g. my_blocks.py")
    if module in OURS or module in sys.stdlib_module_names:
        raise UserError(f"plugins: {given}: {module!r} is the name of another package; call it e.g. my_blocks.py")
    reader = _Reader(path.parent, given)
    reader.take(module)
    if path.is_dir():
        for file in sorted(path.rglob("*.py")):
            parts = file.relative_to(path.parent).with_suffix("").parts
            if all(part.isidentifier() for part in parts):
                reader.take(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return Bundle(path.name, module, str(path.parent), dict(sorted(reader.modules.items())))


class _Reader:
    """Follows imports through the files of one folder."""

    def __init__(self, folder: Path, given: str) -> None:
        self._folder, self._given = folder, given
        self._bytes = 0
        self.modules: dict[str, Module] = {}

    def take(self, name: str) -> None:
        """Reads the module called ``name``, and what it imports, if it lies in the folder."""
        todo = [name]
        while todo:
            name = todo.pop()
            top = name.partition(".")[0]
            if name in self.modules or top in OURS or top in sys.stdlib_module_names:
                continue
            file = self._file(name)
            if file is None:
                continue
            module = Module(file.relative_to(self._folder).as_posix(), self._text(file))
            self.modules[name] = module
            self._bytes += len(module.text)
            if self._bytes > MOST_BYTES or len(self.modules) > MOST_MODULES:
                raise UserError(
                    f"plugins: {self._given}: larger than a plugin may be, {MOST_BYTES // 1024**2} MB and "
                    f"{MOST_MODULES} modules with what it imports from beside it; make it a package that is installed"
                )
            todo += [name.rpartition(".")[0]] if "." in name else []
            todo += _imported(self._tree(module), name, module.is_package)

    def _file(self, name: str) -> Path | None:
        stem = self._folder.joinpath(*name.split("."))
        found = (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))
        return next((file for file in found if file.is_file()), None)

    def _text(self, file: Path) -> str:
        try:
            return file.read_text(encoding="utf-8")  # with the line ends of this machine made \n
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"plugins: {self._given}: cannot read {file} ({error})") from None

    def _tree(self, module: Module) -> ast.Module:
        try:
            return ast.parse(module.text)
        except (SyntaxError, ValueError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            raise UserError(f"plugins: {self._given}: {module.file}{line} is no Python ({error.args[0]})") from None


def _imported(tree: ast.Module, name: str, is_package: bool) -> Iterator[str]:
    """Yields every dotted name that an import may load, wherever in the module it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = name.split(".")
            parts = parts[: len(parts) - node.level + (1 if is_package else 0)] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            if base:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
