"""What every part that trains must keep: a trial resumes to the same bits, and two workers train what one trains."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from dit_core.config import TrialConfig
from dit_core.conformance.trials import BATCH, small_trial
from dit_core.events import Progress
from dit_core.plugins.outside import Outside
from dit_core.training.checkpoint import Checkpoints, read
from dit_core.training.loop import run

STEPS = 4


def training_conforms(*, workers: bool = True, **sections: dict[str, Any]) -> None:
    """Trains a small trial straight, in two stretches, and with two workers.

    Args:
        workers: whether to train with two worker processes as well, which takes seconds to start.
        **sections: sections of ``TrialConfig`` that bring the part in, e.g. ``model={"block": "gated"}``.

    Raises:
        AssertionError: the part breaks the contract; the message says in what.
    """
    config = small_trial(**sections)
    with TemporaryDirectory(prefix="dit-ablate-conformance-") as scratch:
        folder = Path(scratch)
        losses = _train(config, folder / "straight", STEPS)
        assert all(torch.isfinite(torch.tensor(losses))), f"the loss is not finite: {losses}"
        assert losses == _train(config, folder / "again", STEPS), "trained twice, the losses differ"
        resumed = _train(config, folder / "resumed", STEPS // 2) + _train(config, folder / "resumed", STEPS)
        assert losses == resumed, f"trained in two stretches, the losses differ: {losses} and {resumed}"
        straight, second = (_state(folder / name) for name in ("straight", "resumed"))
        wrong = [name for name, value in straight.items() if not torch.equal(value, second[name])]
        assert not wrong, f"trained in two stretches, {wrong[0]} is not the same to the last bit"
        if workers:
            together = _with_workers(config, folder)
            near = all(abs(one - two) <= 1e-3 * abs(one) for one, two in zip(losses, together, strict=True))
            assert near, f"two workers train something else: losses {together} instead of {losses}"


def _train(config: TrialConfig, folder: Path, steps: int) -> list[float]:
    events = run(config, folder, until=steps * BATCH, evaluate=False, device=torch.device("cpu"))
    return [point.loss for event in events if isinstance(event, Progress) for point in event.points]


def _state(folder: Path) -> dict[str, torch.Tensor]:
    checkpoints, images = Checkpoints(folder / "checkpoints"), STEPS * BATCH
    return dict(read(checkpoints.path(images), images))


def _with_workers(config: TrialConfig, folder: Path) -> list[float]:
    mp.spawn(_work, args=(config, str(folder), Outside.here()), nprocs=2)  # type: ignore[attr-defined, no-untyped-call]
    return [float(line) for line in (folder / "losses").read_text().split()]


def _work(rank: int, config: TrialConfig, folder: str, outside: Outside) -> None:
    outside.use()
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    try:
        losses = _train(config, Path(folder) / "workers", STEPS)
        if rank == 0:
            (Path(folder) / "losses").write_text("\n".join(map(repr, losses)))
        dist.barrier()  # nobody takes the group apart while the other still speaks
    finally:
        dist.destroy_process_group()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)  # while an interpreter is taken apart, threads of Gloo may abort it
