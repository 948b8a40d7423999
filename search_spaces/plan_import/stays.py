"""What a replacement lists to stay as it is, though commas cut it: ``depth, width and heads stay those of DiT-XL``."""

from __future__ import annotations

import re

from dit_core.config import TrialConfig
from search_spaces.axes import AXES, Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.joined import called
from search_spaces.plan_import.loose import mentioned
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.stems import NEGATIONS, stems
from search_spaces.profiles import Profile

_STAY = re.compile(
    r"^(?P<what>[^:;()]+?)\s+(?:all\s+|both\s+|each\s+|then\s+)?"
    r"(?:stays?|remains?|(?:is|are)\s+(?:all\s+|both\s+)?(?:kept|held|left))\s+"
    r"(?:(?:unchanged|fixed|constant|untouched|put|the same|as (?:they|it) (?:are|is|were|was)|as before"
    r"|what (?:they|it) (?:are|is|were|was))"
    r"|(?:(?:those|that|the ones?)\s+of|(?:at|as in|as for)|the same as (?:in|for))\s+"
    r"(?:(?:the|our)\s+)?(?P<whose>baseline|reference|original(?: \w+)?|paper|DiT-\w+(?:/\d+)?))\W*$",
    re.I,
)
_ITEMS = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+", re.I)


def says_these_stay(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a text only lists what stays as it is in the baseline: other axes by their names, and no number.

    Args:
        text: what stands behind the values.
        axis: the axis that is varied, which does not stay.
        baseline: what stays is what it has, so that no other size may be named.
        profile: the baseline's profile.
    """
    found = _STAY.match(text.strip())
    if found is None or numbers_in(found["what"]) or NEGATIONS & set(stems(text)):
        return False
    size = AXES.get("size")
    if found["whose"] and isinstance(size, ChoiceAxis):
        name, _, patch = found["whose"].partition("/")
        named = set(mentioned(name, size, profile))
        if not named <= {size.current(baseline, profile)} or name.lower().startswith("dit") != bool(named):
            return False
        if patch and (axis.name == "patch_size" or patch != str(baseline.model.patch_size)):
            return False
    kept = [called(item) for item in _ITEMS.split(found["what"])]
    return all(len(one) == 1 and not set(AXES.get(one[0]).fields) & set(axis.fields) for one in kept)


def join_what_stays(
    texts: list[str], continued: set[int], axis: Axis, baseline: TrialConfig, profile: Profile
) -> set[int]:
    """Puts the pieces of such a list together again, and returns which pieces now continue the ones before them."""
    for end in range(len(texts) - 1, 0, -1):
        start = end
        while start in continued and start > 1:
            start -= 1
        for at in range(start, end):  # the longest list first
            whole = ", ".join(texts[at : end + 1])
            if says_these_stay(whole, axis, baseline, profile):
                texts[at : end + 1] = [whole]
                return {n if n <= at else n - (end - at) for n in continued if not at < n <= end}
    return continued
