"""One stage of ``benchmarks/gpu.sh``: ``gpu.py STAGE OUT [--dry]`` with the stages tests, train, sampling, profile.

Every figure goes into ``OUT/results.json`` and ``OUT/table.md`` as soon as it is there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import checkout  # noqa: F401 (before everything that imports dit_core)
import sampling
import torch
import train_step
from contest import Contestant, Outcome, hold, ratios
from hardware import machine, peak_flops
from on_device import CHECKS
from peers.same_function import check
from workload import DIGITS_SHAPE, Workload

from dit_core.gflops import count

TRAINED = [("XL", 32), ("S", 256), ("B", 256), ("XL", 128), ("S", 32), ("B", 32), ("XL", 64), ("S", 64), ("S", 128),
           ("B", 64), ("B", 128), ("XL", 256)]  # fmt: skip
"""Sizes, with patches of 2, and batches, in order of worth."""
SAMPLED = [("XL", 32), ("S", 64), ("B", 64)]
PROFILED = [("XL", 32), ("S", 256)]
ROUNDS, TRAINING_STEPS, SAMPLING_STEPS = 3, 10, 20
HEAVY = {"ray", "mlflow", "sklearn", "diffusers", "torchmetrics", "torchvision", "transformers", "scipy", "PIL", "yaml"}
"""What must not be needed."""


class Results:
    """What was found so far, on disk at all times.

    Args:
        folder: where it goes.
        device: what it is about.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        self._json, self._table = folder / "results.json", folder / "table.md"
        self.found: dict[str, Any] = json.loads(self._json.read_text()) if self._json.exists() else {}
        self.found.setdefault("machine", machine(device))

    def add(self, stage: str, row: dict[str, Any]) -> None:
        """Adds a row to a stage."""
        self.found.setdefault(stage, []).append(row)
        self.write()

    def write(self) -> None:
        """Writes both files, each whole or not at all."""
        for path, text in ((self._json, json.dumps(self.found, indent=1) + "\n"), (self._table, table(self.found))):
            temporary = path.with_name(f".{path.name}")
            temporary.write_text(text)
            os.replace(temporary, path)


