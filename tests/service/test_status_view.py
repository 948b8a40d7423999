"""What ``status`` shows of trials that are trained and not measured."""

from __future__ import annotations

from pathlib import Path

from finished_study import PATCHES, begin, tiny_study
from rendered import plain

from service.analysis.study_result import study_result
from service.analysis.summary import summarise
from service.cli.status_view import UNMEASURED, render_study
from service.records.kinds import Stretch
from service.records.store import Store


def test_training_by_another_study_is_told_beside_no_measurement(tmp_path: Path) -> None:
    """It once said 0 images beside ten seconds of training."""
    store = Store(tmp_path / "store")
    prepared = begin(tiny_study(ablations=[PATCHES], policy="none"), store)
    before = plain(render_study(study_result(summarise(prepared, store), store)), 200)
    assert UNMEASURED[:50] not in before
    trial = prepared.expansion.trials[0]
    store.begin(prepared.train_ids[trial.name], trial.config)
    piece = Stretch(start=0, images=64, points=(), began=0.0, seconds=9.9)
    store.add_stretch(prepared.train_ids[trial.name], piece)
    shown = plain(render_study(study_result(summarise(prepared, store), store)), 200)
    (row,) = [line for line in shown.splitlines() if "9.9 s" in line]
    assert row.split()[:4] == ["baseline", "0", "pending", "–"]
    assert UNMEASURED in " ".join(shown.split())
