"""Image metrics of torchmetrics that a study names by their import path: which can score samples, and which way."""

from __future__ import annotations

import functools
import importlib
import inspect

import torchmetrics
import torchmetrics.image

from dit_core.errors import UserError, unknown
from dit_core.parts import MetricEntry

ROOM = "torchmetrics.image."
FEATURES = {"2048": "pool", "logits_unbiased": "logits"}
"""torchmetrics' name of features of Inception-v3 -> ours."""


@functools.cache
def entry(name: str, field: str) -> MetricEntry:
    """Returns what is known of a metric before it is made.

    Args:
        name: its import path, e.g. ``torchmetrics.image.fid.FrechetInceptionDistance``.
        field: the setting that names it, for the error.

    Raises:
        UserError: there is none, or it cannot score generated images alone or against a set of real ones.
    """
    found = kind(name, field)
    return MetricEntry(
        f"{found.__module__}:{found.__name__}",
        source=f"torchmetrics {torchmetrics.__version__}",
        description=f"{found.__name__} as torchmetrics {torchmetrics.__version__} computes it",
        direction="max" if found.higher_is_better else "min",
        network="Inception-v3" if feature_of(found) else None,
    )


@functools.cache
def kind(name: str, field: str = "metric") -> type[torchmetrics.Metric]:
    """Returns the class; the arguments and errors are those of ``entry``."""
    module, _, attribute = name.rpartition(".")
    found = None
    if name.startswith(ROOM):
        try:
            found = getattr(importlib.import_module(module), attribute, None)
        except ModuleNotFoundError as error:
            if error.name is None or not error.name.startswith("torchmetrics"):
                raise UserError(f"{field}: {name} needs the package {error.name}, which is not installed") from None
    if not (inspect.isclass(found) and issubclass(found, torchmetrics.Metric)):
        raise unknown(field, name, usable())
    wrong = _unfit(found)
    if wrong is not None:
        raise UserError(f"{field}: {name} {wrong}; allowed of torchmetrics: {', '.join(usable())}")
    return found


def takes_real(found: type[torchmetrics.Metric]) -> bool:
    """Whether a metric is given real images as well, and told which are."""
    return "real" in inspect.signature(found.update).parameters


def feature_of(found: type[torchmetrics.Metric]) -> str | None:
    """Returns which of our Inception-v3's features a metric compares; None for one that looks at images itself."""
    parameter = inspect.signature(found.__init__).parameters.get("feature")
    return None if parameter is None else FEATURES.get(str(parameter.default))


@functools.cache
def usable() -> tuple[str, ...]:
    """Returns the import paths of the image metrics of the installed torchmetrics that a study may name."""
    names = [name for name in torchmetrics.image.__all__ if _unfit(getattr(torchmetrics.image, name)) is None]
    return tuple(f"{getattr(torchmetrics.image, name).__module__}.{name}" for name in names)


def _unfit(found: type[torchmetrics.Metric]) -> str | None:
    """Says why a metric cannot score samples; None when it can."""
    given = [name for name in inspect.signature(found.update).parameters if name != "self"]
    if given != ["imgs", "real"] and len(given) != 1:
        return f"compares pairs of images ({', '.join(given)}), and a generated image has no partner"
    if not given[0].startswith("im"):
        return f"asks for a {given[0]}, and an evaluation has images"
    if found.higher_is_better is None:
        return "does not say whether more is better"
    return None
