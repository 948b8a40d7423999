"""An own Ray answers to nobody else: it listens on the loopback interface, and asks for a token that nobody else knows.

Whoever reaches a Ray runs code as its owner. Ray by itself listens on every interface of the machine, whatever address
it is given, and takes its token from a file in the home folder, which other users may be able to read.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator

from ray._private import ray_constants

MODE, TOKEN, TOKEN_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray's way to say that this machine is no part of a cluster; on Linux, too."""


@contextlib.contextmanager
def closed_to_others() -> Iterator[None]:
    """Closes the Ray that is started meanwhile to other machines and to other users of this one.

    What the environment says of tokens stays: ``RAY_AUTH_MODE=disabled``, or a token of the person's own.
    """
    own = os.environ.get(MODE, "token").lower() == "token"
    own = own and not os.environ.get(TOKEN) and not os.environ.get(TOKEN_PATH)
    token = {MODE: "token", TOKEN: secrets.token_hex(32)} if own else {}
    changed = {**_LOOPBACK, **token}
    before = {name: os.environ.get(name) for name in changed}
    clustered = getattr(ray_constants, "ENABLE_RAY_CLUSTER", None)
    os.environ.update(changed)
    ray_constants.ENABLE_RAY_CLUSTER = False  # it was read from the environment when Ray was imported
    _read_tokens_anew()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        ray_constants.ENABLE_RAY_CLUSTER = clustered
        _read_tokens_anew()


def _read_tokens_anew() -> None:
    """Ray reads mode and token once; this process may reach another cluster before or afterwards."""
    with contextlib.suppress(ImportError):  # Ray before 2.52 knows no tokens
        from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()
