"""What is to be done to a part: the wordings that people use for REPLACE, REMOVE and ADD."""

from __future__ import annotations

import re
from dataclasses import dataclass

from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stem, stems
from search_spaces.study import Action

_VERBS: dict[Action, str] = {
    "REPLACE": "downsize upsize fix make choose pick investigate examine evaluate probe contrast upgrade "
    "downgrade rescale retrain select restart tweak deviate expand contract widening study assess "
    "replace replacement swap substitute substitution vary variation change modify modification compare "
    "comparison sweep switch alter adjust tune scale increase decrease reduce reduction shrink grow "
    "enlarge raise lower double halve test try explore exchange toggle convert interpolate widen narrow "
    "deepen shorten lengthen extend restrict limit constrain rescale redesign rework reparameterise "
    "reparameterize set ladder grid search scan ramp "
    "trim coarsen trade strengthen weaken boost triple quadruple bump dial crank migrate override adopt opt",
    "REMOVE": "remove removal delete deletion drop disable deactivate without omit omission exclude exclusion "
    "ditch scrap abandon forgo forego dispense purge dump retire abolish detach withdraw zap nuke "
    "eliminate elimination skip strip discard ablate ablation cut erase bypass suppress knockout",
    "ADD": "add addition insert insertion include inclusion introduce introduction enable activate append "
    "incorporate inject attach augment equip integrate",
}
_PHRASES: tuple[tuple[str, Action], ...] = (
    (r"(?:turn|switch|toggl)\w*\s+(?:it\s+)?off", "REMOVE"),
    (r"(?:take|leav|leave|knock|cut|strip)\w*[\s-]+(?:it\s+)?(?:out|away|off)", "REMOVE"),
    (r"(?:throw|rip|pull|do|toss|chop|tear)\w*\s+(?:it\s+|them\s+|this\s+)?(?:out|away)(?:\s+with)?", "REMOVE"),
    (r"stop\w*(?=\s+\w+ing\b)", "REMOVE"),
    (
        r"(?:took|taken|left|get rid of|got rid of|do(?:es|ing)? without|set to zero|zero(?:ed)? out)\b"
        r"(?:\s+(?:out|away))?",
        "REMOVE",
    ),
    (r"(?:turn|switch|toggl)\w*\s+(?:it\s+)?on\b", "ADD"),
    (r"re-?weigh\w*|re-?balanc\w*", "REPLACE"),
    (r"(?<=^)on(?=$)", "ADD"),
    (r"(?<=^)off(?=$)", "REMOVE"),
    (r"(?:put|bolt|tack|stick|throw)\w*\s+(?:it\s+)?(?:on|onto|in)(?=\s+(?:to|the|every|each|a)\b)", "ADD"),
    (r"put in|bring in|plug(?:ged|ging)? in", "ADD"),
)
_BOTH = re.compile(r"\bwith\s*(?:and|/|or|vs\.?|versus)\s*without\b|\bon\s*(?:and|/|or|vs\.?|versus)\s*off\b", re.I)
_AGAIN = re.compile(
    r"[,;]?\s*\b(?:and\s+|then\s+)+(?:drop|discard|remov|throw|strip|cut|delet)\w*\s+(?:it|them|these|those)\s+"
    r"(?:(?:away|off|out|again)\s+)*(?:before|after|at|when|prior|in front)\b[^,.;]*",
    re.I,
)
"""Where what is added ends: ``append tokens and drop them before the head`` removes nothing."""

_CUMULATIVE = re.compile(
    r"\bcumulativ\w*|\bincremental\w*|\bprogressive\w*|\bladder|\bone after (?:the other|another)|"
    r"\bstack(?:ed|ing)? up\b|"
    r"\bstep by step\b|\bon top of (?:each other|one another|that|this|it|those)\b|"
    r"one thing after (?:the other|another)|\bsuccessive\w*|\bsequential\w*|\baccumulat\w*",
    re.I,
)
_NOT_CUMULATIVE = re.compile(
    r"\b(?:not|non|never|nothing|none|no)\b[\s-]*(?:(?:is|are|of|them|to|be|one|it|rungs?|steps?|changes?)\s+){0,3}"
    r"(?:cumulativ|incremental|accumulat|stack)\w*|n['’]t\s+(?:be\s+)?(?:cumulativ|accumulat|stack)\w*",
    re.I,
)
"""What says that steps do not add up."""

_STEMS = {stem(word): action for action, words in _VERBS.items() for word in words.split()}
_SILENT = STOP_STEMS | frozenset(
    stems(
        "it one by one each time step in turn value values option options component part alternative alternatives "
        "several other following given"
    )
)


