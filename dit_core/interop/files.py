"""Weights on disk: one file, or a folder as diffusers writes it; found and told apart, not read."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dit_core.errors import UserError
from dit_core.files import file_sha256
from dit_core.paths import expanded

FIELD = "training.initial_weights"
RECORD = "dit_ablate.json"
"""Written beside exported weights: where they come from, and the classes they know."""
SAFE, PICKLED = (".safetensors",), (".pt", ".pth", ".bin", ".ckpt")
_NAME = "diffusion_pytorch_model"


@dataclass(frozen=True)
class WeightFiles:
    """Where the weights of one network lie.

    Attributes:
        path: what was given.
        parts: the files that hold tensors, in a fixed order.
        config: diffusers' ``config.json``; empty for a single file.
        record: what an export of ours wrote beside them; empty otherwise.
    """

    path: Path
    parts: tuple[Path, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    def sha256(self) -> str:
        """Returns the SHA-256 of the files' bytes; remembered as long as path, size and time stay the same."""
        stamps = tuple((part, stat.st_size, stat.st_mtime_ns) for part in self.parts for stat in (part.stat(),))
        if any(time.time() - written / 1e9 < _SETTLED_SECONDS for _, _, written in stamps):
            return _sha256.__wrapped__(stamps)
        return _sha256(stamps)


def find(source: str) -> WeightFiles:
    """Finds the weights at ``source``: a file, a diffusers folder, or the folder of a pipeline with one.

    Raises:
        UserError: there are none.
    """
    path = expanded(source)
    if path.is_file():
        if path.suffix not in (*SAFE, *PICKLED):
            raise UserError(f"{source} is not a file of weights; allowed: {', '.join((*SAFE, *PICKLED))}")
        return WeightFiles(path, (path,))
    if not path.is_dir():
        raise UserError(f"there is nothing at {source}; give a file of weights or a diffusers folder")
    folder = path / "transformer" if (path / "transformer").is_dir() else path
    config = _json(folder / "config.json")
    return WeightFiles(path, _parts(folder), config, _json(folder / RECORD))


def sha256(source: str, field: str = FIELD) -> str:
    """Returns the SHA-256 of the weights' content; where they lie and what they are called does not matter.

    Args:
        source: a file or folder.
        field: where ``source`` was given, for the error.

    Raises:
        UserError: there are none.
    """
    try:
        return find(source).sha256()
    except UserError as error:
        raise UserError(f"{field}: {error}") from None


def _parts(folder: Path) -> tuple[Path, ...]:
    for suffix in (*SAFE, *PICKLED):
        index = folder / f"{_NAME}{suffix}.index.json"
        if index.is_file():
            named = _json(index).get("weight_map")
            if not isinstance(named, dict) or not all(_is_part(name) for name in named.values()):
                raise UserError(f"{index}: weight_map must map the tensors' names to files of weights beside it")
            names = sorted(set(named.values()))
            absent = [name for name in names if not (folder / name).is_file()]
            if absent or not names:
                raise UserError(f"{index} names files that are not there: {', '.join(absent) or 'none at all'}")
            return tuple(folder / name for name in names)
        if (folder / f"{_NAME}{suffix}").is_file():
            return (folder / f"{_NAME}{suffix}",)
    files = sorted(path for path in folder.iterdir() if path.suffix in (*SAFE, *PICKLED))
    if len(files) == 1:
        return (files[0],)
    held = ", ".join(path.name for path in files[:4]) or "no file of weights"
    raise UserError(f"{folder} holds {held}; give one file, or a diffusers folder with {_NAME}.safetensors")


def _is_part(name: Any) -> bool:
    return isinstance(name, str) and Path(name).name == name and Path(name).suffix in (*SAFE, *PICKLED)


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error})") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    return found if isinstance(found, dict) else {}


_SETTLED_SECONDS = 2.0
"""A file written more recently may be written again within the same tick of its time stamp."""


@functools.lru_cache(maxsize=64)
def _sha256(stamps: tuple[tuple[Path, int, int], ...]) -> str:
    total = hashlib.sha256()
    for path, _, _ in stamps:
        total.update(bytes.fromhex(file_sha256(path)))
    return total.hexdigest()
