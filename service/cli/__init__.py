"""The ``dit-ablate`` command."""

from __future__ import annotations

import gc


def main() -> None:
    """Entry point of ``dit-ablate``."""
    gc.set_threshold(50_000)  # importing makes many objects that stay, among which nothing is to be found
    from dit_core.runtime.account import complete_environment
    from service.cli.app import app  # here, so that importing one view does not build every command
    from service.cli.console import write_what_can_be_written
    from service.cli.interrupt import leave_signals_to_the_system

    complete_environment()
    write_what_can_be_written()
    try:
        app()
    finally:
        leave_signals_to_the_system()
        gc.freeze()  # so that the interpreter does not look through all modules once more when it ends
