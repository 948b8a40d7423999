"""What a plan says that the baseline is (``Baseline: DiT-B/4``), and whether it is so."""

from __future__ import annotations

import re

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES
from search_spaces.plan_import.rider_numbers import Values
from search_spaces.plan_import.values import read_values
from search_spaces.profiles import PROFILES, Profile
from search_spaces.words import words

_BESIDE = frozenset(words("baseline base model config configuration setting value arm the our study reference"))
_MODEL = re.compile(r"\bDiT-?(?P<size>XL|[SBL])(?:\s*/\s*(?P<patch>\d+))?(?![\w-])", re.I)

ANOTHER = (
    "it tells of another baseline than the study's, with which every arm is compared; change that one with --set, "
    "or leave this out"
)


def is_baseline(label: str) -> bool:
    """Whether a label says that its text is the baseline."""
    said = {*words(label)}
    return said <= _BESIDE and ("baseline" in said or {"base", "model"} <= said)


def another_baseline(text: str, values: Values, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a text below such a label names a model, or a value of an axis, that neither baseline has.

    Args:
        text: what is said; the paper's baseline is meant where a plan is of the paper.
        values: axis -> the values that an entry tries; empty outside of entries.
        baseline: the configuration that every arm is a change of.
        profile: the baseline's profile.
    """
    models = [(found["size"].upper(), found["patch"] or "2") for found in _MODEL.finditer(text)]
    if models and ("XL", "2") not in models:
        return True
    paper = PROFILES.get("paper")
    for name in values:
        axis = AXES.get(name)
        there = {axis.current(baseline, profile), axis.current(paper.config, paper)}
        try:
            said = {*read_values(text, axis, baseline, profile)[0]}
        except UserError:
            continue
        if len(said) == 1 and not said & there:
            return True
    return False
