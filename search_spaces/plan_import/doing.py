"""What a text says to do with an axis: ``halve it and double it``, ``bfloat16 instead of float32``, ``set to 0.3``.

The text is cut where values may begin or end. Every piece has to be a value, or to say nothing beside the action and
the axis; what is left is not understood, and an entry with such a rest does not run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.absence import is_nothing
from search_spaces.plan_import.actions import Asked, is_verb, read_action
from search_spaces.plan_import.amounts import SWEEPS, number_in, range_in
from search_spaces.plan_import.commas import guarded, unguarded
from search_spaces.plan_import.evidence import GENERAL, spelled
from search_spaces.plan_import.left_open import leaves_open, lists_some
from search_spaces.plan_import.loose import THE_TWO, foreign, mentioned, own_words
from search_spaces.plan_import.numerals import TIMES, numbers_in, without_pronoun_one
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.plan_import.there import is_published, is_published_of, published_numbers
from search_spaces.plan_import.values import Range, read_values
from search_spaces.plan_import.written import clean
from search_spaces.profiles import Profile

_INSTEAD = re.compile(
    r"\s*[,(]?\s*\b(?:instead of|rather than|in place of|in lieu of|as opposed to)\b\s*(?P<old>.+)$", re.I
)
OF_TO = re.compile(
    r"\b(?:from|replac\w*|swap\w*|exchang\w*|substitut\w*|trad\w*|convert\w*|chang\w*|switch\w*|mov\w*|go(?:ing)?)\s+"
    r"(?:from\s+)?(?:the\s+)?(?P<old>(?:(?!\bfrom\b|\bto\b|\bby\b|\bwith\b|\bfor\b).)+?)\s+"
    r"(?:out\s+)?(?:to|by|with|for|into|against)\s+(?P<new>.+)$",
    re.I,
)
_REASON = re.compile(
    r"[,;(]?\s*\b(?:because|since|in order to|to (?:see|test|check|find|learn|understand|know|isolate|"
    r"measure)|(?:and\s+|then\s+)*(?:see|check|observe|find out|ask|verify|learn|test|look)\s+(?:whether|if|how|"
    r"what|which)|"
    r"so that|which|that(?!\s+(?:by|with|to|for|into)\b)|"
    r"as a|whether|given that|at (?:equal|matched|the same|otherwise)|everything else|all else|with everything)\b.*$",
    re.I,
)
_CONSTANT = re.compile(
    r"[,;(]?\s*\b(?:"
    r"(?:while|whilst|whereas|and|but|with|by)?\s*\b(?:keep|hold|leav|fix|preserv)(?:ing|e|s)?\b[^,;.()]*"
    r"|(?:while|whilst|whereas|but)\s[^,;.()]*\b(?:is|are|stays?|remains?|held|kept)\b[^,;.()]*"
    r"|(?:and|but|while)?\s*[^,;.()]*\b(?:is|are)\s+left\s+(?:alone|untouched|unchanged|as)\b[^,;.()]*"
    r"|(?:with|at|under|for)\s+(?:the\s+|an?\s+)?(?:same|unchanged|equal|identical|matched|constant|everything|"
    r"all else|nothing)\b"
    r"[^,;.()]*"
    r"|(?:with|and)\s(?:[^,;.()]|\.(?=\d))*\b(?:unchanged|kept (?:fixed|constant|as)|held (?:fixed|constant)|"
    r"left (?:as|alone)|untouched|"
    r"staying the same|as before)\b[^,;.()]*"
    r"|(?:nothing|everything|all) else\b[^,;.()]*"
    r"|(?<=, )[\w\s-]{2,40}\s(?:unchanged|fixed|constant|untouched|as is)\b$"
    r")\)?",
    re.I,
)
"""What a text says to be left as it is."""

_REFERENCE = re.compile(
    r"\b(?:table|figure|fig\.?|section|sec\.?|eq\.?|equation|appendix|app\.?|chapter|page|ref\.?)\s*\(?[A-Z]?\d+(?:\.\d+)*\)?|§\s*\d+(?:\.\d+)*"
    r"|\[\d+(?:\s*,\s*\d+)*\]",
    re.I,
)
"""Where in a paper something stands."""

FOLLOWS = re.compile(
    r"[,;(]?\s*\b(?:all|every(?:thing)?|anything|nothing|no)\s+(?:the\s+)?(?:else|others?|rest)\b[^;]*"
    r"(?:un(?:changed|altered|touched)|fixed|constant|equal|identical|(?:the )?same|as (?:it|they) (?:is|are|was|were)"
    r"|chang\w+)[)\]\s]*$"
    r"|[,;(]?\s*\b(?:this|which|that|it|these|both)\s+(?:then\s+|also\s+|only\s+|roughly\s+)?(?:cut|reduc|giv|mak|yield|lead|increas|mean|"
    r"correspond|cost|doubl|quadrupl|halv|leav|result|shorten|lengthen|save|lower|rais|match|bring|add up|"
    r"amount)\w*\b[^;]*$",
    re.I,
)
"""What follows from a change (``this cuts the sequence length by 4x``), or stays (``everything else unchanged``)."""

_AS_IN = re.compile(r"\s*,?\s+(?:as|like) in\s+[A-Z][^,;.]*", re.S)
_CUT = re.compile(
    r"\s*(?:[;:()\[\]{}|]|(?<!\d),|,(?!\d{3}(?!\d))|\s[–—-]\s|→|->|⟶|=>|(?<![A-Za-z])/|/(?!\d)|\bversus\b|\bvs\b\.?|\band\b|\bor\b|\bthen\b|"
    r"\bover\b|\bamong\b|\bbetween\b|\bto\b|\bat\b|\bwith\b|\bby\b|\bfor\b|\binto\b|\bas\b|\bvia\b|\busing\b|\buse\b|\bi\.e\.|\bnamely\b|"
    r"\bfrom\b)\s*",
    re.I,
)
KEPT = re.compile(
    r"\b(?:keep|kept|leave|left|stay|retain)\w*\b[^,;.]*\b(?:as (?:it|they) (?:is|are|was|were)|unchanged|"
    r"untouched|alone|in place)\b",
    re.I,
)
_QUIET = frozenset(
    stems(
        "please once ever never again twice both time model arm version run train retrain sample generate compare "
        "report case network thing keep rest also simply completely entirely each it them respectively instead do "
        "make go try give start begin put in out on off up down away plug take leave turn get rid hold variant "
        "setting place default check see look observe whether if anything moves happen well checkpoint "
        "course at all whole altogether for good nothing else now"
    )
)


@dataclass
class Doing:
    """What a text says to do.

    Attributes:
        asked: its actions.
        values: the values that it names.
        unread: what of it is not understood.
        old: the values that it replaces.
        ranged: a range of which only the ends are named.
    """

    asked: Asked
    values: list[Any] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    old: list[Any] = field(default_factory=list)
    ranged: Range | None = None


def moved_in(text: str) -> re.Match[str] | None:
    """Finds ``replace A with B`` or ``from A to B``; in ``try values from 1 to 4`` these are the ends of a range."""
    found = OF_TO.search(text)
    if found is not None and found[0].lower().startswith("from") and range_in(found[0]) is not None:
        return None if SWEEPS.search(text) else found
    return found


def read_doing(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Doing:
    """Returns what a text says to do with an axis."""
    text = FOLLOWS.sub(" ", text).strip() or text
    text = THE_TWO.sub(" ", text)
    text = without_pronoun_one(_REFERENCE.sub(" ", without_constants(text, axis)))
    doing = Doing(read_action(text))
    if (kept := KEPT.search(text)) is not None:
        doing.unread.append(kept[0])
    if lists_some(text):
        doing.unread.append(text)
        return doing
    if not doing.asked.rest:
        if isinstance(axis, NumberAxis) and TIMES.search(text):
            _times(text, axis, baseline, profile, doing)
        return doing
    moved = moved_in(text) or _INSTEAD.search(text)
    rests = [rest for rest in dict.fromkeys((_bare(text), doing.asked.rest if doing.asked.rest in text else ""))
             if not isinstance(axis, NumberAxis) or len(TIMES.findall(rest)) == len(TIMES.findall(text))]  # fmt: skip
    if not moved and any(rest and _whole(rest, axis, baseline, profile, doing) for rest in rests):
        return doing
    said = text
    if (reason := _REASON.search(text)) is not None:
        said = text[: reason.start()]
        own = axis.current(baseline, profile)
        others = mentioned(reason[0], axis, profile) if isinstance(axis, ChoiceAxis) else ()
        if numbers_in(_REFERENCE.sub(" ", reason[0])) or any(value != own for value in others):
            doing.unread.append(reason[0].strip(" ,;("))
    said = _AS_IN.sub("", said)
    if isinstance(axis, ChoiceAxis):
        said = _behind_what_is_there(said, axis, baseline, profile)
    if (found := moved_in(said)) is not None:
        _old(found["old"], axis, baseline, profile, doing)
        said = f"{said[: found.start()]} , {found['new']}"
    if (found := _INSTEAD.search(said)) is not None:
        _old(found["old"], axis, baseline, profile, doing)
        said = said[: found.start()]
    for piece in filter(None, map(clean, unguarded(_CUT.split(guarded(said))))):
        _piece(piece, axis, baseline, profile, doing)
    if isinstance(axis, NumberAxis) and not doing.values and TIMES.search(said):
        doing.unread.append(said)  # a factor that is not understood may not become every known value
    doing.unread += [axis.label(value) for value in doing.values if value in doing.old]
    return doing


_BECOMES = re.compile(r"^(?P<old>[^→;>]+?)\s*(?:→|->|⟶|➔|=>|⇒)\s*(?P<new>[^→⟶➔⇒]+)$")
"""What is there, with what is told of it, and what takes its place: ``linear, 1e-4 to 2e-2 → cosine; sigmoid``."""


def _behind_what_is_there(text: str, axis: ChoiceAxis, baseline: TrialConfig, profile: Profile) -> str:
    """A text from its arrow on, where only the baseline's own value stands before it, with numbers that it has."""
    found = _BECOMES.match(text)
    if found is None or not numbers_in(found["old"]) or not {*numbers_in(found["old"])} <= published_numbers():
        return text
    there = _bare(found["old"]).lstrip("( ")
    head = re.split(r"[,(\d]|\b(?:from|with)\b", there, maxsplit=1)[0]
    try:
        (own,) = read_values(clean(head), axis, baseline, profile)[0]
    except (UserError, ValueError):
        return text
    told = re.sub(r"\d[\d.]*(?:e[-+]?\d+)?", " ", there[len(head) :])
    silent = own == axis.current(baseline, profile) and not _strange(told, axis)
    return found["new"] if silent and not mentioned(told, axis, profile) else text