_KEEPS = frozenset(
    stems(
        "keep kept fix fixed freeze frozen unchanged control baseline hold held none same constant retain stay as "
        "multiply multiplied divide divided times factor plus "
        "minus by subtract relative per"
    )
)


@dataclass(frozen=True)
class Asked:
    """What an action text asks for.

    Attributes:
        actions: the actions it names; more than one where it says so (``add or remove``).
        both: whether both arms of ``with and without`` are meant.
        cumulative: whether every step keeps what the steps before it have set.
        rest: what it says beside the action; may be empty, or hold values.
    """

    actions: frozenset[Action]
    both: bool = False
    cumulative: bool = False
    rest: str = ""


def read_action(text: str) -> Asked:
    """Returns what an action text asks for, in whatever form its words are."""
    text = re.sub(r"\bw/o\b", "without", text, flags=re.I)
    text = _AGAIN.sub(" ", text)
    text = _NOT_CUMULATIVE.sub(" ", text)
    both, cumulative = bool(_BOTH.search(text)), bool(_CUMULATIVE.search(text))
    found: set[Action] = set()
    rest = _CUMULATIVE.sub(" ", _BOTH.sub(" ", text)) if both or cumulative else text
    for pattern, action in _PHRASES:
        if re.search(rf"\b(?:{pattern})", rest, re.I):
            found.add(action)
            rest = re.sub(rf"\b(?:{pattern})", " ", rest, flags=re.I)
    kept = []
    for token in re.findall(r"skip(?=[\s-]+(?:connection|link|path))|[^\W\d_]+|[^\s]", rest, re.I):
        noun = token.lower() == "skip" and re.search(r"\bskip[\s-]+(?:connection|link|path)", rest, re.I)
        known = [] if noun else [_STEMS[word] for word in stems(token) if word in _STEMS]
        if known:
            found.update(known)
        else:
            kept.append(token)
    left = " ".join(kept)
    if not [word for word in stems(left) if word not in _SILENT]:
        left = ""
    return Asked(frozenset(found), both, cumulative, _joined(rest) if left else "")


def _joined(rest: str) -> str:
    """The rest of an action text without its verbs and what decorates it."""
    words = [word for word in rest.split() if not any(part in _STEMS for part in stems(word))]
    return " ".join(words).strip(" .,:;-–—()[]*")


def leads_with_action(text: str) -> bool:
    """Whether a text opens with what to do: ``turn off``, ``halve it and double it``, ``set to 0.3``."""
    bare = _CLEAR.sub("", text.strip())
    if any(re.match(rf"(?:{pattern})", bare, re.I) for pattern, _ in _PHRASES) or _BOTH.match(bare):
        return True
    first = stems(" ".join(bare.split()[:1]))
    return any(is_verb(word) for word in first) and not _NOUN.match(bare)


def is_verb(word: str) -> bool:
    """Whether a stem is of a word that says what to do."""
    return word in _STEMS


_NOUN = re.compile(r"(?:ablation|study|experiment|activation)s?\b", re.I)


_CLEAR = re.compile(r"^(?:please|simply|just|then|to|we|i|would|will|should|could|both|completely|once)\s+", re.I)


def is_action(text: str) -> bool:
    """Whether a text says an action and nothing else."""
    asked = read_action(text)
    return bool(asked.actions) and not asked.rest and len(text.split()) <= 5


def is_some_verb(text: str) -> bool:
    """Whether a text can only be a verb that nobody knows, as ``lightened`` and ``traded in for``.

    Beside values that are written out, it says no more than that they take the part's place. Only an inflected word is
    known to be a verb: a bare one may be anything.
    """
    said = stems(text)
    short = 0 < len(text.split()) <= 3 and bool(re.fullmatch(r"[A-Za-z\- ]*[a-z]{3}(?:ed|ing)\b[A-Za-z\- ]*", text))
    return short and not {*said} & (_KEEPS | NEGATIONS) and not read_action(text).actions - {"REPLACE"}


_OUTRIGHT = frozenset(
    stems("remove removal delete deletion disable deactivate omit omission exclude exclusion eliminate elimination")
)


def removes_outright(text: str) -> bool:
    """Whether a text can only mean that nothing is left, as ``remove`` does and ``cut`` does not."""
    return bool({*stems(text)} & _OUTRIGHT)


_TURNED_DOWN = re.compile(
    r"(?:\bnot|\bnever|n['’]t|\bavoid|\bwithout)\s+(?:to\s+|be\s+|been\s+)?(?P<verb>[a-z]+)", re.I
)


def turned_down(text: str) -> bool:
    """Whether a text says that something is not to be done: ``not remove the table``."""
    verbs = [found["verb"] for found in _TURNED_DOWN.finditer(text)]
    return any(is_verb(word) for verb in verbs for word in stems(verb) if not verb.lower().endswith("ion"))
