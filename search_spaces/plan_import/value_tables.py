"""Tables of results that are still empty, below the paragraph that they belong to: the rows are what is tried.

``**Patch size.** We vary it.`` above ``| p | FID |``, ``| 2 (default) | |``, ``| 4 | |``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from search_spaces.plan_import.blocks import Block
from search_spaces.plan_import.labels import METRICS, PART, REMARK, TITLE, is_sure, kind_of
from search_spaces.plan_import.measures import is_metric
from search_spaces.plan_import.written import clean

_EMPTY = " -–—?…."


def with_values(blocks: Sequence[Block]) -> list[Block]:
    """The blocks of a text, with what such a table lists told at the end of the paragraph above it."""
    found: list[Block] = []
    at = 0
    while at < len(blocks):
        end = at + 1
        while blocks[at].kind == "row" and end < len(blocks) and blocks[end].kind == "row" and not blocks[end].opens:
            end += 1
        above = next((spot for spot in range(len(found) - 1, -1, -1) if found[spot].kind != "gap"), None)
        told = _told([block.cells for block in blocks[at:end]]) if blocks[at].kind == "row" else ""
        if told and above is not None and found[above].kind == "line" and not found[above].bullet:
            said = found[above].text.rstrip()
            stop = "" if said[-1:] in ".!?" else "."
            found[above] = replace(found[above], text=f"{said}{stop} {told}")
        else:
            found += blocks[at:end]
        at = end
    return found


def _told(rows: Sequence[tuple[str, ...]]) -> str:
    """What a table lists, as labels and texts; empty for any other table."""
    head, *below = rows
    metrics = [clean(cell).rstrip(" ↓↑") for cell in head[1:]]
    if len(below) < 2 or not metrics or any(len(row) != len(head) for row in below):
        return ""
    if not all(is_metric(label) or kind_of(label) == METRICS for label in metrics):
        return ""
    if is_sure(clean(head[0])) and kind_of(clean(head[0])) in (PART, TITLE, REMARK):
        return ""
    if any(cell.strip(_EMPTY) for row in below for cell in row[1:]):
        return ""
    values = [clean(row[0]) for row in below]
    if not all(values) or any(":" in value or ";" in value for value in values):
        return ""
    return f"Values: {'; '.join(values)}. Metrics: {'; '.join(metrics)}"
