"""What a study shows: statistics, figures, Markdown and one self-contained HTML file."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.report.build import Report, build_report

__all__ = ["Report", "build_report"]


def __getattr__(name: str) -> Any:
    # imported when asked for: who only wants to know what arms cost need not wait for what draws
    if name not in __all__:
        raise AttributeError(f"module 'service.report' has no attribute {name!r}")
    return getattr(import_module("service.report.build"), name)
