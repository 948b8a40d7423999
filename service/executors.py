"""What goes with where segments run: lanes of a Ray cluster, or this process."""

from __future__ import annotations

import os

from dit_core.errors import UserError


def refuse_unused_address(address: str | None, executor: str) -> None:
    """Refuses the address of a cluster where none is used. One that the shell names for all commands is no mistake.

    Raises:
        UserError: it would be ignored.
    """
    if executor == "local" and address and address != os.environ.get("RAY_ADDRESS"):
        raise UserError(
            f"--address: {address} given with --executor local, which runs in this process and joins no cluster; "
            "leave one of them out"
        )
