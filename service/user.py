"""Who runs this process."""

from __future__ import annotations

import getpass
import os
import re

USER_VARIABLE = "DIT_ABLATE_USER"
"""Whose run it is, where the account that it runs under does not tell: in a container or a Ray job."""


def user() -> str:
    """Returns who runs this process, as far as it is known; a number where the account has no name."""
    name = os.environ.get(USER_VARIABLE, "")
    if not name:
        try:
            name = getpass.getuser()
        except (KeyError, OSError, ImportError):  # an account without a name, as in containers
            name = str(os.getuid())
    return re.sub(r"[^\w.@-]+", "-", name)
