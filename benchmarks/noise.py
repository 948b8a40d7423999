"""Times the image-sized noise of one training step: drawn by NumPy on the host for the global batch, and as it is now.

    python benchmarks/noise.py                    # on a GPU where there is one
    python benchmarks/noise.py --device cpu --threads 1

- former: NumPy's generator draws the noise of the global batch on every rank, which takes its share to the device.
- now: ``dit_core.training.batches.TrainingNoise``, on the device, of a rank's own images.

Both take turns. Digits need one draw a step, latents of a VAE's posterior two. Medians; the processor's time counts all
threads of the process. It needs torch, numpy, pydantic and safetensors, and nothing need be installed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import checkout  # noqa: F401 (before everything that imports dit_core)
import torch
from hardware import machine, synchronize
from torch import Tensor

from dit_core.runtime.randomness import generator
from dit_core.training.batches import TrainingNoise


@dataclass(frozen=True)
class Workload:
    """The noise of one step on one rank.

    Attributes:
        batch: images of the global batch.
        shape: an image's.
        streams: what is drawn for every image.
        workers: ranks; the first one's share is timed.
    """

    batch: int
    shape: tuple[int, int, int]
    streams: tuple[str, ...]
    workers: int

    @property
    def share(self) -> int:
        """Images of a rank."""
        return self.batch // self.workers


WORKLOADS = [
    Workload(batch, shape, streams, workers)
    for batch, shape, streams in (
        (64, (1, 8, 8), ("noise",)),
        (256, (4, 32, 32), ("noise", "posterior")),
    )
    for workers in (1, 8)
]


def former(work: Workload, step: int, device: torch.device) -> list[Tensor]:
    """Draws the global batch on the host and takes this rank's share."""
    shape = (work.batch, *work.shape)
    drawn = [torch.from_numpy(generator(0, s, step).standard_normal(shape, "float32")) for s in work.streams]
    shares = [noise[: work.share] for noise in drawn]
    if device.type == "cuda":
        return [noise.pin_memory().to(device, non_blocking=True) for noise in shares]
    return shares


def times(work: Workload, device: torch.device, rounds: int) -> dict[str, tuple[float, float]]:
    """Returns the median seconds of the clock and of the processor of each way, in turns of many steps."""
    noise = TrainingNoise(0, work.batch, slice(0, work.share), device)
    images = torch.empty(work.share, *work.shape, device=device)
    ways: dict[str, Callable[[int], object]] = {
        "former": lambda step: former(work, step, device),
        "now": lambda step: [noise(stream, step, images) for stream in work.streams],
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    steps = max(1, 2**20 // (work.batch * work.shape[0] * work.shape[1] * work.shape[2]))
    for turn in range(rounds + 1):  # the first warms up
        for name, draw in ways.items():
            clock, processor = perf_counter(), process_time()
            for step in range(turn * steps, (turn + 1) * steps):
                draw(step)
            synchronize(device)
            found[name].append(((perf_counter() - clock) / steps, (process_time() - processor) / steps))
    return {name: (_median(turns, 0), _median(turns, 1)) for name, turns in found.items()}


def _median(turns: list[tuple[float, float]], which: int) -> float:
    return statistics.median(turn[which] for turn in turns[1:])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    options.add_argument("--threads", type=int, help="processor threads (default: PyTorch's choice)")
    options.add_argument("--rounds", type=int, default=20, help="turns of each way (default: 20)")
    given = options.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        sys.exit("--device: cuda given; this machine has no GPU that PyTorch can use; allowed: cpu")
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    device = torch.device(given.device)
    print("| a step's noise | workers | former: ms, processor ms | now: ms, processor ms | former / now |")
    print("|---|---|---|---|---|")
    for work in WORKLOADS:
        found = {name: (1e3 * wall, 1e3 * cpu) for name, (wall, cpu) in times(work, device, given.rounds).items()}
        columns = " | ".join(f"{wall:.3f}, {cpu:.3f}" for wall, cpu in found.values())
        size = "x".join(str(number) for number in (work.batch, *work.shape))
        ratio = found["former"][0] / found["now"][0]
        print(f"| {size}, {' and '.join(work.streams)} | {work.workers} | {columns} | {ratio:.2f} |")
    print(machine(device))


if __name__ == "__main__":
    main()