def without_reason(text: str) -> str:
    """A text without why it is done; the reason may hold no number."""
    reason = _REASON.search(text)
    return text[: reason.start()] if reason is not None and reason.start() and not numbers_in(reason[0]) else text


def without_asides(text: str, axis: Axis) -> str:
    """A text without where it stands in a paper, what stays as it is, and its reasons; these may hold no number."""
    text = without_pronoun_one(_REFERENCE.sub(" ", without_constants(THE_TWO.sub(" ", text), axis)))
    reason = _REASON.search(text)
    if reason is not None and reason.start() > 0 and not numbers_in(reason[0]):
        text = text[: reason.start()]
    return _AS_IN.sub("", text)


def _times(text: str, axis: NumberAxis, baseline: TrialConfig, profile: Profile, doing: Doing) -> None:
    """Reads ``double`` and ``halve and double`` as multiples of what is there."""
    for piece in filter(None, map(clean, unguarded(_CUT.split(guarded(text))))):
        found = number_in(piece, axis, baseline, profile) if TIMES.search(piece) else None
        if found is not None:
            doing.values.append(found[0])
        elif TIMES.search(piece):
            doing.unread.append(piece)


HOLDS = re.compile(r"\W*(?:(?:and|while|but|by)\s+)*(?:keep|hold|fix|leav|preserv)(?:ing|s|e)?\b", re.I)
"""How a piece opens that says what stays."""

