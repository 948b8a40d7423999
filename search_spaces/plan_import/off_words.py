"""Words that say of an entry or a value that it is not to be tried: ``cancelled``, ``on hold``, ``not to be run``."""

from __future__ import annotations

import re

from search_spaces.plan_import.left_open import leaves_open
from search_spaces.plan_import.struck import STRUCK

NOT = r"(?:(?:do|does|must|should|shall|may|will|is|are|to)\s+not|don['’]?t|won['’]?t|never|not)"
RUN = r"(?:run|ran|execut|launch|start|train|includ|submit|schedul|perform|implement|do|done)\w*"
OTHERS = (
    rf"cancel(?:l?ed)?|skip(?:ped)?|abandoned|withdrawn|retired|rejected|on hold|on ice|held back|postponed|deferred"
    rf"|parked|paused|suspended|shelved|scrapped|struck(?: out)?|crossed out|discarded|obsolete|superseded|deprecated"
    rf"|no longer (?:needed|wanted|planned|relevant|run)|not (?:needed|wanted|planned|now|yet|scheduled|required)"
    rf"|out of scope|wontfix|{NOT}\s+(?:to\s+)?(?:be\s+)?{RUN}"
)
STATES = (
    r"drop(?:ped)?|removed|disabled?|deactivated|inactive|not active|off|omit(?:ted)?|ignored?|excluded?|left out"
    r"|not enabled"
)
"""What an arm may be described by as well: ``Guidance (off)``."""

_LEAD = (
    r"(?:(?:please|now|currently|temporarily|already|it|this|that|one|entry|ablation|experiment|arm|run|we|is|was|has"
    r"|been|to be|will be|should|can|could|may|be)\s+)*"
)
OBJECT = (
    r"(?:\s+(?:this|it|that|the|one|entry|ablation|experiment|arm|run|row|item|for|now|yet|any|more|anymore|again|please"
    r"|today|at|moment|time|being|here|either|whole|round|in))*"
)
END = r"(?:\W*$|\s*[,;:.(–—-]\s*\D.*|\s+(?:because|as|since|due to|until|unless|after|by|for lack|in favou?r)\b.*)"
SAYS_STATE = re.compile(rf"^\W*{_LEAD}(?:{OTHERS}|{STATES}){OBJECT}{END}", re.I | re.S)

_STATE = re.compile(
    rf"^\W*{_LEAD}(?P<state>{OTHERS}|{STATES}){OBJECT}(?:\s+(?:ablation|experiment|entrie|arm|run|item)s)?\W*$", re.I
)

_MARKED = re.compile(rf"[(\[]\s*(?:{OTHERS}){OBJECT}\s*[)\]]\W*$", re.I)


def is_state(text: str) -> bool:
    """Whether a text says that something is not to be run, and nothing else: ``Cancelled ablations``."""
    found = _STATE.match(text)
    return found is not None and found["state"].lower() != "skip"  # "Skip ablation" is about skips


def not_to_try(text: str) -> str:
    """Returns why an item is not to be tried as it stands; empty where nothing says so."""
    if STRUCK.search(text):
        return "is struck out, at least in part; leave out what is not to be tried"
    if leaves_open(text):
        return "leaves open what is to be tried; write the values one by one"
    if _MARKED.search(text):
        return "says that it is not to be run; leave it out, or the remark"
    return ""
