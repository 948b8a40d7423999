"""Tuned arms and the best of a search as people run them: one command, that a stop interrupts and that goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from finished_study import tiny_study

from service import Client
from service.engine import Snapshot
from service.engine.heartbeat import BEAT_SECONDS
from service.session import Session

RATE = {"learning_rate": {"loguniform": [1e-4, 1e-2]}}


@pytest.mark.slow
def test_one_command_tunes_and_compares_and_goes_on_after_a_stop(tmp_path: Path) -> None:
    tune = {**RATE, "trials": 2, "seeds": [7], "images": 64}
    study = tiny_study(
        ablations=[{"name": "Block", "axis": "block", "values": ["adaln"]}], tune=tune, rungs=[], budget_images=128
    )
    client = Client(store=tmp_path / "store")
    shown: list[str] = []
    asked: list[bool] = []

    def stopping(snapshot: Snapshot) -> None:
        if not asked:
            asked.append(client.stop("tiny"))
            assert asked == [True], "the study's own name stops its tuning"
            (warning,) = [text for text in client.status("tiny").warnings if "tiny.tuning" in text]
            assert "which runs with it, is going on" in warning
            time.sleep(2 * BEAT_SECONDS)  # the study is so short that it would end before it is told

    session = client.start(study)
    stopped = session.run(executor="local", on_update=stopping, on_begin=lambda own: shown.append(_name(own)))
    assert stopped.interrupted and not stopped.done and shown == ["tiny.tuning"]
    assert any("the tuning, study tiny.tuning, is not finished" in text for text in stopped.warnings)
    assert set(stopped.trials["status"]) == {"pending"}

    result = client.run("tiny", executor="local")
    assert result.done and not result.interrupted and client.studies() == ["tiny", "tiny.tuning"]
    assert {"Block", "Block, tuned", "Tuned beside untuned"} <= set(result.ablations["ablation"])
    assert client.status("tiny.tuning").done and len(client.status("tiny.tuning").trials) == 6
    report = Path(str(result.report_markdown)).read_text()
    assert "## Tuning" in report and not client.plan("tiny").segments
    assert len(client.run("tiny", executor="local").trials) == len(result.trials)


@pytest.mark.slow
def test_one_command_searches_and_compares_the_best(tmp_path: Path) -> None:
    search: dict[str, Any] = {**RATE, "trials": 2, "algorithm": "qmc", "finalists": 1, "final_seeds": [7, 8]}
    study = tiny_study(ablations=[], search=search, seeds=[0], rungs=[], budget_images=64, policy={"name": "none"})
    client = Client(store=tmp_path / "store")
    result = client.run(study, executor="local")
    assert result.done and client.studies() == ["tiny", "tiny.final"]
    final = client.status("tiny.final")
    assert final.done and set(final.trials["seed"]) == {7, 8} and len(final.trials) == 4
    assert "### The best on fresh seeds" in Path(str(result.report_markdown)).read_text()


def _name(session: Session) -> str:
    return session.opened.study.name
