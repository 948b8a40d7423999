"""Times sampling by ours beside two peers, in turns, and prints images per second, ratios, memory and utilisation.

    python benchmarks/sampling.py                                   # XL/2 on a GPU, the digits model on the CPU
    python benchmarks/sampling.py --size S --patch-size 4 --steps 10

All draw respaced ancestral samples with guidance from the averaged weights and end with 8-bit images (of latents, which
are not decoded here).

- plain: the paper's sampler written plainly, as the official script runs it: eager, float32 (TensorFloat-32 allowed on
  a GPU), fused attention (``--unfused-attention`` for timm before 0.9).
- switched: the same in bfloat16 autocast (on the CPU only if asked for) and with ``torch.compile``.
- ours: ``dit_core.evaluation.generate`` with ``--precision`` and ``--compile``, which draws the same noise anywhere.

It needs torch, numpy, pydantic and safetensors, and nothing need be installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from time import perf_counter

import checkout  # noqa: F401 (before everything that imports dit_core)
import torch
from contest import hold
from hardware import synchronize
from peers.plain_dit import guided
from peers.same_function import check, plain_diffusion, plain_model
from report import show
from workload import Synthetic, Workload, parser, workload

from dit_core.errors import UserError
from dit_core.evaluation import generate
from dit_core.gflops import count
from dit_core.model.dit import DiT
from dit_core.runtime import precision


def plain(options: Workload) -> Iterator[float]:
    """The paper's sampler as the official script runs it."""
    return _peer(options, switched=False)


def switched(options: Workload) -> Iterator[float]:
    """The same with the usual switches on."""
    return _peer(options, switched=True)


def ours(options: Workload) -> Iterator[float]:
    """What an evaluation of this project calls for every chunk of images."""
    device, config = options.begin(), options.trial()
    precision.configure(config.training)
    model = DiT(config.model).to(device).eval().requires_grad_(False)
    data = Synthetic(config.model)
    labels, images = torch.arange(options.batch) % config.model.num_classes, iter(range(0, 10**9, options.batch))

    def chunk() -> torch.Tensor:
        first = next(images)
        return generate(config, model, data, labels, "eval", torch.arange(first, first + options.batch))

    yield from _turns(options, device, chunk)


def _peer(options: Workload, *, switched: bool) -> Iterator[float]:
    device, config = options.begin(), options.trial()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(0)
    shape = config.model
    model = plain_model(shape, 0.0, fused_attention=switched or options.fused_attention)
    model = model.to(device).eval().requires_grad_(False)
    network = torch.compile(model) if switched and options.compile else model
    half = switched and options.precision == "bfloat16"
    process = plain_diffusion(config).respaced(options.steps)
    labels = (torch.arange(options.batch) % shape.num_classes).to(device)
    size = (options.batch, shape.in_channels, shape.input_size, shape.input_size)

    def predict(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            return guided(network, options.guidance, shape.num_classes, x, t, labels)

    @torch.no_grad()
    def chunk() -> torch.Tensor:
        x = process.sample(predict, torch.randn(size, device=device), torch.randn_like)
        return torch.clamp(127.5 * x + 128, 0, 255).to(torch.uint8)

    yield from _turns(options, device, chunk)


def _turns(options: Workload, device: torch.device, chunk: Callable[[], object]) -> Iterator[float]:
    """Samples one chunk of images at each turn, after one to warm up."""
    chunk()
    synchronize(device)
    yield 0.0
    while True:
        start = perf_counter()
        chunk()
        synchronize(device)
        yield (perf_counter() - start) / options.batch


def main() -> None:
    options_of = parser(__doc__ or "", steps_help="sampling steps (default: 250 on a GPU, 50)")
    options_of.add_argument("--guidance", type=float, default=1.5, help="guidance scale, 1 for none (default: 1.5)")
    given = options_of.parse_args()
    try:
        options = workload(given, steps={"cuda": 250, "cpu": 50}, guidance=given.guidance)
        config = options.trial()
        print(check(config, fused_attention=options.fused_attention))
    except UserError as error:
        sys.exit(str(error))
    device = options.begin()
    contestants = {"plain": plain, "switched": switched, "ours": ours}
    outcomes = hold(contestants, options, given.rounds, device, "ours" if given.profile else None)
    passes = options.steps * (1 if options.guidance == 1 else 2)
    flops = 2 * count(config.model).gmacs * 1e9 * passes
    title = f"sampling of {options.title}, {options.steps} steps, guidance {options.guidance:g}, batch {options.batch}"
    show(title, "image", outcomes, options, flops, given.json)


if __name__ == "__main__":
    main()
