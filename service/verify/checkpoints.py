"""Whether a checkpoint is whole, found by reading it piece by piece: no tensor is made, and no torch is needed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from dit_core.training.checksum import FORMAT, Checksum
from service.records.store import Store

_PIECE = 1 << 20
_HEADER = 100_000_000
_TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}


@dataclass(frozen=True)
class Checked:
    """What came of reading a checkpoint.

    Attributes:
        problem: what is wrong with it; None when it is whole.
        sha256: what its content comes to, when it is whole.
        bytes: its size.
    """

    problem: str | None
    sha256: str = ""
    bytes: int = 0


def check_key(store: Store, key: str, images: int) -> Checked:
    """Reads the checkpoint under a key of a store; see ``check``."""
    root = getattr(store.records.backend, "root", None)
    try:
        if isinstance(root, Path):
            with (root / key).open("rb") as file:
                return check(file, images)
        return check(io.BytesIO(store.records.backend.get(key) or b""), images)
    except OSError as error:
        return Checked(f"it cannot be read ({error.strerror or error})")


def check(file: BinaryIO, images: int) -> Checked:
    """Reads a checkpoint and compares it with its checksum.

    Args:
        file: the checkpoint, seekable.
        images: training images it must be of.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(_HEADER, size - 8):
        return Checked("it is truncated")
    try:
        header = json.loads(file.read(length))
        metadata = header.pop("__metadata__", None) or {}
        if metadata.get("format") != str(FORMAT):
            return Checked(f"it has format {metadata.get('format', 'none')}, this version reads {FORMAT}")
        if metadata.get("images") != str(images):
            return Checked(f"it says that it is of {metadata.get('images', 'no')} images")
        total = _sum(file, header, images, 8 + length, size)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Checked("its header is unreadable")
    if total != metadata.get("sha256"):
        return Checked("its content does not match its checksum")
    return Checked(None, total, size)


def _sum(file: BinaryIO, header: dict[str, Any], images: int, first: int, size: int) -> str:
    """Returns the checksum of all tensors; the bytes must be theirs without gaps or overlaps, up to the file's end."""
    ends = sorted(tuple(entry["data_offsets"]) for entry in header.values())
    reached = 0
    for start, end in ends:
        if start != reached or end < start:
            raise ValueError("gaps")
        reached = end
    if first + reached != size:
        raise ValueError("not as long as its tensors")
    total = Checksum(images)
    for name in sorted(header):
        entry = header[name]
        shape = tuple(int(number) for number in entry["shape"])
        start, end = entry["data_offsets"]
        total.add(name, f"torch.{_TYPES[entry['dtype']]}", shape, _pieces(file, first + start, end - start))
    return total.hexdigest()


def _pieces(file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    file.seek(start)
    for done in range(0, size, _PIECE):
        yield file.read(min(_PIECE, size - done))
