"""Who runs a study: the name by which people that share a cluster know each other."""

from __future__ import annotations

import getpass
import os

USER_VARIABLE = "DIT_ABLATE_USER"
_LONGEST = 64


def user_name() -> str:
    """Returns ``$DIT_ABLATE_USER``, else the name of the account.

    A Ray job runs under the cluster's account, so whoever submits it sets the variable. The name says whose a study is;
    it proves nothing.
    """
    given = os.environ.get(USER_VARIABLE, "")
    name = "".join(letter for letter in given if letter.isprintable()).strip()[:_LONGEST]
    return name or _account()


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in a container that runs under any number
        return f"uid-{os.getuid()}"
