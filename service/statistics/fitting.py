"""The model of arms and seeds, imported with NumPy only where something is fitted: what was judged before is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.statistics.measurements import Measurements

if TYPE_CHECKING:
    from service.statistics.model import Fit


def fitted(measured: Measurements) -> Fit:
    """Returns the model, fitted to measurements; it follows from them alone."""
    from service.statistics import model

    return model.fitted(measured)
