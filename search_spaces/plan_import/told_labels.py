"""Labels whose text sets nothing: what stays as it is, and how a result is read."""

from __future__ import annotations

import re

from search_spaces.words import words

_KEPT = frozenset(
    words(
        "kept keep held hold holding fixed constant constants unchanged unaltered untouched controlled control "
        "controls invariant invariants stays stay remains remain"
    )
)
_BESIDE = frozenset(
    words(
        "as is at to in all we everything else rest other others variables variable factors settings parameters "
        "hyperparameters params config configuration the what left things components parts are equal same across arms "
        "identical always"
    )
)
_WHOLE = frozenset((("everything", "else"), ("all", "else"), ("not", "changed")))
_CONTROL = frozenset(words("control arm"))
"""The arm that nothing is changed in; its label describes it."""
_OF_VALUES = frozenset(("fixed", "constant"))
"""Labels that may be a value themselves: ``fixed`` positions, a ``constant`` rate."""

_READING = re.compile(
    r"(?:decisions?|stop(?:ping)?|kill|accept(?:ance)?|rejection|pass(?:ing)?|fail(?:ure)?|success|adoption|promotion|abort|"
    r"exit|go(?: no go)?|pass (?:or )?fail) "
    r"(?:rules?|criteri(?:on|a)|thresholds?|conditions?|gates?|logic|policy)"
    r"|(?:stop|keep|adopt|accept|reject|ship|drop|abandon|pass|fail|falsified|refuted|confirmed|supported|kill|abort|"
    r"continue|succeeds?|success) (?:only )?(?:if|when|unless)"
    r"|pass (?:or )?fail|go (?:or )?no go|decisions?|verdict|falsification|interpretation(?: guide)?"
    r"|interpretation of (?:the )?results?|(?:how to (?:read|interpret)|reading|interpreting) "
    r"(?:it|(?:of )?(?:the )?results?)"
    r"|what (?:would|could|will|might)(?: \w+)? (?:change|falsify|refute|convince|settle|conclude)(?: \w+){0,3}"
    r"|what we(?: \w+)? (?:falsify|refute|settle|conclude)(?: \w+){0,3}"
)


def keeps(said: tuple[str, ...]) -> bool:
    """Whether the words of a label say that what stands below it stays as it is: ``kept_fixed``, ``held constant``."""
    return said in _WHOLE or (not {*said} <= _CONTROL and bool({*said} & _KEPT) and {*said} <= _KEPT | _BESIDE)


def may_be_value(said: tuple[str, ...]) -> bool:
    """Whether a label of what stays is one word that may be a value as well."""
    return len(said) == 1 and said[0] in _OF_VALUES


def decides(said: tuple[str, ...]) -> bool:
    """Whether the words of a label say that its text tells how a result is read: ``Decision rule``, ``Stop if``."""
    return _READING.fullmatch(" ".join(said)) is not None
