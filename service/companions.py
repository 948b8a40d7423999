"""What studies are called that run with a study."""

from __future__ import annotations

from search_spaces.finalists import FINAL
from search_spaces.tuning import SUFFIX


def names(study: str) -> tuple[str, ...]:
    """Returns a study's name, and those of the study that tunes its arms and of the one of its search's best."""
    return (study, f"{study}{SUFFIX}", f"{study}{FINAL}")
