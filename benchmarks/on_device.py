"""What has to hold on a device before its speed means anything: checks that need torch, numpy, pydantic, safetensors.

Each takes the device and an empty folder, returns a sentence that says what was found, and raises where it does not
hold. ``benchmarks/gpu.sh`` runs them, and so does pytest (``tests/dit_core/test_on_device.py``, marked ``gpu``). On the
CPU they say that the code around them runs.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import checkout  # noqa: F401 (before everything that imports dit_core)
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from workload import Synthetic

from dit_core.config import TrialConfig
from dit_core.evaluation import generate
from dit_core.events import CurvePoint, Progress
from dit_core.model.attention import attend
from dit_core.model.dit import DiT
from dit_core.model.layers import attention_weights
from dit_core.runtime import distributed
from dit_core.runtime.noise import kept_at, normals
from dit_core.training.checkpoint import Checkpoints, checksum, read
from dit_core.training.loop import run

BATCH, STEPS = 16, 6
CPU = torch.device("cpu")

Check = Callable[[torch.device, Path], str]


def trial(**sections: dict[str, Any]) -> TrialConfig:
    """Returns a small trial on latents, with heads as wide as those of XL/2: 72."""
    model = {"input_size": 8, "in_channels": 4, "patch_size": 2, "hidden_size": 144, "depth": 2, "num_heads": 2,
             "num_classes": 10}  # fmt: skip
    training = {"batch_size": BATCH, "learning_rate": 1e-3, "log_every_steps": 1}
    evaluation = {"num_samples": BATCH, "batch_size": BATCH, "sampling_steps": 5, "guidance_scale": 1.5}
    found: dict[str, dict[str, Any]] = {"model": model, "training": training, "evaluation": evaluation}
    for name, values in sections.items():
        found[name] = {**found.get(name, {}), **values}
    return TrialConfig.model_validate(found)


def curve(config: TrialConfig, folder: Path, device: torch.device, **options: Any) -> list[CurvePoint]:
    """Trains, without an evaluation, and returns the points of the curve."""
    until = options.pop("until", STEPS) * BATCH
    data = Synthetic(config.model)
    events = run(config, folder, until=until, evaluate=False, dataset=data, device=device, **options)
    return [point for event in events if isinstance(event, Progress) for point in event.points]


def state(folder: Path, steps: int = STEPS) -> str:
    """Returns a checksum over weights, averages and optimiser."""
    return checksum(read(Checkpoints(folder / "checkpoints").path(steps * BATCH), steps * BATCH), steps * BATCH)


def apart(left: list[CurvePoint], right: list[CurvePoint], most: float) -> str:
    """Compares the losses of two curves.

    Raises:
        AssertionError: they are further apart, relatively, than ``most``.
    """
    assert len(left) == len(right) > 0, "no curve"
    found = max(abs(a.loss - b.loss) / abs(b.loss) for a, b in zip(left, right, strict=True))
    assert found <= most, f"losses are {found:.2g} apart, more than {most:g}"
    return f"losses at most {found:.1g} apart"


def float32(device: torch.device, folder: Path) -> str:
    """Trains in float32 as the CPU does."""
    return apart(curve(trial(), folder / "device", device), curve(trial(), folder / "cpu", CPU), 1e-4)


def noise(device: torch.device, folder: Path) -> str:
    """Draws the noise, and the dropout, that the CPU draws."""
    positions, shape = torch.arange(3, 67), (4, 32, 32)
    here, there = normals(positions, shape, 1, "s", 5), normals(positions.to(device), shape, 1, "s", 5).cpu()
    differing = int((here != there).sum())
    assert differing <= 3, f"{differing} of {here.numel()} normals differ"
    torch.testing.assert_close(there, here, rtol=3e-7, atol=0)
    dropped = [kept_at(where, (64, 64), 0.3, 1, "s").cpu() for where in (positions, positions.to(device))]
    assert torch.equal(*dropped), "dropout differs"
    return f"{differing} of {here.numel()} normals differ, by one unit in the last place"


def samples(device: torch.device, folder: Path) -> str:
    """Samples in float32 what the CPU samples."""
    config, images = trial(), []
    torch.manual_seed(0)
    model = DiT(config.model).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.05)  # what starts at zero would hide any difference
    for where in (CPU, device):
        labels, positions = torch.arange(BATCH) % 10, torch.arange(BATCH)
        found = generate(config, model.to(where), Synthetic(config.model), labels, "eval", positions)
        images.append(found.cpu().int())
    difference = (images[0] - images[1]).abs()
    assert difference.max() <= 1 and difference.float().mean() < 1e-2, f"{difference.max()} of 255 apart"
    return f"{difference.float().mean():.1g} of 255 apart in the mean"


def bfloat16(device: torch.device, folder: Path) -> str:
    """Trains in bfloat16 close to float32."""
    half = curve(trial(training={"precision": "bfloat16"}), folder / "bfloat16", device)
    return apart(half, curve(trial(), folder / "float32", device), 2e-2)


def compiled(device: torch.device, folder: Path) -> str:
    """Trains compiled as it does uncompiled; on the CPU graphs are only traced: generating code takes a minute."""
    eager = curve(trial(), folder / "eager", device)
    compiler = torch.compile
    if device.type == "cpu":
        torch.compile = partial(torch.compile, backend="eager")
    try:
        return apart(curve(trial(training={"compile": True}), folder / "compiled", device), eager, 1e-4)
    finally:
        torch.compile = compiler


def resumed(device: torch.device, folder: Path) -> str:
    """Goes on from a checkpoint to the same bits, in float32 and in bfloat16."""
    for precision in ("float32", "bfloat16"):
        config = trial(training={"precision": precision})
        curve(config, folder / precision / "straight", device)
        for until in (STEPS // 2, STEPS):
            curve(config, folder / precision / "cut", device, until=until)
        straight, cut = (state(folder / precision / name) for name in ("straight", "cut"))
        assert straight == cut, f"a resumed trial has other bits in {precision}"
    return "the same bits"


def saved(device: torch.device, folder: Path) -> str:
    """Writes checkpoints while it trains, which changes nothing."""
    curve(trial(), folder / "without", device)
    curve(trial(), folder / "with", device, checkpoint_images=2 * BATCH)
    assert state(folder / "without") == state(folder / "with"), "checkpoints change the training"
    return "the same bits"


def checkpointing(device: torch.device, folder: Path) -> str:
    """Computes activations anew to the same bits."""
    curve(trial(), folder / "kept", device)
    curve(trial(training={"activation_checkpointing": True}), folder / "anew", device)
    assert state(folder / "kept") == state(folder / "anew"), "activations computed anew have other bits"
    return "the same bits"


def micro_batch(device: torch.device, folder: Path) -> str:
    """Adds the parts of a batch up to the whole."""
    parts = curve(trial(training={"micro_batch": 5}), folder / "parts", device)
    return apart(parts, curve(trial(), folder / "whole", device), 1e-5)


def unsynchronised(device: torch.device, folder: Path) -> str:
    """Never waits for the device between two windows."""

    def waits(steps: int) -> int:
        config = trial(training={"log_every_steps": 100, "gradient_clip": 0.5})
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            if device.type == "cuda":
                torch.cuda.set_sync_debug_mode("warn")
            try:
                curve(config, folder / str(steps), device, until=steps)
            finally:
                if device.type == "cuda":
                    torch.cuda.set_sync_debug_mode("default")
        return sum("synchroniz" in str(warning.message) for warning in found)

    waits(1)  # compiles and fills tables
    few, many = waits(2), waits(STEPS)
    assert few == many, f"{many} waits in {STEPS} steps, {few} in 2"
    return f"{few} waits in a window, however long"


def attention(device: torch.device, folder: Path) -> str:
    """Attends through fused kernels at every width of a head, forwards and backwards, with and without a bias."""
    fused = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION]
    for width in (18, 64, 72):
        for kind in (torch.float32, torch.bfloat16):
            for biased in (False, True):
                _attend_fused(device, width, kind, biased, fused if device.type == "cuda" else [SDPBackend.MATH])
    return "widths 18, 64, 72 in float32 and bfloat16, with and without a bias"


def _attend_fused(device: torch.device, width: int, kind: torch.dtype, biased: bool, backends: list[Any]) -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, 66, width, device=device, dtype=kind, requires_grad=True) for _ in range(3))
    bias = torch.randn(1, 3, 66, 66, device=device, dtype=kind, requires_grad=True) if biased else None
    with sdpa_kernel(backends):
        found = attend(q, k, v, bias)
        found.float().square().sum().backward()
    with torch.no_grad():
        written: Tensor = attention_weights(q.float(), k.float(), None if bias is None else bias.float()) @ v.float()
    tolerance = 1e-4 if kind == torch.float32 else 3e-2
    torch.testing.assert_close(found.float(), written, rtol=tolerance, atol=tolerance)


def two_ranks(device: torch.device, folder: Path) -> str:
    """Trains with two gloo ranks on this one device as alone."""
    mp.spawn(_rank, args=(2, str(device), folder), nprocs=2)
    alone = curve(trial(), folder / "alone", device)
    together = [CurvePoint(**point) for point in json.loads((folder / "curve.json").read_text())]
    return apart(together, alone, 1e-4)


def _rank(rank: int, world: int, device: str, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world)
    try:
        found = curve(trial(), folder / "together", torch.device(device, 0) if device == "cuda" else CPU)
        if rank == 0:
            (folder / "curve.json").write_text(json.dumps([vars(point) for point in found]))
        distributed.from_first(None)
    finally:
        dist.destroy_process_group()


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        float32, noise, attention, resumed, samples, bfloat16, unsynchronised, micro_batch, checkpointing, saved,
        compiled, two_ranks,
    )
}  # fmt: skip
"""By name, in order of worth."""
