"""Comparisons mean the same while baseline and metric do."""

from __future__ import annotations

from typing import Any

import pytest

from search_spaces.analysis_plan import analysis_plan
from search_spaces.expand import expand
from search_spaces.study import Study


def digest(fingerprint: str = "images", **changes: Any) -> str:
    fields: dict[str, Any] = {
        "name": "plan",
        "baseline": {"profile": "digits", "overrides": {"size": "S"}},
        "ablations": [{"axis": "patch_size", "values": [2, 4]}],
        "seeds": [0, 1],
        "budget_images": 25_600,
        "rungs": [12_800],
        **changes,
    }
    return analysis_plan(expand(Study.model_validate(fields))).digest(fingerprint)


def overrides(**more: Any) -> dict[str, Any]:
    return {"profile": "digits", "overrides": {"size": "S", **{k.replace("__", "."): v for k, v in more.items()}}}


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": [5]},
        {"seeds": [0, 1, 2]},
        {"budget_images": 51_200, "rungs": [12_800, 25_600]},
        {"rungs": []},
        {"ablations": [{"axis": "patch_size", "values": [2, 4, 8]}, {"axis": "block", "values": ["adaln"]}]},
        {"ablations": [{"axis": "ema_decay", "values": [0.99, 0.9]}]},  # the baseline keeps the averages for them
        {"policy": "none"},
        {"name": "other"},
        {"resources": {"lanes": 2}},
        {"baseline": {"profile": "digits", "overrides": {"size": "S", "data.path": "/elsewhere"}}},
    ],
)
def test_what_leaves_the_plan_as_it_is(changes: dict[str, Any]) -> None:
    assert digest(**changes) == digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"baseline": overrides(size="B")},
        {"baseline": overrides(training__learning_rate=5e-4)},
        {"baseline": overrides(evaluation__sampling_steps=7)},
        {"baseline": overrides(evaluation__metrics=["fid", "fd_digits_cnn"]), "primary_metric": "fid"},
    ],
)
def test_what_makes_it_another(changes: dict[str, Any]) -> None:
    assert digest(**changes) != digest()


def test_other_images_make_it_another() -> None:
    assert digest("other images") != digest()
