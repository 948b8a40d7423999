"""Golden counts: what the networks of the golden losses cost, so that a changed count is noticed.

What was counted is recorded in stores under ``dit_core.kept_counts.VERSION``. ``PYTHONPATH=tests/helpers python -m
golden_counts`` adds the counts of new variants to the file. It changes a stored one only after that version, or a
numerics version of a part that the network uses, was raised, and refuses otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import golden

from dit_core.gflops import counts_of
from dit_core.kept_counts import VERSION

FILE = Path(__file__).parents[1] / "dit_core" / "data" / "golden_counts.json"


def counted() -> dict[str, dict[str, Any]]:
    """Returns the counts of every network among the golden losses' cases, by ``name_of``; each once."""
    found: dict[str, dict[str, Any]] = {}
    for config in golden.cases().values():
        for name, own in counts_of(config.model, config.training.mask_ratio).items():
            found[name] = {"params": own.params, "trainable_params": own.trainable_params, "macs": own.macs}
    return found


def stored() -> dict[str, dict[str, Any]]:
    """Returns the counts of the file."""
    return dict(json.loads(FILE.read_text())["counts"]) if FILE.exists() else {}


def main() -> None:
    """Adds what is new; what is there under the same name has to be the same."""
    before, now = stored(), counted()
    changed = [name for name in now if name in before and before[name] != now[name]]
    if changed:
        raise SystemExit(
            f"{len(changed)} counts have changed under their names; raise VERSION in dit_core/kept_counts.py, "
            "or the numerics of the part in dit_core/parts.py"
        )
    FILE.write_text(json.dumps({"version": VERSION, "counts": dict(sorted(now.items()))}, indent=1) + "\n")


if __name__ == "__main__":
    main()
