"""The live table in terminals of any width."""

from __future__ import annotations

from typing import Any

import pytest
from rendered import plain
from rich.console import Console
from small_studies import expansion, result

from service.analysis.status import trial_statuses
from service.cli.live_table import LiveTable
from service.engine import Live, Snapshot

RUNGS = (64, 128, 192, 256)


class _Measured:
    """What the two arms have reached."""

    def __init__(self, reached: int) -> None:
        self._values = {rung: 100.5 + number for number, rung in enumerate(RUNGS) if rung <= reached}

    def of(self, trial: str) -> dict[int, float]:
        return self._values if trial.startswith("block=") else {}


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("reached", [0, 64, 256])
def test_the_metric_s_columns_stay(width: int, reached: int) -> None:
    long_name = "block=cross-attention, decoder=conv-upsample"
    expanded = expansion({long_name: {"training": {"weight_decay": 0.1}}}, rungs=RUNGS)
    trial = expanded.trials[-1].name
    statuses = trial_statuses(
        expanded.study, {one.name: result(one, {}) for one in expanded.trials}, (), frozenset({trial})
    )
    live = {trial: Live(trial, 288, 96, 0.5, "training", "lane")}
    snapshot = Snapshot(statuses, live, (), 2, 1, 10.0, 60.0, 4, 2)
    measured: Any = _Measured(reached)
    table = LiveTable(expanded.study, measured, Console(width=width, height=40))
    text = plain(table.render(snapshot), width)
    row = next(line for line in text.splitlines() if "training" in line)
    assert row.strip().startswith("block=cross") and "0.5000" in row and "96/" in row
    latest = max((rung for rung in RUNGS if rung <= reached), default=None)
    assert f"at {latest or RUNGS[0]}" in text
    assert latest is None or f"{100.5 + RUNGS.index(latest):.4g}" in row
    assert max(map(len, text.splitlines())) <= width
    if width == 200:
        assert long_name in row and all(f"at {rung}" in text for rung in RUNGS)
