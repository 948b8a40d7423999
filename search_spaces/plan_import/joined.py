"""Which axes a text names side by side: ``model size and patch size``."""

from __future__ import annotations

import re
from functools import lru_cache

from search_spaces.axes import AXES, axis_called
from search_spaces.plan_import.evidence import NAME, candidates, spelled
from search_spaces.plan_import.stems import stems
from search_spaces.plan_import.written import clean
from search_spaces.words import Words

_PLACED = re.compile(
    r"\b(?:(?:in|on|to|inside|of)\s+(?:the\s+|every\s+|each\s+|both\s+|all\s+)*(?:attention|mlps?\b|ffn|feed|blocks?\b|layers?\b|residual)"
    r"|in front of|ahead of|before|after|behind|around|inside(?: of)?|within|between|preceding|following)\b",
    re.I,
)

_CLAUSE = re.compile(r",?\s+\b(?:used (?:to|for)|which|that|so that|because|since|where|whereas|in which)\b", re.I)
"""What only describes the part before it."""

_STEPS = re.compile(r"\W*(?:(?:the|its|of|number|count)\s+)*steps\W*", re.I)
"""Steps beside a sampler, which are its own."""


def axes_joined(text: str) -> tuple[str, ...]:
    """Returns the axes that a text names side by side (``model size and patch size``); fewer than two are none."""
    bare = re.sub(r"[(\[][^()\[\]]*[)\]]", " ", text)
    if (aside := _CLAUSE.search(bare)) is not None and len(stems(bare[: aside.start()])) > 1:
        bare = bare[: aside.start()]  # "the adaLN block used to condition on timestep and class" is one block
    if (placed := _PLACED.search(bare)) is not None and axes_named(bare[: placed.start()]):
        bare = bare[: placed.start()]  # "the norm in front of attention and MLP" is one norm
    sides = [
        side
        for side in re.split(r"\band\b|\bversus\b|\bvs\b\.?|\btimes\b|\bwith\b|\bby\b|\s[x×*]\s|[×&+,/]", bare)
        if side.strip()
    ]
    whole, found = axes_named(bare), []
    for side in sides:
        own = axes_named(side)
        names = [name for name in own if name in whole] if own else called(side)
        if not names and "sampler" in whole and _STEPS.fullmatch(side):
            names = ["sampling_steps"]
        if len(names) == 1 and names[0] not in found:
            found.append(names[0])
    return tuple(found) if len(found) > 1 else ()


@lru_cache(maxsize=2**13)
def axes_named(text: str) -> tuple[str, ...]:
    """Returns the axes whose names stand in a text, longer names first where they overlap, in order."""
    said = stems(spelled(text))
    terms: list[tuple[Words, str, bool]] = []
    for candidate in candidates():
        terms += [(t.stems, candidate.name, candidate.axis is not None) for t in candidate.terms if t.counts == NAME]
        terms += [(t.stems, "", False) for t in candidate.terms if t.counts < NAME and len(t.stems) > 2]
        terms += [(phrase, "", False) for phrase in candidate.unlike]
    taken = [False] * len(said)
    found: dict[str, int] = {}
    for phrase, name, is_axis in sorted(terms, key=lambda term: (-len(term[0]), not term[2])):
        for start in range(len(said) - len(phrase) + 1):
            if said[start : start + len(phrase)] == phrase and not any(taken[start : start + len(phrase)]):
                taken[start : start + len(phrase)] = [True] * len(phrase)
                if is_axis:
                    found.setdefault(name, start)
    fields: dict[tuple[str, ...], str] = {}
    for name in sorted(found, key=lambda name: found[name]):
        fields.setdefault(AXES.get(name).fields, name)
    return tuple(fields.values())


_EVERY_ONE = re.compile(
    r"^\W*(?:(?:the|of|and|with|each|every|all|any|both|full|possible|combinations?|pairs?|pairings?)\s+)*", re.I
)


def called(text: str) -> list[str]:
    """The axis whose whole name a text is: ``model configuration``, of words that alone say nothing."""
    axis = axis_called(clean(_EVERY_ONE.sub("", text)))
    return [axis.name] if axis is not None else []
