"""Text that is crossed out: it is taken out of an entry, and a note names it."""

from __future__ import annotations

import re

STRUCK = re.compile(r"~~(?P<two>[^~]+)~~|(?<![\w~])~(?P<one>[^~\s](?:[^~\n]*[^~\s])?)~(?![\w~])")
"""What stands between two tildes, or one as GitHub has it; ``~8`` is about 8."""

_NUMBERED = re.compile(r"\W*(?:\d{1,3}[.)])?\W*")
"""What of an item may stay when the rest of it is crossed out."""


def without_struck(text: str) -> str:
    """Returns a text without what is crossed out; one of which nothing else is left stays as it is."""
    bare = re.sub(rf"(?:{STRUCK.pattern})[ \t]*", "", text)
    return text if bare == text or _NUMBERED.fullmatch(bare) else bare


def is_struck(text: str) -> bool:
    """Whether all of a text is crossed out."""
    bare = STRUCK.sub(" ", text)
    return bare != text and _NUMBERED.fullmatch(bare) is not None


def struck_in(text: str) -> list[str]:
    """Returns what is crossed out in a text."""
    found = [re.sub(r"[*`]", "", one["two"] or one["one"]).strip() for one in STRUCK.finditer(text)]
    return [said for said in found if said]


def each_struck(text: str) -> str:
    """Returns a text in which the items of a list are crossed out one by one: ``~~4, 8~~`` as ``~~4~~, ~~8~~``."""

    def one_by_one(found: re.Match[str]) -> str:
        items = re.split(r"\s*[;,]\s+", found["two"] or found["one"])
        return ", ".join(f"~~{item.strip()}~~" for item in items if item.strip())

    return STRUCK.sub(one_by_one, text)


def struck_lines(text: str) -> str:
    """Returns a text in which lines that are crossed out together are crossed out one by one."""

    def one_by_one(found: re.Match[str]) -> str:
        if "\n" not in found[1]:
            return found[0]
        lines = [re.match(r"(\s*(?:(?:[-*+]|\d+[.)]|#{1,6})\s+)?)(.*)", line) for line in found[1].split("\n")]
        return "\n".join(f"{line[1]}~~{line[2]}~~" if line[2].strip() else line[0] for line in lines if line)

    return re.sub(r"(?<!~)~~(?=[^\s~])([^~]*[^\s~])~~(?!~)", one_by_one, text)
