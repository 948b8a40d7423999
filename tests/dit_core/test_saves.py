"""Checkpoints that are written while training goes on, as on a GPU, and that nothing is read back between windows."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from small_trials import only, tiny
from torch.utils._python_dispatch import TorchDispatchMode

from dit_core.events import Checkpointed, Event, Progress, Started
from dit_core.training import loop
from dit_core.training.checkpoint import Checkpoints, checksum, read
from dit_core.training.loop import run

B = 32


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "in_background", lambda device: True)


def train(folder: Path, steps: int, **options: Any) -> list[Event]:
    return list(run(tiny(), folder, until=steps * B, evaluate=False, checkpoint_images=3 * B, **options))


def state(folder: Path, steps: int) -> str:
    return checksum(read(Checkpoints(folder / "checkpoints").path(steps * B), steps * B), steps * B)


def writers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("checkpoint")]


def test_a_checkpoint_is_told_before_the_curve_that_the_next_one_covers(tmp_path: Path, behind: None) -> None:
    events = train(tmp_path, 8)
    order = [(type(event).__name__, event.images // B) for event in events[1:]]
    assert order == [
        ("Progress", 3), ("Progress", 4), ("Checkpointed", 3), ("Progress", 6), ("Checkpointed", 6), ("Progress", 8),
        ("Checkpointed", 8),
    ]  # fmt: skip
    assert [event.images // B for event in only(Progress, events) if event.closes] == [3, 6, 8]
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["000000000256.safetensors"]
    assert not writers()


def test_the_copy_is_of_its_moment_and_a_killed_trial_goes_on_from_it(
    tmp_path: Path, behind: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is slow: the checkpoint after step 3 is not written before step 5 is trained. Then the process dies."""
    train(tmp_path / "straight", 8)
    trained = threading.Event()
    write = Checkpoints.write

    def slow(self: Checkpoints, tensors: Any, images: int, *, partial: bool) -> Path:
        assert images != 3 * B or trained.wait(600)
        return write(self, tensors, images, partial=partial)

    monkeypatch.setattr(Checkpoints, "write", slow)
    accumulate = loop.accumulate

    def told(config: Any, process: Any, network: Any, step: int, *rest: Any) -> torch.Tensor:
        if step == 5:
            trained.set()
        return accumulate(config, process, network, step, *rest)

    monkeypatch.setattr(loop, "accumulate", told)
    killed = run(tiny(), tmp_path / "killed", until=8 * B, evaluate=False, checkpoint_images=3 * B)
    assert any(isinstance(event, Checkpointed) for event in killed)  # stops at the first
    killed.close()
    assert not writers()
    events = train(tmp_path / "killed", 8)
    assert events[0] == Started(3 * B)
    assert state(tmp_path / "killed", 8) == state(tmp_path / "straight", 8)


def test_what_cannot_be_written_is_raised_before_the_next_checkpoint(
    tmp_path: Path, behind: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Path:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Checkpoints, "write", broken)
    events = run(tiny(), tmp_path, until=8 * B, evaluate=False, checkpoint_images=3 * B)
    assert [next(events).images // B for _ in range(3)] == [0, 3, 4]
    with pytest.raises(OSError, match="the disk is gone"):
        next(events)
    assert not writers()


class Reads(TorchDispatchMode):
    """Counts values that are handed from a tensor to Python: each would make the host wait for a GPU."""

    count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_no_step_inside_a_window_waits_for_a_value(tmp_path: Path, optimizer: str) -> None:
    def reads(steps: int) -> int:
        training = {"log_every_steps": 100, "gradient_clip": 0.5, "micro_batch": 8, "optimizer": optimizer}
        with Reads() as found:
            list(run(tiny(training=training), tmp_path / str(steps), until=steps * B, evaluate=False))
        return found.count

    assert reads(2) == reads(6)
