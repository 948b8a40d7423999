"""Running studies: policies, Ray Tune and Train, the store, MLflow, the report, the command line and the Python API.

``from service import Client`` is the way in from Python; ``dit-ablate`` is the way in from a shell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search_spaces.study import Ablation, Baseline, Study
    from service.analysis.preview import Preview
    from service.analysis.study_result import StudyResult
    from service.client import Client

__all__ = ["Ablation", "Baseline", "Client", "Preview", "Study", "StudyResult"]

_WHERE = {
    "Ablation": "search_spaces.study",
    "Baseline": "search_spaces.study",
    "Client": "service.client",
    "Preview": "service.analysis.preview",
    "Study": "search_spaces.study",
    "StudyResult": "service.analysis.study_result",
}


def __getattr__(name: str) -> Any:
    # imported when asked for: `dit-ablate --help` must not wait for torch
    if name not in _WHERE:
        raise AttributeError(f"module 'service' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
