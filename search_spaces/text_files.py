"""Reading files and YAML strictly: a syntax error has a line number, and a key written twice is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dit_core.errors import UserError


def read_text(path: Path) -> str:
    """Returns a file's text; an unreadable file is one sentence."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


class _Loader(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys silently; this one refuses."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str | int | float | bool):
            raise UserError(f"line {line}: a key must be a word, given {key_node.value!r}")
        if key in seen:
            raise UserError(f"line {line}: {key!r} is given twice (first in line {seen[key]})")
        seen[key] = line
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(text: str, where: str) -> Any:
    """Parses one YAML document into plain data.

    Args:
        text: the document.
        where: what it is, e.g. a file name; opens the error.

    Raises:
        UserError: a syntax error or a repeated key, with its line.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        context = getattr(error, "context", None)
        detail = f"{problem} {context}" if context else problem
        raise UserError(f"{where}: {line}not valid YAML ({detail})") from None


class _Flow(list[Any]):
    """A list written on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes lists of plain values on one line and indents lists under their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


_Dumper.add_representer(
    _Flow, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)


def write_yaml(data: Any) -> str:
    """Returns plain data as YAML, keys in the order given."""
    return yaml.dump(_flow(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _flow(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _flow(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        plain = all(not isinstance(value, dict | list | tuple) for value in data)
        return _Flow(data) if plain else [_flow(value) for value in data]
    return data
