"""The files that a page of the documentation shows."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def files_of(page: str) -> dict[str, str]:
    """Returns name -> text of every block of code that is marked with a file's name."""
    text = (ROOT / "docs" / page).read_text()
    return dict(re.findall(r"```\w+ file=(\S+)\n(.*?)```", text, re.DOTALL))


def write_files(page: str, folder: Path) -> list[str]:
    """Writes a page's files into a folder and returns their names."""
    found = files_of(page)
    for name, content in found.items():
        (folder / name).write_text(content)
    return list(found)
