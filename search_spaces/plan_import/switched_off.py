"""Entries that say that they are not to be run: ``Enabled: no``, ``Status: dropped``, ``(cancelled) Decoder``."""

from __future__ import annotations

import re

from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.labels import ACTION, AXIS, PART, REPLACEMENT, TITLE
from search_spaces.plan_import.off_words import END, NOT, OBJECT, OTHERS, RUN, SAYS_STATE, STATES, is_state
from search_spaces.plan_import.sentences import SENTENCE_END
from search_spaces.plan_import.struck import is_struck
from search_spaces.plan_import.written import Entry
from search_spaces.words import words

STRUCK_OUT = "it is struck out, so it does not run; take it out of the plan, or the strokes off it"
SAYS_SO = "it says that it is not to be run, so it does not; take the entry out of the plan, or take this off it"

_THIS = r"(?:this|it|that|(?:the|this|that)\s+(?:whole\s+)?(?:one|entry|ablation|experiment|arm|row|item|run|study))"
_ENTRY = r"(?:one|entry|ablation|experiment|row|item|study)"
_ORDER = re.compile(
    rf"^\W*(?:please\s+)?(?:(?:we\s+)?(?:can\s+)?(?:{NOT}\s+{RUN}|skip|ignore|disregard)\s+{_THIS}"
    rf"|(?:drop|cancel|omit|exclude|leave out|remove)\s+(?:the|this|that)\s+{_ENTRY}"
    rf"|(?:no need|not necessary) to {RUN}\s+{_THIS}"
    rf"|(?:this|it|(?:the|this)\s+{_ENTRY})\s+(?:is|was|has been|will be|should be|must)\s+"
    rf"(?:now\s+|currently\s+)?(?:{OTHERS}|disabled|dropped|excluded|not\s+(?:to\s+)?(?:be\s+)?{RUN}))"
    rf"{OBJECT}{END}",
    re.I | re.S,
)
"""A sentence that says it of the entry that it stands in."""

_TELLS_STATE = frozenset(
    words("status state priority decision progress phase stage flag note remark comment todo verdict schedule when tag")
)
"""Words of labels below which one word tells whether an entry runs."""

_ON = frozenset(words("enabled enable active activated run runs include included execute executed launch selected"))
_OFF = frozenset(
    words(
        "disabled disable skip skipped exclude excluded ignore ignored cancelled canceled inactive postponed omit "
        "omitted deferred hold dropped deactivated"
    )
)
_BESIDE = frozenset(
    words("this it to the in be should we is entry ablation experiment one study sweep plan now on do not")
)
_NO = re.compile(
    rf"^\W*(?:no|nope|n|false|off|never|not\s+(?:now|yet)|disabled|inactive|nein|0)\b{END}|^\s*[✗✘❌☐]", re.I
)
_YES = re.compile(rf"^\W*(?:yes|y|true|on|x|1)\b{END}|^\s*[✓✔✅☑]", re.I)

_NUMBER = r"^\W*?(?:(?:\w+\s+)?\w{1,3}[.):]\s*)?"
_MARKED = re.compile(
    rf"{_NUMBER}(?:[\[(]\s*(?P<a>{OTHERS}|{STATES}|[-~–✗✘❌])\s*[\])]|(?P<b>{OTHERS}|{STATES})\s*(?::|\s[-–—]+)\s+\S|[❌🚫⛔⏸])",
    re.I,
)
_ENDED = re.compile(rf"(?:[\[(]\s*(?P<a>{OTHERS}|{STATES})\s*[\])]|\s[-–—]+\s+(?P<b>{OTHERS}|{STATES}))\W*$", re.I)
_ONLY_STATE = re.compile(rf"(?:{STATES})", re.I)


def off_in(entry: Entry) -> tuple[str, str, str] | None:
    """Returns where an entry says that it is not to be run, what it says, and why that keeps it from running."""
    fields = ((TITLE, [entry.title]), (AXIS, entry.axes), (PART, entry.parts), (ACTION, entry.actions))
    for label, texts in fields:
        if struck := next(filter(is_struck, texts), ""):
            return label, struck, STRUCK_OUT
    if entry.replacements and all(map(is_struck, entry.replacements)):
        return REPLACEMENT, entry.replacements[0], STRUCK_OUT
    if _titled_off(entry):
        return TITLE, entry.title, SAYS_SO
    told = [
        *entry.remarks,
        *entry.unknown,
        *(_labelled(text) for text in (*entry.context, *entry.metrics, *entry.said[1:])),
    ]
    return next(((label, text, SAYS_SO) for label, text in told if _says_off(label, text)), None)


def _labelled(text: str) -> tuple[str, str]:
    """The label and the text of a line whose label nobody took for one, as ``Run?: no``."""
    found = re.match(r"(?P<label>[A-Za-z][^:.]{1,30}?)\s*[:=]\s*(?P<text>\S.*)", text, re.S)
    return (found["label"], found["text"]) if found is not None else ("Text", text)


def _titled_off(entry: Entry) -> bool:
    """Whether a title is marked: ``(cancelled) Decoder``; ``Guidance (off)`` may describe the arm."""
    if is_state(entry.title):
        return not _describes(entry.title, entry)
    if (found := _MARKED.match(entry.title)) is not None and not (
        found["b"] and (found["b"] in ("Skip", "skip") or _describes(found["b"], entry))
    ):
        return True
    found = _ENDED.search(entry.title)
    return found is not None and not _describes(found["a"] or found["b"], entry)


def _describes(mark: str, entry: Entry) -> bool:
    removes = any("REMOVE" in read_action(text).actions for text in entry.actions)
    return _ONLY_STATE.fullmatch(mark) is not None and (removes or not entry.replacements)


def _says_off(label: str, text: str) -> bool:
    said = {*words(label)}
    if said & _ON and said <= _ON | _BESIDE and "not" not in said:
        return _NO.match(text) is not None and not (text.strip() == "0" and said & {*words("run runs")})
    if (said & _OFF and said <= _OFF | _BESIDE) or (said & _ON and "not" in said and said <= _ON | _BESIDE):
        return _YES.match(text) is not None
    if said & _TELLS_STATE and SAYS_STATE.match(text):
        return True
    return orders_off(text)


def orders_off(text: str) -> bool:
    """Whether a sentence of a text says that something is not to be run: ``Do not run this one.``"""
    return any(_ORDER.match(sentence) for sentence in SENTENCE_END.split(text))


def take_out_struck(entry: Entry) -> None:
    """Takes what is crossed out of the lists and remarks of an entry, unless nothing that is tried would be left."""
    if not all(map(is_struck, entry.replacements)):
        kept = [at for at, text in enumerate(entry.replacements) if not is_struck(text)]
        entry.continued = {new for new, old in enumerate(kept) if old in entry.continued and new}
        entry.replacements[:] = [entry.replacements[at] for at in kept]
    entry.metrics[:] = [text for text in entry.metrics if not is_struck(text)]
    entry.context[:] = [text for text in entry.context if not is_struck(text)]
    for told in (entry.remarks, entry.unknown, entry.changes):
        told[:] = [(label, text) for label, text in told if not is_struck(text)]
