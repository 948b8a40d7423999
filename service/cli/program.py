"""How the program is called in a command that is printed, so that it can be pasted in any folder."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

NAME = "dit-ablate"


def as_called(command: str) -> str:
    """Returns a command of ``dit-ablate`` as its reader can paste it.

    Its bare name does where PATH finds this very program from any folder; else the whole path that it was called by.
    """
    program = Path(sys.argv[0])
    if program.name != NAME or not command.startswith(f"{NAME} "):
        return command
    found = shutil.which(NAME)
    if found is not None and Path(found).is_absolute() and Path(found).resolve() == program.resolve():
        return command
    return f"{shlex.quote(str(program.absolute()))}{command.removeprefix(NAME)}"