_KEPT_NUMBER = re.compile(r"(?P<name>[A-Za-z][A-Za-z -]*?)\s*[(\[]\s*(?:[A-Za-z]\s*=\s*)?(?P<number>[\d.,]+)\s*[)\]]")
"""The number of what stays, in brackets behind its name: ``the hidden size (1152)``."""


def _left(held: re.Match[str]) -> str:
    numbers = numbers_in(held["number"])
    return held["name"] if len(numbers) == 1 and is_published_of(held["name"], numbers[0]) else held[0]


def says_constant(text: str) -> bool:
    """Whether a text only says what stays as it is: ``keeping the hidden size and the number of heads``."""
    text = _KEPT_NUMBER.sub(_left, text)
    return not numbers_in(text) and not _CONSTANT.sub("", text).strip(" ,;.") and not NEGATIONS & set(stems(text))


def without_constants(text: str, axis: Axis | None = None) -> str:
    """A text without the clauses that say what stays as it is; one that is about the axis itself stays."""
    names = {word for name in (axis.names if axis else ()) for word in stems(name)} - STOP_STEMS - GENERAL

    def left(found: re.Match[str]) -> str:
        if re.search(r"\b(?:it|them|they|this|these)\b", found[0], re.I):
            return found[0]  # "remove them, and keep them as they are"
        return found[0] if names & set(stems(found[0])) or not found[0].strip() else " "

    bare = _CONSTANT.sub(left, text).strip(" ,;")
    return bare or text


