"""Numbers beside a value that its configuration has, and those that it has not: ``(T = 64 tokens)``, ``(N = 14)``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES, Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.loose import mentioned
from search_spaces.plan_import.numerals import numbers_in, plain_numbers
from search_spaces.plan_import.stems import stems
from search_spaces.profiles import PROFILES, Profile

_APPROXIMATE = re.compile(r"(?:about|around|roughly|approximately|approx\.?|nearly|almost|some|[≈~])\s*[\d.,]", re.I)
_NAMED_NUMBER = re.compile(
    r"(?<![\w.])(?P<name>(?!(?:with|using|at|and|for|of|where|its|the|an?)\s)[^\W\d_][\w₀-₉-]{0,24}(?:\s+[a-z]{2,12})?)\s*(?:=|:)\s*(?P<a>[-+.\d][\d.,eE+-]*)"
    r"|\b(?P<word>base|theta|eta|momentum|rank|temperature|shift|exponent|gamma|alpha|epsilon|eps|radius|mean|std|sigma|mu|groups)\s+"
    r"(?:of\s+)?(?P<b>[.\d][\d.,eE+-]*)",
    re.I,
)
_PUBLISHED = {"base": (10000,), "theta": (10000,), "θ": (10000,), "eta": (0,), "η": (0,), "s": (0.008,), "gamma": (5,),
              "γ": (5,), "mean": (0,), "mu": (0,), "std": (1,), "sigma": (1,)}  # fmt: skip
"""Constants that a named value has here, too: of rotary positions, DDIM, the cosine schedule, min-SNR
weights and logit-normal timesteps."""

SYMBOLS = {"n": "depth", "l": "depth", "d": "hidden_size", "p": "patch_size", "h": "num_heads", "w": "guidance_scale",
            "lr": "learning_rate", "layer": "depth", "block": "depth", "head": "num_heads", "width": "hidden_size",
            "hidden": "hidden_size", "r": "mlp_ratio"}  # fmt: skip
"""What symbols and short words stand for in the paper."""

_COUNTED = re.compile(
    r"(?<![\w.])(?P<number>\d[\d.,]*)\s+(?:transformer\s+|dit\s+|attention\s+)?(?P<unit>layer|block|head)s\b", re.I
)
_TOKENS = re.compile(r"\b[TN]\s*=\s*(?P<t>\d+)\b(?!\.)|\b(?P<n>\d+)\s+(?:image\s+|patch\s+)?tokens?\b", re.I)
_HEAD_SIZE = re.compile(r"\bhead[\s-]+(?:dim\w*|size|width)\W+(?:of\s+)?(?P<number>\d+)\b", re.I)

Values = Mapping[str, Sequence[Any]]


def facts(values: Values, baseline: TrialConfig, profile: Profile) -> Iterator[TrialConfig]:
    """The configurations that the values make, of the paper's model and of the baseline."""
    paper = PROFILES.get("paper")
    for start, own in ((paper.config, paper), (baseline, profile)):
        yield start
        for name, row in values.items():
            for value in row:
                try:
                    yield AXES.get(name).apply(start, value, own)
                except (UserError, ValueError):
                    continue


def wrong_tokens(text: str, facts: Sequence[TrialConfig]) -> bool:
    """Whether a text tells a number of tokens that none of its patch sizes has."""
    known = {(one.model.input_size // one.model.patch_size) ** 2 for one in facts if one.model.patch_size}
    told = {int(found["t"] or found["n"]) for found in _TOKENS.finditer(text)}
    return bool(told) and not told <= known


def is_fact(number: float, axis: Axis, facts: Sequence[TrialConfig]) -> bool:
    """Whether an axis has a number in one of the configurations that an entry makes."""
    paper = PROFILES.get("paper")
    return any(axis.current(one, paper) == number for one in facts)


def gives_number(
    clause: str, values: Values, facts: Sequence[TrialConfig], profile: Profile, there: bool = False
) -> bool:
    """Whether a clause gives a number to something that does not have it with the values of its entry.

    What it says of what is ``there`` may be so before anything is tried, too.
    """
    if _APPROXIMATE.search(clause):
        return False
    plain = plain_numbers(clause)
    tried = [one for one in facts if there or one.model.num_heads in values.get("num_heads", (one.model.num_heads,))]
    if any(
        not any(int(found["number"]) * one.model.num_heads == one.model.hidden_size for one in tried)
        for found in _HEAD_SIZE.finditer(plain)
    ):
        return True
    plain = _HEAD_SIZE.sub(" ", plain)
    own = [axis for name in values if isinstance(axis := AXES.get(name), ChoiceAxis)]
    for found in _NAMED_NUMBER.finditer(plain):
        name, said = (found["name"] or found["word"]).lower(), numbers_in(found["a"] or found["b"])
        if any(mentioned(found[0], axis, profile) for axis in own):
            continue  # "alpha = 1" is a value
        if len(said) == 1 and not _has(name, said[0], values, facts):
            return True
    return any(
        not _has(found["unit"].lower(), number, values, facts)
        for found in _COUNTED.finditer(clause)
        for number in numbers_in(found["number"])
        if number > _DESCRIBES
    )


_DESCRIBES = 4
"""Up to how many layers a part may be described to have: ``a head with 2 layers``."""


def _has(name: str, number: float, values: Values, facts: Sequence[TrialConfig]) -> bool:
    """Whether what is called by a name or symbol has a number with the values of an entry."""
    if number in _PUBLISHED.get(name, ()) or any(number in row for row in values.values()):
        return True
    if name in ("t", "t_max", "tmax") and number == PROFILES.get("paper").config.diffusion.num_timesteps:
        return True
    if any(is_fact(number, AXES.get(one), facts) for one in values):
        return True
    if name in ("t", "n") and any((one.model.input_size // one.model.patch_size) ** 2 == number for one in facts):
        return True
    named = (SYMBOLS[stems(name)[0]],) if stems(name)[:1] and stems(name)[0] in SYMBOLS else axes_named(name)
    if set(named) & set(values):
        return True  # what the axis itself has is read, or not, where its values are
    known = [AXES.get(one) for one in named]
    return any(isinstance(axis, NumberAxis) and is_fact(number, axis, facts) for axis in known)
