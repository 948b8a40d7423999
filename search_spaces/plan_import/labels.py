"""What the labels of a plan are for: ``Ablated Part``, ``What we touch``, ``Measured with``, ``Rationale``."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache

from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.stems import STOP_STEMS, stems
from search_spaces.plan_import.told_labels import decides, keeps
from search_spaces.words import words

PART, ACTION, REPLACEMENT, METRICS, TITLE = "Ablated Part", "Action", "Replacement", "Metrics", "Title"
AXIS = "Axis"
REMARK = "Remark"
STATUS = "Status"
"""Under what an entry keeps what the heading or key above it says of all below it: ``Cancelled``."""
SENTENCE = "Sentence"
"""Under what running text is kept that is not taken apart."""

FIELDS = (AXIS, PART, ACTION, REPLACEMENT, METRICS)
"""The fields that make an ablation, in the order in which they are accounted for."""

_LABELS = {
    AXIS: ("axis", "ablated axis", "dit-ablate axis"),
    PART: ("ablated part", "ablated component", "ablated module", "ablation target", "component", "part",
           "component to ablate", "what we touch", "module"),
    ACTION: ("action", "operation", "ablation action", "ablation type", "modification", "change", "type"),
    REPLACEMENT: ("replacement", "replacement value", "replacement option", "replace with", "replaced by", "replace by",
                  "value", "alternative", "variant", "option", "setting", "to", "with", "new value",
                  "treatment arm", "test arm", "experimental arm", "treatment group", "new arm"),
    METRICS: ("metric", "evaluation metric", "measure", "measured by", "measured with", "measurement", "evaluation"),
    TITLE: ("title", "name", "ablation", "ablation name", "ablation title", "ablation study", "experiment", "id", "no",
            "number", "study", "label", "ablation id", "experiment id", "index", "entry"),
    REMARK: ("from", "note"),
}  # fmt: skip
"""Labels that are the field's own, whatever else they might be."""

_WORDS = {
    REMARK: "rationale why reason hypothesis motivation note expected expectation expect description describe goal "
            "aim intent intention base "
            "purpose background importance priority insight justification comment discussion question difficulty "
            "related reference section baseline setup cost explanation prediction caveat remark because intuition keep "
            "kept "
            "significance context owner status relevance constant fixed held unchanged control seed budget risk "
            "link source "
            "citation figure caption summary category group tag claim finding paper currently current original "
            "default published paper existing hour day run trial tier rank phase stage complexity "
            "problem issue pain context observation evidence benefit tradeoff constraint scope assignee deadline "
            "assumption interpretation effort estimate runtime gpu author date version",
    METRICS: "metric measure evaluation evaluate outcome report track score endpoint "
             "watch tracked yardstick criteria criterion judge success monitor "
             "readout indicator read-out judged",
    ACTION: "action operation modification modify change intervention manipulation treatment perturbation edit",
    REPLACEMENT: "replacement replace alternative option variant value setting candidate choice level substitute "
                 "try tried explore considered new proposal proposed propose ours "
                 "substitution contender challenger configuration arm range grid sweep swap instead variation",
    PART: "part component module element target factor variable subject aspect parameter hyperparameter knob "
          "touch axis ingredient dimension feature design",
    TITLE: "title name heading",
}  # fmt: skip
"""Words that tell what a label is for, where it is none of the labels above; earlier fields come first."""

_FIELD_OF = {words(label): name for name, labels in _LABELS.items() for label in labels}
_BY_TEXT = {" ".join(known): name for known, name in _FIELD_OF.items()}
_STEMS = {name: frozenset(stems(text)) for name, text in _WORDS.items()}

_ANY = (
    frozenset().union(*_STEMS.values())
    | STOP_STEMS
    | frozenset(
        stems("we i would in to dit primary secondary main additional further other extra key core overall final")
    )
    | frozenset(stems("suggested recommended detail details specification specific"))
)
"""Words that a label may hold and still be one."""


_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])(?<!Di)")
"""Where one word of ``newValue`` ends; ``DiT`` is one."""


@lru_cache(maxsize=1024)
def kind_of(label: str) -> str | None:
    """Returns the field that a label names, ``REMARK`` for explanations, or None for a label that nobody knows.

    Case, punctuation, small misspellings and word forms do not count.
    """
    said = words(_CAMEL.sub(" ", label))
    if not said or len(said) > 6:
        return None
    if said in _FIELD_OF:
        return _FIELD_OF[said]
    if _SIDES.search(label.strip()) and sides_of(label) is not None:
        return REPLACEMENT
    if keeps(said) or (decides(said) and said[0] != "success"):
        return REMARK  # "kept_fixed", "Decision rule"
    if 1 < len(said) < 4 and said[-1] in _IDENTIFYING:
        return REMARK  # "study_id"
    if (either := _either(label)) is not None:
        return either
    close = difflib.get_close_matches(" ".join(said), _BY_TEXT, n=1, cutoff=0.85)
    if close and len(close[0]) > 4:
        return _BY_TEXT[close[0]]
    held = set(stems(" ".join(said)))
    if len(said) > 1 and (said[0] in _FORESEEN or (said[-1] in _WHY and len(said) < 4)):
        return REMARK  # "anticipated impact", "research question"
    if len(said) > 1 and said[-1] in ("with", "by", "on", "in") and stems(said[0])[0] in _STEMS[METRICS]:
        return METRICS  # "evaluate_with"
    if len(said) > 1 and said[-1] in ("to", "with", "by", "for", "into") and read_action(label).actions:
        return REPLACEMENT
    if is_doing(label):
        return ACTION
    if said[0] == "what" and set(said) & _TELLS:
        return REMARK
    if said[0] == "what" and said[-1] in _TRIED:
        return REPLACEMENT  # "What we try instead"
    if said[0] in ("what", "which", "where"):
        return next((name for name in (METRICS, REMARK) if held & _STEMS[name]), PART)
    if said[0] == "how":
        return METRICS if held & _STEMS[METRICS] else ACTION
    if held - _ANY:  # it says more than what a label does, such as "Patch size choice"
        return None
    return next((name for name, known in _STEMS.items() if held & known), None)


