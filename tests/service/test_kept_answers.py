"""What is kept on the machine so that commands need not import much: it is the answer, and never another question's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from simulated import against, values
from small_studies import expansion

from dit_core import kept_checks
from dit_core.data import load_dataset
from dit_core.errors import UserError
from dit_core.parts import METRICS
from service.analysis import kept_means, kept_verdicts
from service.statistics import model
from service.statistics.measurements import measurements


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept_checks, "_known", set())


def test_verdicts_are_judged_once_and_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []
    judge = kept_verdicts.judged
    monkeypatch.setattr(kept_verdicts, "judged", lambda *a, **k: judged.append(1) or judge(*a, **k))
    drawn = values(np.random.default_rng(3), [0.0, 0.2, 0.5, 0.1], 3)
    settings: dict[str, Any] = {"metric": "fid", "higher": False, "missing": {}, "repeated": [], "margin": 0.05}
    first = kept_verdicts.kept_verdicts(measurements(drawn), against(list(drawn)), settings)
    again = kept_verdicts.kept_verdicts(measurements(drawn), against(list(drawn)), settings)
    assert again == first and len(judged) == 1
    assert again.to_json() == first.to_json()
    other = {**drawn, "a1": {seed: value * 2 for seed, value in drawn["a1"].items()}}
    differently = kept_verdicts.kept_verdicts(measurements(other), against(list(other)), settings)
    assert differently != first and len(judged) == 2
    kept_verdicts.kept_verdicts(measurements(drawn), against(list(drawn)), {**settings, "margin": 0.5})
    assert len(judged) == 3


def test_means_are_fitted_once_and_come_back_as_the_model_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = values(np.random.default_rng(3), [0.0, 0.2, 0.5, 0.1], 3)
    del drawn["a2"][0]  # least-squares means are no plain ones
    fit = model.fit(drawn)
    first = kept_means.means_of(measurements(drawn), "a0", keep=True)
    assert first.means == {arm: fit.mean(arm) for arm in drawn}
    assert first.differences == {arm: fit.difference(arm, "a0") for arm in drawn}
    fitted: list[int] = []
    monkeypatch.setattr(kept_means, "fitted", lambda measured: fitted.append(1) or fit)
    assert kept_means.means_of(measurements(drawn), "a0", keep=True) == first and not fitted
    kept_means.means_of(measurements(drawn), "a1", keep=True)
    kept_means.means_of(measurements({**drawn, "a3": {0: 1.0}}), "a0", keep=True)
    kept_means.means_of(measurements(drawn), "a0", keep=False)
    assert len(fitted) == 3


def test_a_metric_that_fits_is_checked_once_and_one_that_does_not_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = expansion({}, seeds=(0,)).baseline.config
    dataset, metric = load_dataset(config.data), METRICS.get("fd_digits_cnn")
    checked: list[int] = []
    check = metric.check
    monkeypatch.setattr(metric, "check", lambda *a: checked.append(1) or check(*a))
    kept_checks.check_metric("fd_digits_cnn", config, dataset)
    kept_checks._known.clear()
    kept_checks.check_metric("fd_digits_cnn", config, dataset)
    assert len(checked) == 1
    few = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"num_samples": 2})})
    for _ in range(2):
        with pytest.raises(UserError, match="num_samples"):
            kept_checks.check_metric("fd_digits_cnn", few, dataset)
    assert len(checked) == 3


def test_a_check_that_is_kept_looks_at_no_other_setting_than_it_says() -> None:
    config = expansion({}, seeds=(0,)).baseline.config
    looked: set[str] = set()

    class Spy:
        def __getattr__(self, name: str) -> Any:
            looked.add(name)
            return getattr(config.evaluation, name)

    for name in METRICS:
        reads = METRICS.about(name).check_reads
        if reads:
            looked.clear()
            METRICS.get(name).check(SimpleNamespace(evaluation=Spy(), data=config.data), load_dataset(config.data))
            assert looked and looked <= set(reads), name


@pytest.mark.slow
def test_what_holds_and_controls_a_lane_imports_no_pytorch() -> None:
    code = (
        "import sys\nimport service.engine.host, service.engine.train_parts, service.engine.process_groups\n"
        "import service.engine.dispatcher, service.engine.tune_trial\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=600, check=False).returncode == 0
