"""Studies in one line, checked as those of a file are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from search_spaces.load import study_from_data
from search_spaces.study import Ablation, Study


def ablation_study(name: str, ablations: Iterable[Ablation | str | Mapping[str, Any]], **more: Any) -> Study:
    """A study of one-factor questions; ``profile`` and ``overrides`` are its baseline's, the rest are its fields."""
    return _study({"name": name, "ablations": tuple(ablations)}, **more)


def grid_study(name: str, grid: Mapping[str, Sequence[Any]], **more: Any) -> Study:
    """A study of every combination."""
    return _study({"name": name, "grid": dict(grid)}, **more)


def _study(
    data: Mapping[str, Any], *, profile: str = "digits", overrides: Mapping[str, Any] | None = None, **more: Any
) -> Study:
    return study_from_data({**data, "baseline": {"profile": profile, "overrides": dict(overrides or {})}, **more})
