"""What happens to files that cannot be read: refused or skipped, always named and counted."""

from __future__ import annotations

from collections.abc import Sequence

from dit_core.data.paths import printable
from dit_core.errors import UserError

NAMED = 5


def settle(bad: Sequence[str], total: int, what: str, policy: str) -> tuple[str, ...]:
    """Refuses corrupt files, or returns the note that says which were skipped.

    Args:
        bad: ``name (reason)`` of every corrupt file.
        total: files looked at.
        what: plural name of the files, e.g. ``images``.
        policy: ``data.corrupt``, ``refuse`` or ``skip``.

    Returns:
        No note when nothing is corrupt, otherwise one.

    Raises:
        UserError: when something is corrupt and the policy is ``refuse``, or nothing readable is left.
    """
    if not bad:
        return ()
    listed = printable(", ".join(bad[:NAMED])) + (f" and {len(bad) - NAMED} more" if len(bad) > NAMED else "")
    count = f"{len(bad)} of {total} {what} cannot be read: {listed}"
    if len(bad) == total:
        raise UserError(f"data.path: {count}; nothing is left to train on")
    if policy == "refuse":
        raise UserError(f"data.corrupt: {count}; repair or remove them, or set data.corrupt to skip")
    return (f"{len(bad)} of {total} {what} skipped because they cannot be read: {listed}",)
