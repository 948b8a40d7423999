"""What a config computes changes only on purpose: the losses of short trainings, one for every variant."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import golden
import numerics
import pytest

from dit_core import identity
from dit_core.data.config import DataConfig
from dit_core.diffusion.config import DiffusionConfig
from dit_core.model.config import ModelConfig
from dit_core.parts import OPTIMIZERS
from dit_core.training.config import TrainingConfig

CASES = golden.cases()
CONTENT, STORED = golden.stored()

ELSEWHERE = {
    "model.input_size": "the data's",
    "model.in_channels": "the data's",
    "model.num_classes": "the data's",
    "model.mask_token": "goes with training.mask_ratio",
    "model.alignment_layer": "goes with training.alignment_weight",
    "model.alignment_width": "goes with training.alignment_weight",
    "training.ema_decays": "follows the weights, see test_ema.py",
    "training.ema_lengths": "follows the weights, see test_ema.py",
    "training.ema_warmup": "follows the weights, see test_ema.py",
    "training.initial_weights": "read from a file",
    "training.precision": "bfloat16 sums differ from CPU to CPU, see test_training_loop.py",
    "training.tf32": "GPUs only",
    "training.compile": "fused sums differ from compiler to compiler, see test_training_loop.py",
    "training.micro_batch": "adds up but for rounding, see test_micro_batch.py",
    "training.activation_checkpointing": "has the same bits, see test_micro_batch.py",
    "training.divergence_mse": "ends a trial, does not change it",
    "training.log_every_steps": "what is shown, not what is computed",
    **{f"data.{field}": "which images" for field in DataConfig.model_fields if field != "random_flip"},
}
"""Fields without a golden loss, and why."""


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_losses_are_the_stored_ones(name: str) -> None:
    hint = (
        "the losses that a config produces have changed, or it is new; if that is on purpose, raise the numerics "
        "version concerned where a stored number changed (dit_core.identity.NUMERICS_VERSION, or that of a part in "
        "dit_core.parts) and run `PYTHONPATH=tests/helpers python -m golden`; if not, find out why"
    )
    assert name in STORED, hint
    assert not numerics.raised(CONTENT, CASES[name]), hint
    found = golden.losses(CASES[name])
    assert golden.distance(found, STORED[name]) <= golden.tolerance(name), (hint, found, STORED[name])


def test_every_field_and_every_registered_variant_has_one() -> None:
    assert set(STORED) == set(CASES)
    covered = {*golden.REGISTRIES, *golden.VALUES}
    sections = {"model": ModelConfig, "diffusion": DiffusionConfig, "training": TrainingConfig, "data": DataConfig}
    fields = {f"{section}.{field}" for section, config in sections.items() for field in config.model_fields}
    assert covered | set(ELSEWHERE) == fields
    assert not covered & set(ELSEWHERE)
    for field, registry in golden.REGISTRIES.items():
        missing = [value for value in registry if f"{field}={value}" not in CASES]
        assert len(missing) == 1, field  # the baseline's own
    assert all(f"{field}={value}" in CASES for field, value in golden.VALUES.items())


def test_no_two_variants_have_the_same_losses() -> None:
    """Otherwise a variant that is ignored would go unnoticed: apart by ten times what another CPU may be off."""
    for left, right in combinations(STORED, 2):
        apart = golden.distance(STORED[left], STORED[right])
        assert apart > 10 * min(golden.tolerance(left), golden.tolerance(right)), (left, right)


BASE, MUON = "baseline", "training.optimizer=muon"
OLD: dict[str, list[golden.Point]] = {
    BASE: [(160, 1.0, 0.9, 0.1)],
    MUON: [(160, 2.0, 1.9, 0.1)],
    "gone": [(160, 1.0, 1.0, 0.0)],
}


def renewed(new: dict[str, list[golden.Point]], content: dict[str, Any] | None = None) -> dict[str, list[golden.Point]]:
    return golden.renew(numerics.versions() if content is None else content, OLD, new, CASES)


def test_a_changed_number_needs_a_new_version(monkeypatch: pytest.MonkeyPatch) -> None:
    rounded = {BASE: [(160, 1.0, 0.9 + 1e-7, 0.1)], "model.norm=rmsnorm": [(160, 2.0, 2.0, 0.0)]}
    assert renewed(rounded) == {BASE: OLD[BASE], "model.norm=rmsnorm": rounded["model.norm=rmsnorm"]}
    changed: dict[str, list[golden.Point]] = {BASE: [(160, 1.0, 0.901, 0.1)], MUON: [(160, 2.0, 1.8, 0.1)]}
    with pytest.raises(SystemExit, match=f"refused: the losses of {BASE}, {MUON} changed, but no numerics version"):
        renewed(changed)
    with pytest.raises(SystemExit):
        renewed({BASE: [(128, 1.0, 0.9, 0.1)]})
    before = numerics.versions()
    monkeypatch.setattr(numerics, "NUMERICS_VERSION", identity.NUMERICS_VERSION + 1)
    assert renewed(changed, before) == changed


def test_a_part_of_a_new_version_renews_its_own_cases_only(monkeypatch: pytest.MonkeyPatch) -> None:
    before = numerics.versions()
    muon = replace(OPTIMIZERS.about("muon"), numerics=OPTIMIZERS.about("muon").numerics + 1)
    monkeypatch.setitem(OPTIMIZERS._items, "muon", muon)
    moved: list[golden.Point] = [(160, 2.0, 1.8, 0.1)]
    assert renewed({BASE: OLD[BASE], MUON: moved}, before) == {BASE: OLD[BASE], MUON: moved}
    with pytest.raises(SystemExit, match=f"refused: the losses of {BASE} changed"):
        renewed({BASE: [(160, 1.0, 0.901, 0.1)], MUON: moved}, before)
