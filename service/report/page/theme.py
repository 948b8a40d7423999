"""The palette as the page's style sheet and its script take it."""

from __future__ import annotations

import json

from service.report.page.palette import DARK, INK, LINE, PAPER, SOFT

_NAMES = {"paper": PAPER, "ink": INK, "soft": SOFT, "line": LINE}


def colours(dark: bool) -> str:
    """Returns the style sheet's variables of the colours that text and figures share."""
    return " ".join(f"--{name}: {DARK[shade] if dark else shade};" for name, shade in _NAMES.items())


def swaps() -> str:
    """Returns which colour of a figure becomes which one on dark paper, as JSON."""
    return json.dumps(DARK)
