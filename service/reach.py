"""Whether anything answers at an address that a person gave."""

from __future__ import annotations

import socket


def reach(host: str, port: int, timeout: float) -> None:
    """Opens a connection and closes it.

    Args:
        host: a name or a number, as it was given.
        port: as it was given, so perhaps none that there is.
        timeout: seconds to wait for an answer.

    Raises:
        OSError: nothing answers, or there can be no such host or port.
    """
    try:
        socket.create_connection((host, port), timeout=timeout).close()
    except UnicodeError:  # labels that are empty or longer than 63 characters
        raise OSError("no host can be called so") from None
    except OverflowError:
        raise OSError("a port is at most 65535") from None