def _either(label: str) -> str | None:
    """The field of which one of two names is the field's own: ``Replacement / Intervention``; None where both are."""
    names = [name for name in label.split("/") if name.strip()]
    kinds = {kind_of(name) for name in names} if len(names) > 1 else set()
    sure = {kind_of(name) for name in names if is_sure(name)}
    return sure.pop() if len(sure) == 1 and len(kinds) > 1 and not kinds & {None, REMARK, TITLE} else None


_SIDES = re.compile(r"\s*(?:→|->|⟶|➔|=>|⇒|>|/|\||\bvs\b\.?|\bversus\b|\band\b|\bto\b)\s*", re.I)
_THERE = re.compile(
    r"\b(?:from|baseline|default|current|currently|original|existing|published|paper|control|before|old)\b", re.I
)
_AFTER = frozenset(("to", "new", "after", "ablated", "ablation", "arms", "proposed"))
_LEADS_TO = re.compile(r"\s*(?:→|->|⟶|➔|=>|⇒)\s*")


def sides_of(label: str) -> tuple[str, str] | None:
    """Returns the names of both sides of a change that a label has: ``Default → Contenders``; None for any other."""
    names = [name.strip() for name in _SIDES.split(label) if name.strip()]
    if re.fullmatch(r"\W*from\W+to\W*", label, re.I):
        return "from", "to"
    if len(names) != 2 or not _THERE.search(names[0]) or _THERE.search(names[1]):
        return None
    return (names[0], names[1]) if names[1].lower() in _AFTER or kind_of(names[1]) == REPLACEMENT else None


def on_sides(label: str, text: str) -> tuple[str, str]:
    """Returns what is there and what is tried of a text below such a label; the first is empty where it names none."""
    pieces = [piece.strip() for piece in _LEADS_TO.split(text)]
    return (pieces[0], pieces[1]) if sides_of(label) is not None and len(pieces) == 2 else ("", text)


def is_kept(label: str) -> bool:
    """Whether a label says that what stands below it stays as it is."""
    return keeps(words(_CAMEL.sub(" ", label))) or label.strip().lower() == "controls"


def is_decision(label: str) -> bool:
    """Whether a label says that its text tells how a result is read."""
    return decides(words(_CAMEL.sub(" ", label)))


def is_doing(label: str) -> bool:
    """Whether a label asks what is done, as ``What we do`` does."""
    said = words(label)
    return bool(said) and said[0] == "what" and said[-1] in ("do", "done", "happen")


def is_sure(label: str) -> bool:
    """Whether a label is a field's own name, so that what it holds need not be looked at."""
    said = words(_CAMEL.sub(" ", label))
    return said in _FIELD_OF and said not in _LOOSE


def is_label(text: str) -> bool:
    """Whether a text is a label and nothing else, so that it is no title even as a heading."""
    said = words(text)
    return (said in _FIELD_OF and _FIELD_OF[said] != TITLE) or (len(said) <= 2 and kind_of(text) in (REMARK, METRICS))


def is_notes(text: str) -> bool:
    """Whether a heading is of remarks on a plan: ``Notes``, ``General setup``, ``Evaluation protocol``."""
    said = [word for word in stems(re.sub(r"^\W*(?:\d+|[A-Za-z])[.)]\s+", "", text)) if word not in _JOINS]
    return 0 < len(said) <= 5 and {*said} <= _OF_NOTES | _BESIDE_NOTES and bool({*said} & _OF_NOTES)


_OF_NOTES = _STEMS[REMARK] | frozenset(
    stems(
        "note remark protocol setup procedure guideline detail information outcome takeaway "
        "summary conclusion limitation caveat overview introduction background reference appendix logistics reporting "
        "timeline recommendation disclaimer acknowledgement reproducibility convention instruction"
    )
) - frozenset(stems("group run trial phase stage current original default existing rank tag case paper gpu"))
"""Words of headings below which no ablation stands."""

_BESIDE_NOTES = frozenset(stems(
    "general common shared global overall experimental experiment evaluation training implementation practical "
    "additional further final important key expected anticipated suggested all study ablation plan design "
    "method execution order baseline compute computational statistical analysis result key side other fixed "
    "note on for across these of our run trial gpu"
))  # fmt: skip
"""Words that may stand beside them."""

_JOINS = frozenset(stems("and or the of for on in to a an with across about"))

_TELLS = frozenset(words("tell tells show shows learn expect reveal isolate answer mean"))
"""Words of labels that ask what an ablation is good for: ``What it tells us``."""

_TRIED = frozenset(words("try tried instead"))
"""How labels end that ask for what is tried, and not for where."""

_FORESEEN = frozenset(words("expected anticipated hypothesized hypothesised"))
"""How labels open that tell what will come out, whatever it is."""

_WHY = frozenset(words("question questions hypothesis goal aim purpose motivation rationale intention"))
"""How labels end that tell why an ablation is made, whatever else they say."""

_IDENTIFYING = frozenset(("id", "identifier", "uid", "uuid", "index", "code", "nr"))
"""How labels end that only count or name an entry."""

_LOOSE = {words(label) for label in ("type", "change", "setting", "evaluation", "to", "with", "value", "id", "number")}
