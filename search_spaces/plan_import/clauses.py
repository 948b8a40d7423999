"""What stands behind a value, cut off from it by a comma or semicolon, and only describes it.

``A fixed variance; the network predicts noise only`` names one value. The clause behind it holds no number, names no
other axis and nothing that is not varied, so that it changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from dit_core.config import TrialConfig
from search_spaces.axes import Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.actions import leads_with_action
from search_spaces.plan_import.doing import says_constant
from search_spaces.plan_import.evidence import GENERAL, others_named
from search_spaces.plan_import.loose import foreign, mentioned, own_words
from search_spaces.plan_import.numerals import TIMES, numbers_in
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.plan_import.value_words import own_values
from search_spaces.profiles import Profile

_OPENS = re.compile(
    r"^\W*(?:so(?: that)?|which|that|where(?:by|as)?|while|because|since|thus|hence|i\.e\.|meaning|making|leaving|"
    r"giving|keeping|ensuring|allowing|letting|resulting|yielding|matching|as (?:in|before|usual)|in line with|"
    r"following|consistent with)\b",
    re.I,
)
_SUBJECT = re.compile(
    r"^\W*(?:and\s+)?(?:the|all|every|each|both|no|its?|this|they|these|we|only|everything|nothing|other)\b.*?\s"
    r"(?:is|are|was|were|be|stays?|remains?|keeps?|has|have|gets?|becomes?|starts?|begins?|enters?|sees?|"
    r"\w{3,}(?:ts|ses|ps|rns|des|ves|ks|ms|ns|ds|res|tes|zes|ces)|kept|held|trained|unchanged|shared)\b",
    re.I,
)
_WHERE = re.compile(
    r"^\W*(?:full|whole|complete|all|dense|same|unchanged)\b[\w\s]*\b(?:at|in|during|for)\s+"
    r"(?:inference|sampling|evaluation|test(?: time)?|generation)\W*$",
    re.I,
)
"""What holds outside of training: ``full sequence at inference``."""

_WITH = re.compile(
    r"^\W*with\s+(?:the|all|every|each|both|its)\s+(?:[\w-]+\s+){1,4}?"
    r"(?:predict|output|estimat|regress|produc|emit|return|receiv|enter|see|attend|start|act|serv|carry|pass)ing\b",
    re.I,
)
"""What a part does beside a value: ``with the decoder predicting only the noise``."""

_DOERS = frozenset(
    stems(
        "decoder network model transformer block layer predict output estimate regress produce emit return receive "
        "enter see attend start act serve carry pass"
    )
)

_AT_FIRST = re.compile(
    r"\s+(?:at|in)\s+(?:the\s+)?(?:training\s+|very\s+)*(?:step|iteration|epoch)\s+(?:0|1|zero|one)\b", re.I
)
"""The beginning of training, as a number: ``so every block is the identity at step 0``."""

_EVERY_ONE = re.compile(
    r"\b(?:every|each|all)\s+(?=(?:\w+\s+)?(?:blocks?|layers?)\s+(?:is|are|was|were|starts?|begins?|has|have|sees?|acts?|"
    r"behaves?|becomes?|passes|pass)\b)",
    re.I,
)
"""How many of what every model has do something: ``so every block is the identity`` shares no block."""


def is_clause(text: str, axis: Axis, baseline: TrialConfig, profile: Profile, values: Sequence[Any] = ()) -> bool:
    """Whether a text is a clause that describes what stands before it, and changes nothing.

    Args:
        text: what stands behind a comma or semicolon.
        axis: the axis whose values are listed.
        baseline: what it says of the baseline's own values changes nothing.
        profile: the baseline's profile.
        values: the values before it, which it may name again.
    """
    text = _AT_FIRST.sub(" ", text)
    said = stems(text)
    if says_constant(text):
        return True
    if len(said) < 3 or numbers_in(text):
        return False
    again = isinstance(axis, ChoiceAxis) and set(mentioned(text, axis, profile)) <= set(values)
    if again and isinstance(axis, ChoiceAxis) and mentioned(text, axis, profile) and _OPENS.match(text):
        return True  # "plain adaLN, which has no gates" says it in other words
    if NEGATIONS & set(said) - {"off"} or leads_with_action(text):
        return False
    told = _WITH.match(text) and not TIMES.search(text) and is_all_known(said, axis)
    if not (_OPENS.match(text) or _SUBJECT.match(text) or _WHERE.match(text) or told) or foreign(text, places=True):
        return False
    for other in others_named(_EVERY_ONE.sub(" ", text), axis, own_values(baseline, profile)):
        if not isinstance(other.axis, ChoiceAxis):
            return False
        if not set(mentioned(text, other.axis, profile)) <= {other.axis.current(baseline, profile)}:
            return False
    own = {axis.current(baseline, profile), *values}
    return not isinstance(axis, ChoiceAxis) or set(mentioned(text, axis, profile)) <= own


def is_all_known(said: Sequence[str], axis: Axis) -> bool:
    """Whether words are about an axis, or about parts that every model has and what they do."""
    known = own_words(axis)
    return all(word in known or word in STOP_STEMS or word in _DOERS or word in GENERAL for word in said)
