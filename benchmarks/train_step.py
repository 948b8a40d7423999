"""Times one training step of ours beside two peers, in turns, and prints ratios, memory and utilisation.

    python benchmarks/train_step.py                                 # XL/2 on a GPU, the digits model on the CPU
    python benchmarks/train_step.py --size S --patch-size 4

- plain: the paper's model and step written plainly, as the official script runs it: eager, float32 (TensorFloat-32
  allowed on a GPU), AdamW with PyTorch's defaults, the average updated one parameter after another, the loss read
  back at every step. Attention is fused, since the official script takes it from timm, which fuses it by default
  (``--unfused-attention`` for timm before 0.9).
- switched: the same with the usual switches on: bfloat16 autocast, ``torch.compile``, fused AdamW, one fused update of
  the average. (On the CPU bfloat16 is off unless asked for: most are slower with it.)
- ours: ``dit_core.training.loop.run``, whole, with ``--precision`` and ``--compile``.

Peers get their images from memory for free; the data set that ours reads holds the same ones. It needs torch, numpy,
pydantic and safetensors, and nothing need be installed.
"""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import checkout  # noqa: F401 (before everything that imports dit_core)
import torch
from contest import hold
from hardware import synchronize
from peers.same_function import check, plain_diffusion, plain_model
from report import show
from workload import Synthetic, Workload, parser, workload

from dit_core.errors import UserError
from dit_core.events import Progress
from dit_core.gflops import count
from dit_core.training.loop import run


def plain(options: Workload) -> Iterator[float]:
    """The paper's step as the official script runs it."""
    return _peer(options, switched=False)


def switched(options: Workload) -> Iterator[float]:
    """The same with the usual switches on."""
    return _peer(options, switched=True)


def ours(options: Workload) -> Iterator[float]:
    """The training loop of this project; a turn is one of its logging windows."""
    device, config = options.begin(), options.trial()
    with tempfile.TemporaryDirectory() as folder:
        endless = options.batch * options.steps * 10**6
        events = run(
            config, Path(folder), until=endless, evaluate=False, dataset=Synthetic(config.model), device=device
        )
        next(events)  # Started
        yield from _turns(options, device, lambda: _window(events))


def _window(events: Iterator[object]) -> None:
    event = next(events)
    assert isinstance(event, Progress), event


def _peer(options: Workload, *, switched: bool) -> Iterator[float]:
    device, config = options.begin(), options.trial()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(0)
    training, data = config.training, Synthetic(config.model)
    diffusion = plain_diffusion(config)
    model = plain_model(config.model, training.class_dropout, fused_attention=switched or options.fused_attention).to(
        device
    )
    average = copy.deepcopy(model).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=training.learning_rate, weight_decay=0, fused=True if switched else None
    )
    network = torch.compile(model) if switched and options.compile else model
    half = switched and options.precision == "bfloat16"
    decay = training.ema_decays[0]
    averages = dict(average.named_parameters())
    order = torch.Generator().manual_seed(1)

    def step() -> float:
        chosen = torch.randint(len(data), (options.batch,), generator=order)
        x0, y = (tensor.to(device) for tensor in (data.mean[chosen], data.labels[chosen]))
        if data.deviation is not None:
            x0 = x0 + data.deviation[chosen].to(device) * torch.randn_like(x0)
        t = torch.randint(config.diffusion.num_timesteps, (options.batch,), device=device)
        noise = torch.randn_like(x0)
        xt = diffusion.noised(x0, t, noise)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            output = network(xt, t, y)
        loss = diffusion.loss(output.float(), x0, xt, t, noise).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            if switched:
                torch._foreach_lerp_(list(averages.values()), list(model.parameters()), 1 - decay)
            else:
                for name, parameter in model.named_parameters():
                    averages[name].mul_(decay).add_(parameter, alpha=1 - decay)
        return loss.item()

    def window() -> None:
        for _ in range(options.steps):
            step()

    yield from _turns(options, device, window)


def _turns(options: Workload, device: torch.device, window: object) -> Iterator[float]:
    """Runs a window of steps at each turn, after one to warm up at the start and, on a GPU, in every turn."""
    assert callable(window)
    window()
    yield 0.0
    while True:
        if device.type == "cuda":
            window()
            synchronize(device)
        start = perf_counter()
        window()
        synchronize(device)
        yield (perf_counter() - start) / options.steps


def main() -> None:
    given = parser(__doc__ or "", steps_help="training steps in a turn (default: 20 on a GPU, 10)").parse_args()
    try:
        options = workload(given, steps={"cuda": 20, "cpu": 10})
        config = options.trial()
        print(check(config, fused_attention=options.fused_attention))
    except UserError as error:
        sys.exit(str(error))
    device = options.begin()
    contestants = {"plain": plain, "switched": switched, "ours": ours}
    outcomes = hold(contestants, options, given.rounds, device, "ours" if given.profile else None)
    flops = 6 * count(config.model).gmacs * 1e9 * options.batch  # a backward pass costs two forward passes
    show(f"training step of {options.title}, batch {options.batch}", "step", outcomes, options, flops, given.json)


if __name__ == "__main__":
    main()
