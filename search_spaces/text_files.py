"""Reading and writing files and YAML, strictly: a syntax error has a line number, a key written twice is an error."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from dit_core.errors import UserError
from search_spaces.yaml_size import Sized


def read_text(path: Path) -> str:
    """Returns a file's text; an unreadable file is one sentence."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


class _Loader(Sized):
    """YAML as version 1.2 reads it, and strictly.

    PyYAML follows version 1.1, where ``010`` is 8, ``2:08`` is 128, ``off`` is false and ``1e5`` is text, and it
    keeps the last of two equal keys silently; this one refuses them.
    """


_Loader.yaml_implicit_resolvers = {}
_NUMBER_STARTS = list("-+.0123456789")
_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", _NUMBER_STARTS),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
     _NUMBER_STARTS),
    ("merge", r"<<", ["<"]),
)  # fmt: skip
"""What YAML 1.2 takes for something else than text: (tag, pattern, first characters)."""

_TAG = "tag:yaml.org,2002:"


def _whole(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    bases = {"0o": 8, "0x": 16}
    try:
        return int(text, bases.get(text[:2], 10))
    except ValueError:  # thousands of digits, or a tag that says so of something else
        shown = text if len(text) <= 40 else f"{text[:37]}..."
        raise UserError(f"line {node.start_mark.line + 1}: {shown!r} cannot be read as a whole number") from None


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == f"{_TAG}merge":
            continue
        key = loader.construct_object(key_node)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            given = repr(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "a list or a mapping"
            hint = "; a template's {{ name }} is filled in beforehand" if isinstance(key_node, yaml.MappingNode) else ""
            raise UserError(f"line {line}: a key must be a word, given {given}{hint}")
        if key in seen:
            raise UserError(f"line {line}: {key!r} is given twice (first in line {seen[key]})")
        seen[key] = line
    return loader.construct_mapping(node, deep=True)


for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"{_TAG}{_tag}", re.compile(f"(?:{_pattern})$"), _first)
_Loader.add_constructor(f"{_TAG}int", _whole)
_Loader.add_constructor(f"{_TAG}merge", lambda loader, node: str(node.value))  # a merge that is no key: plain text
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _no_plain_data(loader: _Loader, node: yaml.Node) -> None:
    name = node.tag.removeprefix(_TAG)
    raise UserError(f"line {node.start_mark.line + 1}: the tag !!{name} is not read; write a list or a text instead")


for _name in ("set", "omap", "pairs", "binary"):
    _Loader.add_constructor(f"{_TAG}{_name}", _no_plain_data)


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
    except RecursionError:
        raise UserError(f"{where}: nested too deeply") from None
    except (ValueError, TypeError) as error:  # a tag (!!float, !!timestamp) on what it does not fit
        raise UserError(f"{where}: not valid YAML ({error})") from None
    except (AttributeError, LookupError):  # the same, as PyYAML meets it with other tags and values
        raise UserError(
            f"{where}: not valid YAML (a value does not fit its tag, such as !!timestamp or !!bool)"
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        context = getattr(error, "context", None)
        detail = f"{problem} {context}" if context else problem
        raise UserError(f"{where}: {line}not valid YAML ({detail})") from None


def read_value(text: str) -> Any:
    """Reads one value that stands alone, as in ``--set NAME=VALUE``.

    A number, ``true``, ``false``, ``null`` (or nothing), quoted text and a list or mapping in brackets are read as in a
    study file. Everything else is text as it stands: ``#`` opens no comment and ``:`` makes no mapping.

    Raises:
        UserError: quotes or brackets that are opened and not closed.
    """
    bare = text.strip()
    if bare.startswith(("[", "{", "'", '"')):
        try:
            node = yaml.compose(bare, Loader=_Loader)
            if node is not None and node.end_mark.index == len(bare):
                return yaml.load(bare, Loader=_Loader)
        except yaml.YAMLError:
            pass  # said below
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        raise UserError(
            f"{shown!r} does not close, at its end, the {bare[0]} that it opens; text that begins so goes in quotes, "
            f"e.g. {_quoted(shown)}"
        )
    if "\n" not in bare:
        tag = _resolve(bare)
        if tag not in (f"{_TAG}str", f"{_TAG}merge"):
            return yaml.load(bare, Loader=_Loader)
    return text


def write_value(value: Any) -> str:
    """Returns ``value`` as text that ``read_value`` reads as the same."""
    if isinstance(value, str):
        try:
            same = read_value(value) == value
        except UserError:
            same = False
        return value if same else _quoted(value)
    return json.dumps(value, ensure_ascii=False)


def _resolve(text: str) -> str:
    """The tag that unquoted text has."""
    for tag, pattern, _ in _SCALARS:
        if re.fullmatch(pattern, text):
            return f"{_TAG}{tag}"
    return f"{_TAG}str"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class _Flow(list[Any]):
    """A list written on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes lists of plain values on one line and indents lists under their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


for _tag, _pattern, _first in _SCALARS:  # text that the loader would take for something else is quoted
    _Dumper.add_implicit_resolver(f"{_TAG}{_tag}", re.compile(f"(?:{_pattern})$"), _first)
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
