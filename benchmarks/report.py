"""The table that the contests end with."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from contest import Outcome, ratios, table
from hardware import machine, peak_flops
from workload import Workload

OURS = "ours"


def show(
    title: str, unit: str, outcomes: Mapping[str, Outcome], options: Workload, flops: float, path: Path | None
) -> None:
    """Prints what was measured, and writes all of it where asked to.

    Args:
        title: what was timed.
        unit: what ``Outcome.seconds`` are for: ``step`` or ``image``.
        outcomes: of every contestant.
        options: of the run.
        flops: floating-point operations of the model in one unit, a multiply-add counted as two.
        path: file for the JSON; None writes none.
    """
    device = torch.device(options.device)
    peak, origin = peak_flops(device)
    switches = f"{options.precision}, {'compiled' if options.compile else 'not compiled'}"
    told = {
        "plain": "plain: float32, eager" + ("" if options.fused_attention else ", unfused attention"),
        "switched": f"switched: {switches}",
        OURS: f"ours: {switches}",
    }
    rows = []
    for name, outcome in outcomes.items():
        if outcome.problem:
            rows.append([told[name], outcome.problem, *[""] * 6])
            continue
        median = outcome.median
        spread = f"{min(outcome.seconds) * 1e3:.4g} .. {max(outcome.seconds) * 1e3:.4g}"
        against = ratios(outcomes, name, OURS)
        rows.append(
            [
                told[name],
                f"{median * 1e3:.4g}",
                spread,
                "" if against is None or name == OURS else "{:.2f} ({:.2f} .. {:.2f})".format(*against),
                f"{flops / median / peak:.1%}",
                f"{outcome.peak_bytes / 2**30:.2f}" if outcome.peak_bytes is not None else "-",
                f"{statistics.median(outcome.processor) * 1e3:.4g}",
                f"{outcome.start_seconds:.0f}",
            ]
        )
    memory = "peak GiB" if device.type == "cuda" else "peak GiB (process)"
    header = [
        "",
        f"ms per {unit}",
        "spread",
        "ours is faster (spread)",
        "utilisation",
        memory,
        "processor ms",
        "start s",
    ]
    print(f"\n{title}; {machine(device)}\n")
    print(table(header, rows))
    rounds = max((len(outcome.seconds) for outcome in outcomes.values()), default=0)
    print(
        f"\nMedians over {rounds} rounds in which all took turns. Processor: time over all threads; less than the "
        f"wall-clock says that other programs had the cores. Utilisation: the model's operations ({flops / 1e9:.4g} "
        f"Gflop per {unit}, a multiply-add is two) over {origin}."
    )
    for name, outcome in outcomes.items():
        if outcome.profile:
            print(f"\n{name}, one turn:\n{outcome.profile.table}")
    if path is not None:
        content = {
            "command": sys.argv,
            "machine": machine(device),
            "options": asdict(options),
            "flops": flops,
            "peak_flops": peak,
            "peak_flops_origin": origin,
            "outcomes": {name: asdict(outcome) for name, outcome in outcomes.items()},
        }
        path.write_text(json.dumps(content, indent=1) + "\n")
