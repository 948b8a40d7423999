"""What needs PyTorch before a run on Ray is worked out in a process that ends, so that the driver need not have it.

The driver trains nothing, and stays as long as the study: PyTorch with what counts multiply-adds would take 500 MB of
it. What the other process has worked out lies in the machine's cache; where it did not get there, the driver does it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import Any

from search_spaces.load import presets

_LOADED_WITHOUT_PYTORCH = {"digits"}
"""Data sets that the driver loads without PyTorch; with any other it has it all the same."""


def count_apart(study: str, options: dict[str, Any]) -> None:
    """Counts and checks a study's arms in a forked process, whose answers are kept on this machine.

    Nothing is said here of what is wrong with the study: whoever opens it next finds it. Code from outside is left out.

    Args:
        study: what was given.
        options: the choices that go with it.
    """
    if "plugins" in options or "trust" in options or not (study in presets() or Path(study).is_file()):
        return
    if "torch" in sys.modules or threading.active_count() > 1 or not hasattr(os, "fork"):
        return
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            _work(study, options)
        os._exit(0)
    try:
        os.waitpid(child, 0)
    except BaseException:
        os.kill(child, 9)
        os.waitpid(child, 0)
        raise


def _work(study: str, options: dict[str, Any]) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    from search_spaces.expand import expand
    from service.preflight import prepare
    from service.sources import open_study

    opened = open_study(study, options)  # type: ignore[arg-type]
    expansion = expand(opened.study)
    if not opened.plugins and {arm.config.data.name for arm in expansion.arms} <= _LOADED_WITHOUT_PYTORCH:
        prepare(expansion)
