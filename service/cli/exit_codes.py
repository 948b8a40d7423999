"""How a command ends, as a shell sees it."""

from __future__ import annotations

DONE, FAILED, USER_ERROR, INTERRUPTED, INCOMPLETE, KILLED = 0, 1, 2, 3, 4, 130
"""Exit codes: all done; trials failed; a mistake in what was given; stopped, or ended by a cap, and ready to continue;
a plan of which something was not understood or has to be settled, or a study that ``plan`` finds not ready to run;
Ctrl-C twice."""
