"""The ``dit-ablate`` command."""

from __future__ import annotations

DONE, FAILED, USER_ERROR, INTERRUPTED, KILLED = 0, 1, 2, 3, 130
"""Exit codes: all done; trials failed; a mistake in what was given; stopped and ready to continue; Ctrl-C twice."""


def main() -> None:
    """Entry point of ``dit-ablate``."""
    from service.cli.app import app

    app()
