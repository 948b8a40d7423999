"""How a command ends, as a shell sees it."""

from __future__ import annotations

DONE, FAILED, USER_ERROR, INTERRUPTED, KILLED = 0, 1, 2, 3, 130
"""Exit codes: all done; trials failed; a mistake in what was given; stopped and ready to continue; Ctrl-C twice."""
