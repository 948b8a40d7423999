"""What a study takes from the profile of its baseline where it says nothing, however the study is made.

Light on purpose: reading or making a ``Study`` must not wait for the networks that ``profiles`` describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from dit_core.errors import unknown

DEFAULT_POLICY = "futility"
"""The stopping policy of a study that names none."""

_OWN_IMAGES: dict[str, Any] = {
    "seeds": (0, 1, 2),
    "budget_images": 1_024_000,
    "rungs": (256_000, 512_000),
    "primary_metric": "fid",
    "policy": {"name": DEFAULT_POLICY},
    "resources": {},
    "checkpoint_images": None,
}

STUDY_DEFAULTS: dict[str, dict[str, Any]] = {
    "paper": {
        "seeds": (0, 1),
        "budget_images": 102_400_000,  # 400K steps of 256, where the paper compares its models
        "rungs": (25_600_000, 51_200_000),
        "primary_metric": "fid",
        "policy": {"name": DEFAULT_POLICY},
        "resources": {"workers": 8, "cpus_per_worker": 4, "gpus_per_worker": 1},
        "checkpoint_images": 2_560_000,
    },
    "digits": {
        "seeds": (0, 1),
        "budget_images": 51_200,
        "rungs": (12_800, 25_600),
        "primary_metric": "fd_digits_cnn",
        "policy": {"name": DEFAULT_POLICY},
        "resources": {},
        "checkpoint_images": None,
    },
    **{name: dict(_OWN_IMAGES) for name in ("pixels-16", "pixels-32", "pixels-64", "small-latents")},
}
"""Profile -> field of ``Study`` -> its value."""

OF_A_BUDGET = ("rungs", "checkpoint_images")
"""Fields that belong to a budget: a study that sets its own budget has none of its profile's."""


def completed(data: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a study's plain data with what it leaves out taken from its profile.

    Resources are completed one by one, so that ``resources: {lanes: 2}`` keeps the profile's workers and GPUs. Data
    that is complete already comes back as it is, whatever the profile supplies today.

    Args:
        data: field of ``Study`` -> value; values need not be valid.

    Raises:
        UserError: there is no such profile.
    """
    name = _profile(data.get("baseline", "digits"))
    if name not in STUDY_DEFAULTS:
        raise unknown("baseline.profile", name, STUDY_DEFAULTS)
    supplied = dict(STUDY_DEFAULTS[name])
    if "budget_images" in data:
        for field in OF_A_BUDGET:
            del supplied[field]
    full = {**supplied, **data}
    given = full["resources"]
    if isinstance(given, BaseModel):
        given = given.model_dump(exclude_unset=True)
    if isinstance(given, Mapping):
        full["resources"] = {**supplied["resources"], **given}
    return full


def _profile(baseline: Any) -> str:
    """The profile that a baseline names; what is no baseline at all is refused later, as what it is."""
    if isinstance(baseline, Mapping):
        return str(baseline.get("profile", "digits"))
    if isinstance(baseline, str):
        return baseline
    return str(getattr(baseline, "profile", "digits"))
