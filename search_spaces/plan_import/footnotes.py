"""Footnotes, in the place that they are on: ``8[^1]`` and ``8*`` say what stands below the entries of ``8``."""

from __future__ import annotations

import re

_DEFINED = re.compile(
    r"^[ \t>]*(?P<italic>[_*]?)(?P<mark>\[\^[^\]\s]{1,30}\]|\[\d{1,2}\](?!\()|\\\*(?:\\\*)?|\*(?!\*)|[†‡§¹²³⁴⁵⁶⁷⁸⁹]"
    r"|<sup>\w{1,2}</sup>)[ \t]*:?[ \t]*(?P<text>(?!<?https?:)[^\s*:][^\n]*(?:\n[ \t]{2,}(?![-*+]\s)\S[^\n]*)*)\n?",
    re.M,
)
"""A line that opens with the mark of a footnote."""

_CITES = re.compile(
    r"[A-Z][\w.'’-]+(?:\s+[A-Z][\w.'’-]*)*\s*(?:,|\band\b|&|\bet al\b)"
    r"(?=.*(?:\bet al\b|\bar[xX]iv\b|\bdoi\b|https?:|\b(?:19|20)\d\d[a-z]?\W*$))"
)
"""How a footnote reads that only names a paper."""

_BULLET = re.compile(r"^[ \t]*\*[ \t]+(?!\*\*\w)", re.M)
_EMPHASIS = re.compile(r"(?<![\w*\\])(\*{1,3})(?=[^\s*])[^*\n]*[^\s*\\]\1(?![\w*])|^[ \t]*\*[ \t]+")
"""What stands between stars, and the star of a list."""


def with_footnotes(text: str) -> str:
    """Returns a text with every footnote in brackets behind what bears its mark; one that nothing bears stays."""
    notes = [found for found in _DEFINED.finditer(text) if _is_footnote(found, text)]
    if not notes:
        return text
    places = {found.start(): f"\0{at}\0" for at, found in enumerate(notes)}
    rest = _DEFINED.sub(lambda found: places.get(found.start(), found[0]), text)
    for at, found in enumerate(notes):
        said = " ".join(found["text"].split()).rstrip(" .;_*" if found["italic"] else " .;").replace("|", "\\|")
        marked = _with(rest, _mark(found), f" ({said})")
        rest = marked.replace(f"\0{at}\0", found[0] if marked == rest else "\n")
    return rest


def _mark(found: re.Match[str]) -> str:
    return found["mark"].replace("\\", "")


def _is_footnote(found: re.Match[str], text: str) -> bool:
    """Whether a line that opens with a mark is a footnote; ``[1]`` may number an entry, but not at a text's end."""
    if _CITES.match(found["text"]):
        return False
    if re.fullmatch(r"\[\d+\]", _mark(found)):
        return not _DEFINED.sub("", text[found.end() :]).strip()
    return _mark(found) != "*" or _is_starred(found, text)


def _is_starred(found: re.Match[str], text: str) -> bool:
    """Whether a line that opens with a star is a footnote, and neither in italics nor one of a list."""
    line = found[0].strip()
    if line.startswith(("\\*", "_\\*", "*\\*")):
        return True
    if line.startswith("* "):
        return len(_BULLET.findall(text)) == 1
    return line.count("*") == 1


def _with(text: str, mark: str, put: str) -> str:
    """A text with what a mark stands for in the places of it."""
    if mark.strip("*"):
        pattern = r"[ \t]*" + re.escape(mark) + r"(?!\s*:|\()" if mark[0] == "[" else r"(?<=\S)[ \t]*" + re.escape(mark)
        return re.sub(rf"(?m)(?<!^){pattern}", lambda _: put, text)
    return "\n".join(_starred(line, len(mark), put) for line in text.split("\n"))


def _starred(line: str, count: int, put: str) -> str:
    """A line with its star behind a word replaced; a star that emphasis opens or closes is none."""
    star = re.compile(rf"(?<=[\w\])%])(?:\\?\*){{{count}}}(?![\w*])(?=\s*(?:[,;|)/.]|$|(?:and|or)\b))")
    out, at = "", 0
    for found in _EMPHASIS.finditer(line):
        out += star.sub(lambda _: put, line[at : found.start()]) + found[0]
        at = found.end()
    return out + star.sub(lambda _: put, line[at:])
