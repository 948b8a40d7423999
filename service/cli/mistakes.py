"""Mistakes in a study file or an option are told before what runs a study is imported, which takes longer."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from dit_core.errors import UserError
from search_spaces.load import presets, read_study_file
from service.sources import open_study

_STUDY_FILES = (".yaml", ".yml")


def refuse_mistakes(study: str, options: dict[str, Any]) -> None:
    """Reads a study file, or a preset, as whoever opens it later will, and forgets it.

    A study that names code from outside is left to whoever opens it: what it says may be right with that code only. So
    are plans and studies that lie in a store.

    Args:
        study: what was given.
        options: the choices that go with it.

    Raises:
        UserError: the mistake.
    """
    if "plugins" in options or "trust" in options:
        return
    if study not in presets():
        if not Path(study).is_file() or Path(study).suffix.lower() not in _STUDY_FILES:
            return
        with contextlib.suppress(UserError):
            if "plugins" in read_study_file(study):
                return
    open_study(study, options)  # type: ignore[arg-type]
