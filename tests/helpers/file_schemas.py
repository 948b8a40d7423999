"""The published schemas of compose and KubeRay files, and YAML as those tools read it."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

SCHEMAS: dict[str, Any] = json.loads(
    lzma.decompress((Path(__file__).parents[1] / "data" / "schemas.json.xz").read_bytes())
)


class _Loader(yaml.SafeLoader):
    """Knows compose's ``!reset`` and ``!override``, which say how files are merged."""


for _tag in ("!reset", "!override"):
    _Loader.add_constructor(_tag, lambda loader, node: _value(loader, node))


def _value(loader: Any, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


def read(path: Path) -> dict[str, Any]:
    """Reads a YAML file."""
    found: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)
    return found


def kuberay_errors(document: dict[str, Any]) -> list[str]:
    """What the custom resource's definition would refuse, unknown fields included."""
    root = {**_closed(SCHEMAS["kuberay"]), "$ref": f"#/{document['kind']}"}
    return _errors(root, document)


def compose_errors(document: dict[str, Any]) -> list[str]:
    """What the compose schema refuses."""
    return _errors(SCHEMAS["compose"], document)


def _errors(schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    found: Iterator[Any] = jsonschema.Draft202012Validator(schema).iter_errors(document)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in found]


def _closed(node: Any) -> Any:
    """Kubernetes drops fields that it does not know; here they are errors."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _closed(value) for key, value in node.items()}
    open_ended = node.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in node
    if isinstance(node.get("properties"), dict) and node.get("type") == "object" and not open_ended:
        made["additionalProperties"] = False
    return made
