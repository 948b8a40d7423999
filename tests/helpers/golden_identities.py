"""Golden identities: what every arm of every preset is called, so that no store is orphaned by accident.

``PYTHONPATH=tests/helpers python -m golden_identities`` adds the identities of new arms to the file. It changes a
stored one only after a numerics version that the arm uses was raised, and refuses otherwise. Where a preset was changed
on purpose, so that the arm of that name is another trial now, remove its line first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numerics

from dit_core.config import TrialConfig
from dit_core.identity import eval_id, train_id
from search_spaces.expand import expand
from search_spaces.load import load_study, presets

FILE = Path(__file__).parents[1] / "search_spaces" / "data" / "golden_identities.json"
DATA, WEIGHTS = "the images", "the weights"
"""Stand for fingerprints, so that nothing need be there."""


class Case(NamedTuple):
    """One arm of a preset.

    Attributes:
        config: its configuration, with seed 0.
        images: what it trains on.
        metric: what it is compared by.
    """

    config: TrialConfig
    images: int
    metric: str


class Identities(NamedTuple):
    """What an arm is called.

    Attributes:
        train: its ``train_id``.
        evaluation: the ``eval_id`` of its final measurement.
    """

    train: str
    evaluation: str


def cases() -> dict[str, Case]:
    """Returns every arm of every preset, as ``preset: arm``."""
    studies = {name: load_study(name) for name in presets()}
    return {
        f"{name}: {arm.name}": Case(arm.config, study.budget_images, study.primary_metric)
        for name, study in studies.items()
        for arm in expand(study).arms
    }


def identities(case: Case) -> Identities:
    """Returns what this code calls an arm."""
    train = train_id(case.config, DATA, WEIGHTS)
    return Identities(train, eval_id(train, case.images, case.config, case.metric))


def stored() -> tuple[dict[str, Any], dict[str, Identities]]:
    """Returns the file, for its numerics versions, and its identities."""
    content = json.loads(FILE.read_text()) if FILE.exists() else {"identities": {}}
    return content, {name: Identities(*found) for name, found in content["identities"].items()}


def renew(content: Mapping[str, Any], old: Mapping[str, Identities], arms: Mapping[str, Case]) -> dict[str, Identities]:
    """Returns what the file should say.

    Args:
        content: the file, for the numerics versions that it was written under.
        old: the identities in the file.
        arms: every arm there is.

    Raises:
        SystemExit: an identity changed under the same numerics versions.
    """
    new = {name: identities(case) for name, case in arms.items()}
    changed = [
        name
        for name, case in arms.items()
        if name in old
        for evaluation in (False, True)
        if new[name][evaluation] != old[name][evaluation]
        and not numerics.raised(content, case.config, evaluation=evaluation)
    ]
    if changed:
        raise SystemExit(
            f"refused: {', '.join(dict.fromkeys(changed))} would no longer be found in stores, and no numerics version "
            "was raised; a field that is new needs `Added(as_before=...)` (dit_core/base.py); where the preset means "
            "another trial now, remove the line of its arm and come again"
        )
    return new


def main() -> None:
    """Renews the file."""
    found = renew(*stored(), cases())
    head = "".join(f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in numerics.versions().items())
    lines = [f"  {json.dumps(name)}: {json.dumps(pair)}" for name, pair in found.items()]
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(f'{{\n{head} "identities": {{\n' + ",\n".join(lines) + "\n }\n}\n")


if __name__ == "__main__":
    main()
