"""Checkpoints come back whole or not at all."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from small_trials import tiny

from dit_core.errors import UserError
from dit_core.files import temporary_path
from dit_core.parts import OPTIMIZERS
from dit_core.training.checkpoint import Checkpoints, CorruptCheckpoint, read, write
from dit_core.training.state import TrainState

CPU = torch.device("cpu")


def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "a": torch.randn(7, 5, generator=generator),
        "scalar": torch.tensor(3.0),
        "half": torch.randn(4, generator=generator).bfloat16(),
        "ints": torch.arange(6),
        "turned": torch.randn(3, 4, generator=generator).T,
    }


def trained(seed: int = 0, steps: int = 2, **sections: dict[str, object]) -> TrainState:
    state = TrainState.fresh(tiny(seed, **sections), CPU)
    for step in range(steps):
        state.model(torch.ones(2, 1, 8, 8), torch.tensor([1, 2]), torch.tensor([3, 4])).square().sum().backward()
        state.optimizer.step()
        state.ema.update(step)
    return state


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_round_trip_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "000000000064.safetensors"
    write(path, tensors(), 64)
    found = read(path, 64)
    assert same(found, tensors())
    assert {name: tensor.dtype for name, tensor in found.items()} == {n: t.dtype for n, t in tensors().items()}
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    write(path, tensors(), 64)
    whole = path.read_bytes()
    for length in {0, 1, 7, 8, 9, *range(0, len(whole), 41), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptCheckpoint, match=r"checkpoint c.safetensors ignored"):
            read(path, 64)


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    write(path, tensors(), 64)
    whole = path.read_bytes()
    chance = random.Random(0)
    for position in range(len(whole)):
        altered = bytearray(whole)
        altered[position] ^= 1 << chance.randrange(8)
        path.write_bytes(altered)
        try:
            found = read(path, 64)
        except CorruptCheckpoint:
            continue
        # the only harmless flips turn one blank of the header's padding into another kind of JSON white space
        assert same(found, tensors())
        assert altered[position] in b" \t\n\r"


def test_appended_bytes_a_missing_file_and_another_name_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    with pytest.raises(CorruptCheckpoint):
        read(path, 64)
    write(path, tensors(), 64)
    with pytest.raises(CorruptCheckpoint, match="does not match its checksum"):
        read(path, 96)
    with path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(CorruptCheckpoint):
        read(path, 64)


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, ("exploded",))


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "000000000064.safetensors"
    path.write_bytes(pickle.dumps(Bomb()))
    images, ignored = Checkpoints(tmp_path).restore(TrainState.fresh(tiny(), CPU), 64)
    assert images == 0
    assert len(ignored) == 1
    assert not (tmp_path / "exploded").exists()


def test_the_whole_state_comes_back(tmp_path: Path) -> None:
    saved, checkpoints = trained(steps=3), Checkpoints(tmp_path)
    checkpoints.save(saved, 96, partial=False)
    loaded = TrainState.fresh(tiny(seed=5), CPU)
    assert not same(loaded.tensors(), saved.tensors())
    assert checkpoints.restore(loaded, 96) == (96, ())
    assert same(loaded.tensors(), saved.tensors())
    for name in ("model.final", "ema.0.9999.final", "optimizer.", "exp_avg_sq"):
        assert any(name in key for key in saved.tensors())
    # and goes on from there, free of the file
    (tmp_path / "000000000096.safetensors").write_bytes(b"gone")
    for state in (saved, loaded):
        state.optimizer.zero_grad()
        state.model(torch.ones(2, 1, 8, 8), torch.tensor([1, 2]), torch.tensor([3, 4])).square().sum().backward()
        state.optimizer.step()
        state.ema.update(3)
    assert same(loaded.tensors(), saved.tensors())


def test_another_optimizers_or_other_averages_checkpoint_is_a_clear_error(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(trained(), 64, partial=False)
    with pytest.raises(UserError) as error:
        checkpoints.restore(TrainState.fresh(tiny(training={"optimizer": "muon"}), CPU), 64)
    assert str(error.value) == (
        f"{tmp_path / '000000000064.safetensors'}: the checkpoint belongs to another optimizer: exp_avg, exp_avg_sq, "
        "step are kept there, momentum_buffer in this configuration; give another folder"
    )
    with pytest.raises(UserError, match=r"ema\.0\.99\.\S+ is absent there"):
        checkpoints.restore(TrainState.fresh(tiny(training={"ema_decays": (0.9999, 0.99)}), CPU), 64)


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_optimizers_state_comes_back(tmp_path: Path, name: str) -> None:
    settings = {"optimizer": name, "ema_decays": (0.9, 0.0, 0.99), "ema_lengths": (0.1,)}
    saved, loaded = trained(steps=3, training=settings), TrainState.fresh(tiny(5, training=settings), CPU)
    Checkpoints(tmp_path).save(saved, 96, partial=False)
    Checkpoints(tmp_path).restore(loaded, 96)
    assert same(loaded.tensors(), saved.tensors())
    kept = {key.rpartition(".")[2] for key in saved.tensors() if key.startswith("optimizer.")}
    assert kept == {key for member in saved.optimizer.members for key in member.state}
    for parameter in saved.model.parameters():
        assert bool(parameter.requires_grad) == any(
            parameter is p for m in saved.optimizer.members for p in m.parameters
        )


def test_the_newest_valid_one_not_beyond_until_is_loaded(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for images in (32, 64, 96, 128):
        checkpoints.save(trained(steps=images // 32), images, partial=False)
    state = TrainState.fresh(tiny(), CPU)
    assert checkpoints.restore(state, 128)[0] == 128
    assert checkpoints.restore(state, 100)[0] == 96
    assert checkpoints.restore(state, 31) == (0, ())

    torn = checkpoints.path(96)
    torn.write_bytes(torn.read_bytes()[:-5])
    flipped = checkpoints.path(64)
    altered = bytearray(flipped.read_bytes())
    altered[-100] ^= 4
    flipped.write_bytes(altered)
    images, ignored = checkpoints.restore(state, 100)
    assert images == 32
    assert same(state.tensors(), trained(steps=1).tensors())
    assert len(ignored) == 2
    assert ignored[0].startswith("checkpoint 000000000096.safetensors ignored: unreadable or truncated")
    assert ignored[1] == "checkpoint 000000000064.safetensors ignored: its content does not match its checksum"


def test_partial_ones_go_when_a_later_one_is_safe_and_kept_ones_stay(tmp_path: Path) -> None:
    checkpoints, state = Checkpoints(tmp_path), trained()

    def names() -> list[str]:
        return sorted(path.name for path in tmp_path.iterdir())

    checkpoints.save(state, 32, partial=False)
    checkpoints.save(state, 64, partial=True)
    assert names() == ["000000000032.safetensors", "000000000064.partial.safetensors"]
    checkpoints.save(state, 96, partial=True)
    assert names() == ["000000000032.safetensors", "000000000096.partial.safetensors"]
    checkpoints.save(state, 80, partial=False)  # an earlier rung leaves a later partial one alone
    assert len(names()) == 3
    checkpoints.keep(96)
    assert names() == [f"{images:012d}.safetensors" for images in (32, 80, 96)]
    checkpoints.keep(96)
    assert checkpoints.restore(state, 96)[0] == 96


def test_leftovers_of_killed_processes_are_swept(tmp_path: Path) -> None:
    old, young = (temporary_path(tmp_path / name) for name in ("000000000032.safetensors", "000000000064.safetensors"))
    for leftover in (old, young):
        leftover.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    Checkpoints(tmp_path).save(trained(), 96, partial=False)
    assert not old.exists()
    assert young.exists()  # may be another process's, at work


def test_another_models_checkpoint_is_a_clear_error(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(trained(), 64, partial=False)
    for change in ({"hidden_size": 24}, {"depth": 2}, {"block": "in-context"}):
        with pytest.raises(UserError, match=r"000000000064.safetensors: the checkpoint belongs to another model: "):
            checkpoints.restore(TrainState.fresh(tiny(model=change), CPU), 64)


WRITER = """
import sys, torch
from pathlib import Path
from dit_core.training.checkpoint import write
tensors = {str(i): torch.full((256, 1024), float(i)) for i in range(8)}
for images in range(1, 10_000):
    write(Path(sys.argv[1]) / f"{images % 5:012d}.safetensors", tensors, images % 5)
    print(images, flush=True)
"""


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_only_whole_checkpoints(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(7):
            assert process.stdout.readline()
        time.sleep(0.013)
        process.kill()
    found = Checkpoints(tmp_path).found()
    assert len(found) == 5
    for images, path in found:
        assert set(read(path, images)) == {str(index) for index in range(8)}
