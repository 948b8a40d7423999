"""A value, and the same in other words: ``1.0, i.e. no guidance``, ``adaLN, that is without its gates``."""

from __future__ import annotations

import re
from collections.abc import Callable

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.absence import Reading, is_absent
from search_spaces.plan_import.amounts import number_in
from search_spaces.plan_import.evidence import GENERAL, knows, others_named
from search_spaces.plan_import.loose import foreign, mentioned, own_words, terms_in
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.plan_import.value_words import own_values
from search_spaces.profiles import Profile

_SAME = re.compile(
    r"^(?P<head>[^;:()\[\]]+?)\s*[,;–—]?\s*[(\[]?\s*\b(?:i\.\s?e\.|that is(?: to say)?|in other words)[,:]?\s+"
    r"(?P<told>[^()\[\]]+?)\s*[)\]]?\s*$",
    re.I,
)


def in_other_words(
    text: str, axis: Axis, baseline: TrialConfig, profile: Profile, read: Callable[..., Reading]
) -> Reading | None:
    """Returns the value that a text says twice; None where the second half may say anything else.

    Args:
        text: what was written.
        axis: the axis whose value it is.
        baseline: the configuration that values must be possible with.
        profile: the baseline's profile.
        read: reads one half.
    """
    found = _SAME.match(text)
    if found is None:
        return None
    try:
        values, meaning = read(found["head"], axis, baseline, profile)
    except UserError:
        return None
    try:
        again = read(found["told"], axis, baseline, profile)[0]
    except UserError:
        return (values, meaning) if _describes(found["told"], values, axis, baseline, profile) else None
    return (values, meaning) if again == values else None


def _describes(text: str, values: tuple[object, ...], axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether words only tell what a value of a choice is: they name nothing else, and hold no number."""
    if not isinstance(axis, ChoiceAxis) or numbers_in(text) or foreign(text, places=True):
        return False
    named = {*mentioned(text, axis, profile)} - {*values, axis.current(baseline, profile)}
    own = own_words(axis)
    others = [other for other in others_named(text, axis, own_values(baseline, profile))
              if any(not {*term.stems} <= own for term in terms_in(text, other))]  # fmt: skip
    if named or others:
        return False
    known = own | STOP_STEMS | GENERAL | NEGATIONS | {"but"}
    return not any(knows(word) and len(word) > 1 for word in stems(text) if word not in known)


def in_brackets(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``every position becomes a token (patch size 1)`` by the number that brackets give with the axis's name."""
    found = re.fullmatch(r"([^()\[\]]*\S)\s*[(\[]([^()\[\]]+)[)\]]\s*", text)
    if found is None or not isinstance(axis, NumberAxis) or numbers_in(found[1]) or NEGATIONS & set(stems(found[1])):
        return None
    inside = _EQUIVALENT.sub("", found[2])
    named = any(set(stems(name)) <= set(stems(inside)) for name in axis.names if len(name) > 1)
    inside = re.sub(r"(?<=\w\w)\s+[^\W\d_]\s*=", " =", inside) if named else inside  # "guidance scale s = 1"
    named = named or (
        _EQUIVALENT.match(found[2]) is not None and ("=" in inside or bool(set(stems(inside)) & own_words(axis)))
    )
    value = number_in(inside, axis, baseline, profile) if named and not foreign(found[1], places=True) else None
    if value is not None and value[0] != axis.remove_value and is_absent(found[1], axis, own_words(axis)):
        return None  # "unguided sampling (equivalent to w = 1.5)"
    return None if value is None else ((value[0],), value[1])


_EQUIVALENT = re.compile(
    r"^\W*(?:(?:which|this|that|it)\s+)?(?:is\s+)?(?:equivalent\s+to|identical\s+to|equal\s+to|amounts\s+to|"
    r"amounting\s+to|corresponds\s+to|corresponding\s+to|equals|the\s+same\s+as|same\s+as|i\.e\.,?)\s*"
    r"(?:(?:using|setting|having|an?|the)\s+)*",
    re.I,
)
"""What leads to a value that says the same: ``(equivalent to guidance scale s = 1)``."""
