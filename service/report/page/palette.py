"""The colours of the page and of its figures, on light and on dark paper.

Figures are written in the light colours. The page swaps every one of them for its dark counterpart where the reader's
system is dark, and never does so in print or in a downloaded SVG.
"""

from __future__ import annotations

from service.report.style import OKABE_ITO
from service.report.verdict_figure import BETTER, OPEN, SAME, WORSE

PAPER, INK, SOFT, LINE, BAND = "#ffffff", "#1d1f23", "#5c636e", "#dfe2e7", "#b4b8bf"
"""Background, text, quiet text, rules and grids, and what lies behind the arms that are named."""
SERIES = OKABE_ITO

DARK = {
    PAPER: "#16181c",
    INK: "#e4e6ea",
    SOFT: "#a3abb6",
    LINE: "#363b43",
    BAND: "#5f666f",
    BETTER: "#5ab0ee",
    WORSE: "#ff8d4d",
    SAME: "#34c99b",
    OPEN: "#a9adb3",
    "#CC79A7": "#e39fc6",
    "#E69F00": "#f2b738",
    "#56B4E9": "#a8dcfb",
    "#8C564B": "#c99a86",
}
"""Light colour -> the same on dark paper, where it has to be lighter to be told from it."""
