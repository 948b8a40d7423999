"""A checkpoint is verified piece by piece exactly as the training verifies it, whatever is wrong with it."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import pytest
import torch

from dit_core.training.checkpoint import CorruptCheckpoint, checksum, read, write
from service.verify import checkpoints
from service.verify.checkpoints import check

TYPES = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.int64,
    torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
)  # fmt: skip


def tensors() -> dict[str, torch.Tensor]:
    shapes = ((), (0,), (3,), (2, 5), (1, 2, 3))
    made = {
        f"part {index}.{kind}": torch.arange(torch.Size(shape).numel()).reshape(shape).to(kind)
        for index, shape in enumerate(shapes)
        for kind in TYPES
    }
    return {**made, "größe": torch.ones(300_000)}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("checkpoint") / "000000000064.safetensors"
    write(found, tensors(), 64)
    return found


def test_the_checksum_is_the_one_of_the_training(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = path.read_bytes()
    assert check(io.BytesIO(data), 64) == checkpoints.Checked(None, checksum(tensors(), 64), len(data))
    monkeypatch.setattr(checkpoints, "_PIECE", 7)
    assert check(io.BytesIO(data), 64).problem is None
    assert check(io.BytesIO(data), 32).problem == "it says that it is of 64 images"


def test_every_flipped_bit_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    small = tmp_path / "small.safetensors"
    write(small, {"a": torch.arange(12.0).reshape(3, 4), "b": torch.tensor(7)}, 64)
    data = small.read_bytes()
    accepted = []
    for bit in random.Random(0).sample(range(8 * len(data)), 700):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        if check(io.BytesIO(bytes(flipped)), 64).problem is None:
            accepted.append(bit)
            small.write_bytes(bytes(flipped))
            try:
                found = read(small, 64)
            except CorruptCheckpoint:
                continue  # the training is the stricter of the two: it trains again, and nothing false is used
            assert checksum(found, 64) == check(io.BytesIO(data), 64).sha256
    assert len(accepted) < 7, "hardly a bit is of no account"


def test_whatever_else_is_wrong_is_a_sentence(path: Path) -> None:
    data = path.read_bytes()
    header = int.from_bytes(data[:8], "little")
    others = {
        "empty": b"",
        "torn": data[: len(data) // 2],
        "longer": data + b"0",
        "only a length": data[:8],
        "a huge header": b"\xff" * 8 + data[8:],
        "no JSON": data[:8] + b"x" * header + data[8 + header :],
        "a list": (2).to_bytes(8, "little") + b"[]",
        "nothing in it": (2).to_bytes(8, "little") + b"{}",
        "nested": (100_000).to_bytes(8, "little") + b"[" * 100_000,
    }
    for name, changes in (
        ("overlap", {"data_offsets": [0, 4]}),
        ("no type", {"dtype": "X9"}),
        ("no shape", {"shape": 3}),
    ):
        entries = json.loads(data[8 : 8 + header])
        entries[next(key for key in entries if key != "__metadata__")].update(changes)
        text = json.dumps(entries).encode()
        others[name] = len(text).to_bytes(8, "little") + text + data[8 + header :]
    for name, content in others.items():
        assert check(io.BytesIO(content), 64).problem, name
