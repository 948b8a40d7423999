"""The verdicts of finished studies, kept on this machine: to import NumPy and SciPy takes longer than `status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from dit_core.kept import Kept
from service import statistics
from service.statistics.contrast import Contrast
from service.statistics.fitting import fitted
from service.statistics.measurements import Measurements
from service.statistics.verdict import Verdicts


def judged(measured: Measurements, contrasts: Sequence[Contrast], settings: Mapping[str, Any]) -> Verdicts:
    """Returns what ``judge`` says of the model that is fitted to measurements.

    Args:
        measured: what was measured.
        contrasts: all contrasts that are shown.
        settings: the other arguments of ``judge``.
    """
    from service.statistics.judge import judge  # NumPy and SciPy

    return judge(fitted(measured), contrasts, **settings)


def kept_verdicts(measured: Measurements, contrasts: Sequence[Contrast], settings: Mapping[str, Any]) -> Verdicts:
    """Returns what ``judged`` says, from the cache where it has said so before.

    Args:
        measured: what was measured.
        contrasts: all contrasts that are shown.
        settings: the other arguments of ``judge``, plain JSON data.
    """
    asked = [measured.told(), _plain().dump_python(tuple(contrasts), mode="json"), dict(settings)]
    found = _kept().read(asked)
    if found is None:
        found = judged(measured, contrasts, settings)
        _kept().keep(asked, found)
    return found


@cache
def _kept() -> Kept[Verdicts]:
    return Kept("verdicts", Verdicts, [Path(statistics.__file__).parent], ["numpy", "scipy"])


@cache
def _plain() -> TypeAdapter[tuple[Contrast, ...]]:
    """Makes JSON data of contrasts, in a tenth of the time that ``asdict`` takes."""
    return TypeAdapter(tuple[Contrast, ...])
