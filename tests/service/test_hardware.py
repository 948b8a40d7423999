"""Arms that were computed on other hardware, or in another precision, are said to be."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_studies import METRIC, expansion

from dit_core.events import Evaluated, MetricResult
from dit_core.runtime.hardware import device_name
from service.analysis.hardware import hardware_notes
from service.analysis.preview import preview
from service.preflight import Prepared, prepare
from service.records.kinds import Hardware, Stretch
from service.records.results import collect
from service.records.store import Store
from service.report import build_report

H100, A100 = "cuda: NVIDIA H100", "cuda: NVIDIA A100"


@pytest.fixture
def prepared() -> Prepared:
    return prepare(expansion({"wide": {"model": {"hidden_size": 32}}}, seeds=(0, 1), rungs=(), budget=128))


def record(store: Store, prepared: Prepared, devices: dict[str, str], torch_version: str = "2.14.1") -> None:
    """Measures the trials, each on its device."""
    for trial in prepared.expansion.trials:
        hardware = Hardware(device=devices[trial.name], torch=torch_version)
        identity = prepared.train_ids[trial.name]
        store.add_stretch(identity, Stretch(start=0, images=128, points=(), began=0, seconds=1, hardware=hardware))
        event = Evaluated(128, (MetricResult(METRIC, 1.0),), b"", 0.0, 0.0)
        store.add_evaluation(identity, trial.config, event, "tiny", hardware)


def notes(store: Store, prepared: Prepared) -> tuple[str, ...]:
    results = collect(prepared.expansion, store, prepared.train_ids)
    return hardware_notes(prepared.expansion, results, store)


def test_one_kind_of_device_says_nothing(prepared: Prepared, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert notes(store, prepared) == ()
    record(store, prepared, dict.fromkeys(prepared.train_ids, H100))
    assert notes(store, prepared) == ()


def test_other_cards_are_named_with_their_arms_in_report_and_preview(prepared: Prepared, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    record(store, prepared, {name: A100 if name == "wide seed=1" else H100 for name in prepared.train_ids})
    (note,) = notes(store, prepared)
    assert f"different kinds of device: {H100} (baseline, wide); {A100} (wide)." in note
    assert note in preview(prepared.expansion, prepared=prepared, store=store).notes
    report = build_report(prepared, store, command="dit-ablate run x")
    assert note in report.markdown.read_text()


def test_a_stretch_on_another_card_counts_as_well(prepared: Prepared, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    record(store, prepared, dict.fromkeys(prepared.train_ids, H100))
    other = Hardware(device=A100, torch="2.14.1")
    piece = Stretch(start=0, images=64, points=(), began=0, seconds=1, hardware=other)
    store.add_stretch(prepared.train_ids["wide seed=0"], piece)
    assert f"{A100} (wide)" in notes(store, prepared)[0]


def test_other_versions_of_torch_are_named(prepared: Prepared, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    record(store, prepared, dict.fromkeys(prepared.train_ids, H100))
    newer = Hardware(device=H100, torch="2.15.0")
    piece = Stretch(start=0, images=64, points=(), began=0, seconds=1, hardware=newer)
    store.add_stretch(prepared.train_ids["wide seed=0"], piece)
    (note,) = notes(store, prepared)
    assert "different versions of PyTorch: torch 2.14.1 (baseline, wide); torch 2.15.0 (wide)" in note


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("precision", "bfloat16", "training.precision: float32 (baseline); bfloat16 (other)"),
        ("tf32", True, "training.tf32: False (baseline); True (other)"),
        ("compile", True, "training.compile: False (baseline); True (other)"),
    ],
)
def test_settings_that_change_rounding_are_named_before_anything_runs(field: str, value: object, says: str) -> None:
    study = expansion({"other": {"training": {field: value}}}, seeds=(0,))
    (note,) = preview(study).notes
    assert says in note


def test_a_cpu_is_named_by_its_model() -> None:
    name = device_name(torch.device("cpu"))
    assert name.startswith("cpu: ") and len(name) > 5 and name == device_name(torch.device("cpu"))
