"""Text below labels such as ``Decision rule``, which tells how a result is read, and may give an order all the same."""

from __future__ import annotations

import re

from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.labels import METRICS, REMARK, is_decision, kind_of
from search_spaces.plan_import.measures import is_metric
from search_spaces.plan_import.roles import commands
from search_spaces.plan_import.sentences import SENTENCE_END, unled
from search_spaces.plan_import.telling import is_order
from search_spaces.plan_import.written import split_items

_CLAUSES = re.compile(r"[;,:]\s+|\s+[–—-]\s+|\s*(?:→|->|=>|⇒)\s*|\b(?:otherwise|else)\b[,:]?\s*", re.I)
_JOINED = re.compile(r"\s+(?:and|but|then)\s+", re.I)
_VERDICT = re.compile(
    r"^(?:(?:then|we|i|will|would|should)\s+)*(?:keep|adopt|accept|reject|prefer|pick|choose|select|conclude|retain|discard|"
    r"abandon|ship|report|call|count|stop|abort)\b",
    re.I,
)
"""What is done with a result, which trains no arm."""

_ASIDE = re.compile(r"^(?:if|when|unless|whether|since|because|as|where|\w+ing)\b", re.I)
_ARM = re.compile(
    r"\b(?:second|third|extra|additional|further|one more|(?:plus|also) an?(?:other)?)\s+"
    r"(?:[\w-]+\s+)?(?:arm|run|variant|model)s?\b",
    re.I,
)
_WITH = re.compile(r"^(?:and\s+)?(?:with|using|without|at)\b", re.I)
_LATER = re.compile(
    r"(?<!we )(?<!you )(?<!to )\b(?:try|train|retrain|set|add|rerun|use|switch|raise|lower|halve|double"
    r"|increase|reduce)\s+(?P<what>.+)$"
)
"""An order behind a condition, with no comma between them."""

_LENGTH = re.compile(r"\b(?:stop|end|halt|finish)\w*\s+(?:training\s+)?(?:at|after)\s+[\d.]", re.I)
_CONDITION = re.compile(r"[<>≤≥]|\b(?:if|when|unless|as soon as|once)\b", re.I)


def kind_under(label: str, text: str) -> str | None:
    """The field of a label, where a criterion of success that is no list of metrics is a remark."""
    kind = kind_of(label)
    criterion = kind == METRICS and is_decision(label) and bool(text.strip())
    return REMARK if criterion and not all(map(is_metric, split_items(text))) else kind


def order_in(text: str) -> str:
    """Returns the first clause of a text that orders something for an arm; empty where it only reads results."""
    for sentence in SENTENCE_END.split(text):
        if _ARM.search(sentence) or (_LENGTH.search(sentence) and not _CONDITION.search(sentence)):
            return sentence
        for clause in map(str.strip, _CLAUSES.split(sentence)):
            pieces = _JOINED.split(clause)[1:] if _VERDICT.match(clause) else [clause]
            for piece in pieces:
                later = _LATER.search(piece) if _ASIDE.match(piece) else None
                if (later is not None and axes_named(later["what"])) or (_WITH.match(piece) and axes_named(piece)):
                    return piece
                asks = is_order(piece, unled(piece)) or commands(piece)
                if asks and not _ASIDE.match(piece) and not sentence.rstrip().endswith("?"):
                    return piece
    return ""
