"""The table of faults: as text, and in docs/reliability.md between its two marks."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from worlds import Row

_HEAD = ("fault", "tried", "survived", "lost", "duplicated", "bit-identical", "temporary files left")
_BEGIN, _END = "<!-- table of `make faults` -->", "<!-- end of the table -->"


def render(rows: Sequence[Row], inputs: tuple[int, int] | None, seed: int, seconds: float) -> str:
    """Returns the table as Markdown, with where and when it was made."""
    lines = [f"| {' | '.join(_HEAD)} |", "|" + "---|" * len(_HEAD)]
    lines += [f"| {' | '.join(row.cells())} |" for row in rows]
    if inputs is not None:
        tried, failed = inputs
        lines.append(
            f"| generated bad studies, plans, options and records | {tried} | {tried - failed} | - | - | - | - |"
        )
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    day = datetime.now(UTC).date().isoformat()
    lines.append(f"\nMade on {day}, {machine}; seed {seed}; {seconds / 60:.0f} minutes.")
    return "\n".join(lines)


def write(document: Path, text: str) -> None:
    """Replaces the table in the document."""
    old = document.read_text()
    between = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    if not between.search(old):
        raise SystemExit(f"{document}: has no marks {_BEGIN} and {_END}")
    document.write_text(between.sub(lambda _: f"{_BEGIN}\n{text}\n{_END}", old))