def _whole(text: str, axis: Axis, baseline: TrialConfig, profile: Profile, doing: Doing) -> bool:
    try:
        doing.values += read_values(text, axis, baseline, profile)[0]
    except Range as error:
        doing.ranged = error
        return True
    except UserError:
        return False
    return True


def _old(text: str, axis: Axis, baseline: TrialConfig, profile: Profile, doing: Doing) -> None:
    """What is there before: the baseline's own value, or words that only describe the axis."""
    try:
        values = read_values(text, axis, baseline, profile)[0]
    except UserError:
        if _strange(text, axis) or foreign(text):
            doing.unread.append(text)
        return
    doing.old += values
    if any(value != axis.current(baseline, profile) and not is_published(value, axis) for value in values):
        doing.unread.append(text)


def _piece(text: str, axis: Axis, baseline: TrialConfig, profile: Profile, doing: Doing) -> None:
    if leaves_open(text):
        doing.unread.append(text)
        return
    asked = read_action(text)
    times = [text] if isinstance(axis, NumberAxis) and TIMES.search(text) else []
    for said in dict.fromkeys((text, *times, _bare(text), asked.rest)):
        if said not in text or not said or is_nothing(said):
            continue
        try:
            doing.values += read_values(said, axis, baseline, profile)[0]
        except UserError:
            continue
        return
    if _strange(text, axis) or (isinstance(axis, ChoiceAxis) and _is_a_name(text, axis)):
        doing.unread.append(text)


def _is_a_name(text: str, axis: ChoiceAxis) -> bool:
    """Whether a piece is one word with a capital that names something: ``Lion``, beside Muon, of optimisers."""
    quiet = {word for name in axis.names for word in stems(spelled(name))} | _QUIET | STOP_STEMS | GENERAL
    named = re.fullmatch(r"[A-Z][A-Za-z+\d-]*", text) is not None
    return named and not any(word in quiet or is_verb(word) for word in stems(spelled(text)))


def _bare(text: str) -> str:
    """A text without the words of an action at its beginning, and words that say nothing at its end."""
    left = text.split()
    while left and all(w in _QUIET or w in STOP_STEMS or is_verb(w) for w in stems(left[0])):
        left = left[1:]
    while left and all(_trails(w, left[-1]) for w in stems(left[-1])) and not numbers_in(left[-1]):
        left = left[:-1]
    return " ".join(left)


def _trails(word: str, written: str) -> bool:
    """Whether the last word of a text says nothing there, as ``tried`` of ``8 heads are tried`` does."""
    return word in _QUIET or word in STOP_STEMS or (is_verb(word) and written.endswith("ed"))


def _strange(text: str, axis: Axis) -> bool:
    """Whether a text says more than the action and the axis."""
    if numbers_in(text):
        return True
    known = own_words(axis)
    names = _value_words(axis)
    said = [word for word in stems(spelled(text)) if word not in _QUIET]
    if set(said) & NEGATIONS - {"off", "not", "no", "without"}:
        return True
    return any(
        word not in STOP_STEMS
        and word not in GENERAL
        and word not in NEGATIONS
        and not is_verb(word)
        and (word not in known or word in names)
        for word in said
    )


def _value_words(axis: Axis) -> frozenset[str]:
    """Words that only the values of an axis have, so that text with one of them may be a value."""
    if not isinstance(axis, ChoiceAxis):
        return frozenset()
    own = {word for phrase in axis.names for word in stems(spelled(phrase))}
    spelt = (name for value in axis.legal() for name in (value, *axis.value_aliases.get(value, ())))
    return frozenset(word for name in spelt for word in stems(spelled(name))) - own
