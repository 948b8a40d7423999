"""Paragraphs of a letter that count what they are about: ``First, patch size. I would ...``, ``Next comes the norm:``.

Such an opening is a title, whatever stands behind it, so that no paragraph of the row is passed over.
"""

from __future__ import annotations

import re

from search_spaces.plan_import.actions import leads_with_action
from search_spaces.plan_import.written import clean

_COUNT = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last)(?:ly)?(?:\s+of all|\s+but not least)?"
    r"|next|then|finally|after (?:that|this)|to (?:begin|start) with|in addition|also|moreover|another one"
    r"|(?:number\s+|point\s+|item\s+)?(?:one|two|three|four|five|six|seven|eight|nine|ten)(?=\s*[:.–—-])"
)
_OPENS = re.compile(
    rf"^[*_]{{0,2}}(?:and\s+)?(?:{_COUNT})[*_]{{0,2}}(?:\s*[,:.–—]\s*|\s+-\s+|\s+(?:up\s+)?"
    r"(?:comes?|is|are|there (?:is|are)|on my list is)\s+)"
    r"(?P<title>[^.:;?!,\n]{2,60}?)\s*(?P<sign>[.:?]|\s[–—-])\s+(?P<rest>\S.*)$",
    re.I | re.S,
)
_COLON = re.compile(rf"^(?:{_COUNT})\s*:", re.I)
_COUNTS = re.compile(rf"^[*_]{{0,2}}(?:and\s+)?(?:{_COUNT})\b", re.I)
_NO_TOPIC = re.compile(
    r"\b(?:i|we|you|they|it|this|that|these|those|let|please|is|are|was|were|would|should|could|can|will|must|has|have"
    r"|looks?|seems?|deserves?|remains?|matters?|appears?|uses?|gets?|needs?|may"
    r"|might|does|do|feels?|if|when|because|so)\b|['’](?:d|ll|re|ve|m|s)\b(?=\s+(?:also|then|like|try|use|go))",
    re.I,
)
"""Words of a sentence, which no topic has."""

_ASKS = re.compile(r"(?:how|what)\s(?!about\b)", re.I)
"""How a topic opens that is a clause: ``how it trains``."""

_MOST_WORDS = 8


def ordinal(paragraph: str) -> tuple[str, str] | None:
    """The topic that a paragraph opens with behind a word that counts it, and the rest; None for any other one."""
    found = _OPENS.match(paragraph)
    if found is None:
        return None
    title = clean(found["title"])
    plain = (
        found["sign"] == "." and len(title.split()) < 6 and not re.search(r"\b(?:i|we|you|is|are)\b|['’]", title, re.I)
    )
    if plain and _COLON.match(paragraph):
        return title, clean(found["rest"])  # "Three: both of these. ..."
    if (
        len(title.split()) > _MOST_WORDS
        or (_NO_TOPIC.search(title) and not _ASKS.match(title))
        or leads_with_action(title)
    ):
        return None
    return re.sub(r"^(?:the|my|your|our)\s+", "", title, flags=re.I), clean(found["rest"])


def one_by_one(sentences: list[str]) -> list[str]:
    """The sentences of a paragraph as a paragraph per topic, where all of them that open with a count name one."""
    starts = [at for at, said in enumerate(sentences) if _COUNTS.match(said)]
    rests = [" ".join(sentences[at:]) for at in starts]
    if len(starts) < 2 or any(ordinal(rest) is None for rest in rests):
        return [" ".join(sentences)]
    ends = [*starts[1:], len(sentences)]
    found = [" ".join(sentences[: starts[0]]), *(" ".join(sentences[a:b]) for a, b in zip(starts, ends, strict=True))]
    return [said for said in found if said]


def counts(lines: list[str]) -> bool:
    """Whether at least two of a text's lines open with a counted topic."""
    return sum(ordinal(line) is not None for line in lines) > 1