def tests(results: Results, device: torch.device, dry: bool) -> None:
    """Whether everything holds that has to."""
    for name, holds in CHECKS.items():
        began, row = perf_counter(), {"name": name}
        with tempfile.TemporaryDirectory() as folder:
            try:
                row |= {"holds": True, "said": holds(device, Path(folder))}
            except Exception as error:
                traceback.print_exc()
                row |= {"holds": False, "said": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"}
        results.add("tests", {**row, "seconds": perf_counter() - began})


def train(results: Results, device: torch.device, dry: bool) -> None:
    """A training step beside two peers."""
    said = check(_workload(DIGITS_SHAPE if dry else "S", 2, 1, device).trial(), fused_attention=True)
    results.found["same function"] = said
    contestants: dict[str, Contestant] = {
        "ours": train_step.ours, "switched": train_step.switched, "plain": train_step.plain,
    }  # fmt: skip
    for work in _cases(TRAINED, TRAINING_STEPS, device, dry):
        flops = 6 * count(work.model).gmacs * 1e9
        _contest(results, "train", contestants, work, device, flops, work.batch, dry)


def sample(results: Results, device: torch.device, dry: bool) -> None:
    """Sampling beside two peers."""
    contestants: dict[str, Contestant] = {
        "ours": sampling.ours, "switched": sampling.switched, "plain": sampling.plain,
    }  # fmt: skip
    for work in _cases(SAMPLED, SAMPLING_STEPS, device, dry):
        flops = 2 * count(work.model).gmacs * 1e9 * 2 * work.steps
        _contest(results, "sampling", contestants, work, device, flops, 1, dry)


def profile(results: Results, device: torch.device, dry: bool) -> None:
    """The largest kernels of ours."""
    for kind, contestant, steps in (("train", train_step.ours, TRAINING_STEPS), ("sampling", sampling.ours, 10)):
        for work in _cases(PROFILED, steps, device, dry):
            outcome = hold({"ours": contestant}, work, 1, device, "ours")["ours"]
            found = outcome.profile
            row = {"kind": kind, "size": work.title, "batch": work.batch, "problem": outcome.problem}
            results.add("profile", row | {"kernels": found.kernels if found else []})


def _contest(
    results: Results,
    stage: str,
    contestants: dict[str, Contestant],
    work: Workload,
    device: torch.device,
    flops: float,
    images: int,
    dry: bool,
) -> None:
    """Adds a row: ``flops`` is for one image, and what contestants time is ``images`` of them."""
    outcomes = hold(contestants, work, 1 if dry else ROUNDS, device, None if dry else "ours")
    if "peak_is" not in results.found:
        peak_of = (None, "nothing that was measured") if dry else peak_flops(device)
        results.found["peak_flops"], results.found["peak_is"] = peak_of
    peak = results.found["peak_flops"]
    row: dict[str, Any] = {"size": work.title, "batch": work.batch, "precision": work.precision}
    for name, outcome in outcomes.items():
        row[name] = {"problem": outcome.problem} if outcome.problem else _figures(outcome, images, flops, peak)
    ours = outcomes["ours"]
    if not ours.problem:
        row |= {f"against {name}": ratios(outcomes, name, "ours") for name in contestants if name != "ours"}
    if ours.profile is not None and ours.profile.device_seconds:
        windows = 2 * work.steps if stage == "train" else work.batch  # a turn warms up with one window more
        row["ours"]["busy"] = min(1.0, ours.profile.device_seconds / windows / ours.median)
        row["ours"]["kernels"] = ours.profile.kernels
    results.add(stage, row)


def _figures(outcome: Outcome, images: int, flops: float, peak: float | None) -> dict[str, Any]:
    rate = images / outcome.median
    kept = {name: value for name, value in asdict(outcome).items() if name not in ("profile", "problem")}
    return {**kept, "images_per_second": rate, "utilisation": flops * rate / peak if peak else None}


def _cases(sizes: list[tuple[str, int]], steps: int, device: torch.device, dry: bool) -> Iterator[Workload]:
    """Yields the workloads of a stage; one small one instead on the CPU."""
    for size, batch in [(DIGITS_SHAPE, 2)] if dry else sizes:
        yield _workload(size, batch, 2 if dry else steps, device)


def _workload(size: str, batch: int, steps: int, device: torch.device) -> Workload:
    gpu = device.type == "cuda"
    return Workload(
        size=size,
        patch_size=2,
        batch=batch,
        steps=steps,
        precision="bfloat16" if gpu else "float32",
        compile=gpu,
        fused_attention=True,
        device=device.type,
        guidance=1.5,
        threads=None if gpu else 1,
    )


def table(found: dict[str, Any]) -> str:
    """Returns what was found so far as Markdown."""
    lines = [f"# {found['machine']}", ""]
    if "tests" in found:
        lines += ["| holds | check | found | s |", "|---|---|---|---|"]
        lines += [
            f"| {'yes' if row['holds'] else '**no**'} | {row['name']} | {row['said']} | {row['seconds']:.1f} |"
            for row in found["tests"]
        ]
    for stage, what in (("train", "training step"), ("sampling", "sampling")):
        if stage in found:
            lines += ["", f"## {what}; utilisation is of {found['peak_is']}", "", _HEADER, "|---" * 9 + "|"]
            lines += [_line(row) for row in found[stage]]
    for row in found.get("profile", []):
        lines += ["", f"## kernels of {row['kind']}, {row['size']}, batch {row['batch']} {row['problem'] or ''}", ""]
        lines += [f"- {share:.1%} in {calls} calls: `{name[:90]}`" for name, share, calls in row["kernels"]]
    return "\n".join(lines) + "\n"


_HEADER = (
    "| model | batch | images/s: ours | switched | plain | ours against switched | against plain | utilisation, busy | "
    "peak GiB: ours, switched, plain |"
)


def _line(row: dict[str, Any]) -> str:
    names = ("ours", "switched", "plain")
    rates = [row[name].get("problem") or f"{row[name]['images_per_second']:.4g}" for name in names]
    against = [row.get(f"against {name}") for name in names[1:]]
    faster = ["" if found is None else "{:.2f} ({:.2f} .. {:.2f})".format(*found) for found in against]
    shares = (row["ours"].get("utilisation"), row["ours"].get("busy"))
    share = ", ".join("not measured" if found is None else f"{found:.1%}" for found in shares)
    memory = ", ".join(
        f"{row[name]['peak_bytes'] / 2**30:.2f}" if row[name].get("peak_bytes") is not None else "-" for name in names
    )
    return "| " + " | ".join([row["size"], str(row["batch"]), *rates, *faster, share, memory]) + " |"


STAGES: dict[str, Callable[[Results, torch.device, bool], None]] = {
    "tests": tests, "train": train, "sampling": sample, "profile": profile,
}  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("stage", choices=STAGES)
    options.add_argument("out", type=Path)
    options.add_argument("--dry", action="store_true", help="on the CPU, with small shapes")
    given = options.parse_args()
    if not given.dry and not torch.cuda.is_available():
        sys.exit("this machine has no GPU that PyTorch can use; --dry runs on the CPU")
    device = torch.device("cpu" if given.dry else "cuda")
    if given.dry:
        torch.set_num_threads(1)
    results = Results(given.out, device)
    results.write()
    STAGES[given.stage](results, device, given.dry)
    results.found["heavy"] = sorted({*results.found.get("heavy", []), *HEAVY & set(sys.modules)})
    results.write()
    failed = [row["name"] for row in results.found.get("tests", []) if not row["holds"]]
    if given.stage == "tests" and failed:
        sys.exit(f"does not hold: {', '.join(failed)}")


if __name__ == "__main__":
    main()
