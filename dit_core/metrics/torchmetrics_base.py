"""The two classes of torchmetrics that every metric needs, without all the metrics that come with them.

``import torchmetrics`` imports every metric that it has, and with them torchvision, transformers, SciPy and
``torch._dynamo`` where they are installed: 200 MB and three seconds in each process that scores. Here the package is
there without its content, as far as its own base classes go; whatever else is asked of it loads it whole, so that
nobody else sees a difference.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchmetrics import Metric, MetricCollection

NAME = "torchmetrics"


class _OnDemand(ModuleType):
    """A package that runs its own ``__init__`` when it is first asked for something that is not there yet."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":  # what the import system and inspection try
            raise AttributeError(name)
        # from here on it is as any package: who asks it for something while it loads finds what is there by then
        self.__class__ = ModuleType  # type: ignore[assignment]
        spec = self.__spec__
        assert spec is not None and spec.loader is not None
        spec.loader.exec_module(self)
        return getattr(self, name)


def _base() -> tuple[Any, Any]:
    """Returns ``Metric`` and ``MetricCollection``."""
    spec = importlib.util.find_spec(NAME) if NAME not in sys.modules else None
    if spec is not None:
        package = importlib.util.module_from_spec(spec)
        package.__class__ = _OnDemand
        package._logger = logging.getLogger(NAME)  # type: ignore[attr-defined]  # all that its base classes ask of it
        sys.modules[NAME] = package
        try:
            importlib.import_module(f"{NAME}.utilities")
            return (
                importlib.import_module(f"{NAME}.metric").Metric,
                importlib.import_module(f"{NAME}.collections").MetricCollection,
            )
        except ImportError:  # another version, laid out otherwise
            for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
                del sys.modules[name]
    whole = importlib.import_module(NAME)
    return whole.Metric, whole.MetricCollection


if not TYPE_CHECKING:
    Metric, MetricCollection = _base()

__all__ = ["Metric", "MetricCollection"]
