"""How items and phrases are joined into sentences."""

from __future__ import annotations

from collections.abc import Iterable


def listing(items: Iterable[str]) -> str:
    """Joins with commas and a final 'and'."""
    parts = list(items)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def sentence(text: str) -> str:
    """Makes a phrase a sentence: a capital first, a full stop last."""
    text = text.strip()
    return text if not text else f"{text[0].upper()}{text[1:]}" + ("" if text[-1] in ".!?" else ".")
