"""The verdicts of finished studies, kept on this machine: SciPy takes longer to import than status to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from dit_core.kept import Kept
from service import statistics
from service.statistics.contrast import Contrast
from service.statistics.judge import judge
from service.statistics.model import Fit
from service.statistics.verdict import Verdicts


def kept_verdicts(fit: Fit, contrasts: Sequence[Contrast], settings: Mapping[str, Any]) -> Verdicts:
    """Returns what ``judge`` says, from the cache where it has said so before.

    Args:
        fit: the fitted model.
        contrasts: all contrasts that are shown.
        settings: the other arguments of ``judge``, plain JSON data.
    """
    asked = [
        fit.arms,
        fit.seeds,
        fit.scale,
        [found.tolist() for found in (fit.design.arm_of, fit.design.seed_of, fit.y)],
        fit.training,
        fit.left_out,
        [asdict(contrast) for contrast in contrasts],
        dict(settings),
    ]
    found = _kept().read(asked)
    if found is None:
        found = judge(fit, contrasts, **settings)
        _kept().keep(asked, found)
    return found


@cache
def _kept() -> Kept[Verdicts]:
    return Kept("verdicts", Verdicts, [Path(statistics.__file__).parent], ["numpy", "scipy"])
