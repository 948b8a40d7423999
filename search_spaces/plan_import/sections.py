"""Lists below a title that are one entry together, as the labelled lines that say the same.

Below one title, the arms of a part (``- without (baseline)``, ``- with 4 registers``), the factors of a grid
(``Factor A: heads = 8, 9``) and the rungs of a ladder (``1. + RMSNorm``) are none of them entries of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from search_spaces.plan_import.stems import STOP_STEMS, stems

_TITLE = re.compile(r"^(?:#{1,6}\s+\S.*|(?:\d+[.)]\s+)?(?:\*\*|__)[^*_]+(?:\*\*|__):?)\s*$")
_ITEM = re.compile(r"^(?:[-*+]|\d{1,2}[.)])\s+(?P<said>\S.*)$")
_LABELLED = re.compile(r"^[*_]{0,3}[A-Z][\w /-]{1,30}[*_]{0,3}:\s*[*_]{0,3}\s*\S")

_ARM = re.compile(
    r"^(?:the\s+)?(?P<side>with|without|w/o|w/)(?![\w-])(?:\s+(?:it|this)\b)?(?P<mark>\s*[:,–—]\s*|\s+(?=[(\[])|\s+|$)(?P<said>.*)$",
    re.I,
)

_FACTOR = re.compile(
    r"^(?:[-*+]\s+)?[*_]{0,2}(?:factor|dimension|variable)\s+(?:[A-D]|[1-4])[*_]{0,2}\s*:\s*[*_]{0,2}\s*"
    r"(?P<name>[^{}∈=:]+?)\s*(?:∈|=|:|\bin\b)\s*(?:\{(?P<a>[^{}]+)\}|\[(?P<b>[^\[\]]+)\]|(?P<c>[^{}\[\]]+))\s*[.;]?$",
    re.I,
)

_NOT_ALL = re.compile(
    r"\b(?:only|except|skip\w*|without|not|diagonal|subset|fraction\w*|half|one at a time|alone"
    r"|separate\w*|individual\w*|random\w*)\b",
    re.I,
)
"""What says that not every combination of the levels is meant."""

_RUNG = re.compile(r"^(?P<sign>[+−])\s+(?P<said>[A-Za-z].*)$")
_BASE = re.compile(r"^(?:the\s+)?(?:[\w/-]+\s+){0,3}(?:baseline|reference|paper)\b[\w\s/-]{0,20}\.?$", re.I)
"""The baseline as the first line of a ladder."""


def sectioned(text: str) -> str:
    """Returns a text with every list that is one entry together as labelled lines."""
    lines, out = text.split("\n"), list[str]()
    at, fenced = 0, False
    while at < len(lines):
        fenced ^= re.match(r"\s*(?:```|~~~)", lines[at]) is not None
        out.append(lines[at])
        at += 1
        if fenced or not _TITLE.match(out[-1]):
            continue
        start = at
        while start < len(lines) and not lines[start].strip():
            start += 1
        end = start
        while end < len(lines) and lines[end].strip() and not _TITLE.match(lines[end]):
            end += 1
        close = next((n for n in range(end, len(lines)) if _TITLE.match(lines[n])), len(lines))
        for read in _READERS:
            if read is _factors and any(map(_NOT_ALL.search, lines[end:close])):
                continue
            if (said := read(lines[start:end], lines[at - 1])) is not None:
                out += ["", *said]
                at = end
                break
    return "\n".join(out)


def _arms(lines: list[str], title: str) -> list[str] | None:
    """The arms of a part: every item opens with the side that it is of, or is a labelled line."""
    found = [item["said"] if (item := _ITEM.match(line)) is not None else "" for line in lines]
    sides: dict[str, list[str]] = {}
    others: list[str] = []
    for said, line in zip(found, lines, strict=True):
        arm = _ARM.match(said)
        if arm is None:
            if not _LABELLED.match(said):
                return None
            others.append(line)
            continue
        gone = arm["side"].lower() in ("without", "w/o")
        what = arm["said"].strip()
        joined = bool(what) and not arm["mark"].strip() and what[0] not in "(["
        if joined and not (({*stems(what)} & {*stems(title)}) - STOP_STEMS or (not gone and re.search(r"\d", what))):
            return None  # it is with or without another thing than the title
        if gone and joined:
            what = f"no {what}"
        sides.setdefault("Without" if gone else "With", []).append(what or ("without it" if gone else "with it"))
    if len(sides) < 2 or len(sides["Without"]) > 1:
        return None
    return [*(f"- {side}: {'; '.join(texts)}" for side, texts in sides.items()), *others]


def _factors(lines: list[str], title: str) -> list[str] | None:
    """The factors of a grid, each with the set of its levels."""
    found = [match for line in lines if (match := _FACTOR.match(line.strip())) is not None]
    if len(found) < 2:
        return None
    sets = [(match["name"].strip(" *_`"), match["a"] or match["b"] or match["c"]) for match in found]
    if any("," not in held for _, held in sets):
        return None
    rest = [line for line in lines if _FACTOR.match(line.strip()) is None]
    if any(map(_NOT_ALL.search, rest)):
        return None
    acted = any(re.match(r"^[-*+\s]*[*_]{0,2}action\b", line, re.I) for line in rest)
    names = " × ".join(name for name, _ in sets)
    levels = " × ".join(f"{name} {{{held.strip()}}}" for name, held in sets)
    every = [] if acted else ["- Action: every combination"]
    return [f"- Component: {names}", *every, f"- Levels: {levels}", "", *rest]


def _rungs(lines: list[str], title: str) -> list[str] | None:
    """The rungs of a ladder: what is added or taken away, below the baseline that it starts from."""
    found = [item["said"] if (item := _ITEM.match(line)) is not None else "" for line in lines]
    steps = [_RUNG.match(said) for said in found]
    base = bool(found) and steps[0] is None and _BASE.match(found[0]) is not None
    count = next((at for at, step in enumerate(steps) if step is None and (at or not base)), len(steps))
    counted = steps[int(base) : count]
    if len(counted) < 2 or any(_ITEM.match(line) and not _LABELLED.match(said) for line, said in zip(
        lines[count:], found[count:], strict=True
    )):  # fmt: skip
        return None
    out = [f"- Rung 0: {found[0]}"] if base else []
    for number, step in enumerate(filter(None, counted), 1):
        out.append(f"- Rung {number}: {'+' if step['sign'] == '+' else 'remove'} {step['said']}")
    return [*out, "", *lines[count:]]


_ONLY = re.compile(
    r"^(?:[-*+]\s+)?[*_]{0,2}(?:(?:an?|one|just one|only one|the)\s+)?(?:single|only|sole)\s+"
    r"(?:rung|step|stage|level|phase|run|change)[*_]{0,2}\s*[:–—-]\s*[*_]{0,2}\s*(?P<said>[A-Za-z].*)$",
    re.I,
)


def _one_step(lines: list[str], title: str) -> list[str] | None:
    """The only step of a part as what is done: ``A single stage: remove the flips``."""
    found = _ONLY.match(lines[0]) if lines else None
    return [f"- Action: {found['said']}", "", *lines[1:]] if found is not None else None


_READERS: tuple[Callable[[list[str], str], list[str] | None], ...] = (_arms, _factors, _rungs, _one_step)
