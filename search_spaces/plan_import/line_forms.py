"""How lines of a plan go on in the next one, or count what they say."""

from __future__ import annotations

import re

RUN_ON = re.compile(r"\s*[.,;]\s+(?=(?P<label>[A-Z][A-Za-z ]{2,40}):\s)")
"""Where one label may follow another in running text: ``Ablated Part: patch size. Action: REPLACE.``"""

_LEADING = (
    r"(?:with|by|to|for|among|over|from|as|(?:one|each|any|all|either) of|these|follows"
    r"|(?:the )?following(?: [a-z-]+)?)"
)
LEADS_ON = re.compile(rf"(?:(?:[\s,]+\b{_LEADING})+\s*:?|:)[*_`]*\s*$", re.I)
"""How an action ends whose values stand below it: ``Replace the decoder with:``."""

COUNTS = re.compile(r"^(?P<mark>[a-h])[.)]\s+(?=\S)", re.I)
"""What counts an item beside its bullet: ``- a. ReLU``."""

STAYS = re.compile(r"^\W*(?:we\s+)?(?:keep|hold|leave|fix)\b|\b(?:unchanged|kept|held|untouched)\b", re.I)
"""What says below an action what stays as it is."""
