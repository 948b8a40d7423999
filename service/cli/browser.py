"""Opens a page in the browser of the person at the terminal, once the server answers."""

from __future__ import annotations

import os
import sys
import threading
import time
import webbrowser

PATIENCE = 120.0
"""Seconds that a server may take to come up."""


def has_display() -> bool:
    """Whether a window can be opened here: without one, a browser of text would take the terminal over."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def open_when_up(server: str, page: str) -> None:
    """Opens ``page`` as soon as ``server`` answers, in a thread; does nothing where no window can be opened."""
    if has_display():
        threading.Thread(target=_open, args=(server, page), name="browser", daemon=True).start()


def _open(server: str, page: str) -> None:
    import urllib.error  # its HTTP takes as long to import as much of a command's own code
    import urllib.request

    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{server}/health", timeout=10):
                webbrowser.open(page)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
