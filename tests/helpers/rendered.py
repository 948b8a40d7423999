"""What a terminal would show, as plain text."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType


def plain(renderable: RenderableType, width: int) -> str:
    """Renders without colours; trailing blanks are dropped."""
    buffer = io.StringIO()
    Console(file=buffer, width=width, color_system=None, highlight=False, force_terminal=False).print(renderable)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"
