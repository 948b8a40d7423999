"""What every arm of every preset is called, and that it changes only with a numerics version."""

from __future__ import annotations

from dataclasses import replace

import golden_identities as golden
import numerics
import pytest

from dit_core import identity
from dit_core.parts import METRICS, OPTIMIZERS

CASES = golden.cases()
CONTENT, STORED = golden.stored()


def test_every_arm_of_every_preset_has_the_stored_identities() -> None:
    hint = (
        "identities have changed, or an arm is new: stores that people have would lose what they hold; if that is on "
        "purpose see tests/helpers/golden_identities.py; if not, find out why"
    )
    assert {name: golden.identities(case) for name, case in CASES.items()} == STORED, hint
    now = numerics.versions()
    assert {key: CONTENT[key] for key in now} == now, hint


def test_arms_that_share_weights_do_so_knowingly() -> None:
    """Only what is sampled differently shares a training."""
    by_train: dict[str, set[str]] = {}
    for name, case in CASES.items():
        trained = case.config.model_copy(update={"evaluation": CASES["dit-digits: baseline"].config.evaluation})
        by_train.setdefault(golden.identities(case).train, set()).add(trained.model_dump_json())
        assert STORED[name].train != STORED[name].evaluation
    assert all(len(configs) == 1 for configs in by_train.values())


def test_an_identity_that_changes_without_a_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    arms = {name: CASES[f"dit-modern: {name}"] for name in ("baseline", "optimizer=muon")}
    before, old = numerics.versions(), golden.renew({}, {}, arms)
    assert golden.renew(before, old, arms) == old
    with pytest.raises(SystemExit, match="refused: baseline would no longer be found in stores"):
        golden.renew(before, {**old, "baseline": golden.Identities("0" * 64, "1" * 64)}, arms)

    raised = replace(OPTIMIZERS.about("muon"), numerics=OPTIMIZERS.about("muon").numerics + 1)
    with monkeypatch.context() as patch:
        patch.setitem(OPTIMIZERS._items, "muon", raised)
        new = golden.renew(before, old, arms)
        assert new["baseline"] == old["baseline"] and new["optimizer=muon"].train != old["optimizer=muon"].train
    with monkeypatch.context() as patch:
        metric = arms["baseline"].metric
        patch.setitem(METRICS._items, metric, replace(METRICS.about(metric), numerics=2))
        new = golden.renew(before, old, arms)
        assert all(new[name].train == old[name].train for name in arms)
        assert all(new[name].evaluation != old[name].evaluation for name in arms)
    monkeypatch.setattr(identity, "NUMERICS_VERSION", identity.NUMERICS_VERSION + 1)
    with pytest.raises(SystemExit, match="baseline, optimizer=muon would"):
        golden.renew({**before, numerics.CORE: numerics.NUMERICS_VERSION}, old, arms)
