"""What a config computes changes only on purpose: the losses of short trainings, one for every variant."""

from __future__ import annotations

from itertools import combinations

import golden
import pytest

from dit_core.data.config import DataConfig
from dit_core.diffusion.config import DiffusionConfig
from dit_core.identity import NUMERICS_VERSION
from dit_core.model.config import ModelConfig
from dit_core.training.config import TrainingConfig

CASES = golden.cases()
VERSION, STORED = golden.stored()

ELSEWHERE = {
    "model.input_size": "the data's",
    "model.in_channels": "the data's",
    "model.num_classes": "the data's",
    "model.mask_token": "goes with training.mask_ratio",
    "training.ema_decays": "follows the weights, see test_ema.py",
    "training.ema_warmup": "follows the weights, see test_ema.py",
    "training.initial_weights": "read from a file",
    "training.precision": "bfloat16 sums differ from CPU to CPU, see test_training_loop.py",
    "training.tf32": "GPUs only",
    "training.compile": "fused sums differ from compiler to compiler, see test_training_loop.py",
    "training.divergence_mse": "ends a trial, does not change it",
    "training.log_every_steps": "what is shown, not what is computed",
    **{f"data.{field}": "which images" for field in DataConfig.model_fields if field != "random_flip"},
}
"""Fields without a golden loss, and why."""


@pytest.mark.parametrize("name", CASES)
def test_the_losses_are_the_stored_ones(name: str) -> None:
    hint = (
        "the losses that a config produces have changed, or it is new; if that is on purpose, raise "
        "dit_core.identity.NUMERICS_VERSION where a stored number changed and run "
        "`PYTHONPATH=tests/helpers python -m golden`; if not, find out why"
    )
    assert VERSION == NUMERICS_VERSION, hint
    assert name in STORED, hint
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


def test_a_changed_number_needs_a_new_version() -> None:
    old = {"a": [(160, 1.0, 0.9, 0.1)], "gone": [(160, 1.0, 1.0, 0.0)]}
    rounded = {"a": [(160, 1.0, 0.9 + 1e-7, 0.1)], "b": [(160, 2.0, 2.0, 0.0)]}
    assert golden.renew(NUMERICS_VERSION, old, rounded) == {"a": old["a"], "b": rounded["b"]}
    changed = {"a": [(160, 1.0, 0.901, 0.1)]}
    with pytest.raises(SystemExit, match="refused: the losses of a changed, but NUMERICS_VERSION is still"):
        golden.renew(NUMERICS_VERSION, old, changed)
    assert golden.renew(NUMERICS_VERSION - 1, old, changed) == changed
    with pytest.raises(SystemExit):
        golden.renew(NUMERICS_VERSION, old, {"a": [(128, 1.0, 0.9, 0.1)]})
