"""Paragraphs of a letter that say first what they are about: ``The next thing I would question is the block. I would``

The topic may be a sentence, a clause before a colon, or stand in front: ``For the label dropout, I would replace 10%``.
"""

from __future__ import annotations

import re

from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.sentences import SENTENCE_END, asks, entries_of, speaks, unled
from search_spaces.plan_import.telling import is_order
from search_spaces.plan_import.written import clean

_SOMEBODY = r"(?:(?:and|so|here|there|then|again),?\s+)*(?:i|we|you|let|please)\b"

_WISHED = re.compile(
    r"^(?:(?:and|but|then|also)\s+)?(?:the\s+|a\s+|an\s+|my\s+|our\s+)?(?:(?:first|second|third|fourth|fifth|next|last|other|only|main|"
    r"biggest|obvious|one|another|final)\s+)+(?:(?:thing|part|choice|point|component|piece|candidate|question|item|one"
    r"|suspect|ingredient|decision|design)\s+)?"
    r"(?:(?:that|which)\s+)?(?:i|we|you|one)(?:['’]d|['’]ll)?\s+(?:\w+\s+){1,4}?(?:is|are|would be|concerns?)\s+"
    r"(?P<title>[^.:;]{3,80})$",
    re.I,
)
"""What somebody would look at: ``The next thing we want to test is the norm``."""

_DESERVES = re.compile(
    r"^(?:(?:and|then|next|finally|similarly|likewise),?\s+)?(?P<title>(?!it\b|this\b|that\b|there\b|here\b|i\b|we\b)[^.:;,]{3,60}?)\s+"
    r"(?:also\s+)?(?:deserves?|merits?|needs?|is worth|are worth|warrants?|calls? for)\s+(?!to\b)[^.:;\d]{3,60}$",
    re.I,
)
"""A part that is worth a test: ``The EMA of the weights deserves a look as well``."""

_IN_FRONT = re.compile(
    r"^(?:(?:and|then|next|finally),?\s+)?(?:as\s+for|for|regarding|concerning|as\s+to|with\s+regard\s+to"
    r"|when it comes to|in the case of)\s+(?P<title>[^.:;,]{3,80}?)(?:\s+(?:that|which)\s[^.:;,]+)?,\s+"
    rf"(?P<rest>{_SOMEBODY}.*)$",
    re.I | re.S,
)
_COLON = re.compile(rf":\s+(?={_SOMEBODY})", re.I)


def topic_first(paragraph: str) -> tuple[str, str] | None:
    """What a paragraph says first that it is about, and what is to be done with it; None for any other paragraph."""
    first, *others = SENTENCE_END.split(paragraph.strip())
    head, *tail = _COLON.split(first, maxsplit=1)
    rest = " ".join((*tail, *others))
    found = _WISHED.match(clean(head)) or _DESERVES.match(clean(head))
    if found is None and (front := _IN_FRONT.match(paragraph.strip())) is not None:
        if any(
            axes_named(part)
            for entry in entries_of(clean(SENTENCE_END.split(front["rest"])[0]))
            for part in entry.parts
        ):
            return None  # what is done names its own part
        found, rest = front, front["rest"]
    if found is None or not rest or not (axes_named(found["title"]) or speaks(found["title"])):
        return None
    ordered = SENTENCE_END.split(rest)[0]
    if not (is_order(ordered, unled(ordered)) or asks(ordered)):
        return None
    return re.sub(r"^(?:the|my|your|our)\s+", "", clean(found["title"]), flags=re.I), clean(rest)
