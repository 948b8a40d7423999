"""What a written plan says, before anybody interprets it: entries with labelled text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from search_spaces.plan_import.actions import is_action, read_action
from search_spaces.plan_import.commas import guarded, unguarded
from search_spaces.plan_import.labels import (
    ACTION,
    AXIS,
    PART,
    REMARK,
    REPLACEMENT,
    TITLE,
    is_doing,
    is_sure,
    kind_of,
    on_sides,
    sides_of,
)
from search_spaces.plan_import.left_open import with_ellipsis
from search_spaces.plan_import.struck import each_struck, without_struck

if TYPE_CHECKING:
    from search_spaces.plan_import.crossed import Crossed


@dataclass
class Entry:
    """One ablation as written.

    Attributes:
        title: its heading; may be empty.
        axes: the axis, where the plan names it under that label.
        parts: what is ablated; one, if the plan is well formed.
        actions: what is done to it; one, if the plan is well formed.
        replacements: what is tried instead, item by item.
        metrics: what is measured, item by item.
        remarks: (label, text) of explanations.
        unknown: (label, text) under labels that nobody knows.
        context: text beside the labels.
        changes: (label, text) of what describes a value, and may change more than it.
        continued: indices of the replacements that a comma or semicolon separates from the one before them.
        twice: labels that are given twice, so that nobody knows which holds.
        beyond: cells of a row that stand behind the last column of its table.
        other: another way to take the same words apart, for when this one leaves something open.
        gist: how its axis was found, where the entry was read from all that it says.
        said: the sentences that it was taken from, as written.
        stepped: whether its replacements are counted steps, which may add up.
        pointed: whether each of its replacements sets several axes at once, as a row of a table of runs does.
        crossed: the table of which every cell is one of its runs.
        off: (label, text, reason) of what says that it is not to be run.
    """

    title: str = ""
    axes: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    replacements: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    context: list[str] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)
    continued: set[int] = field(default_factory=set)
    twice: list[str] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)
    other: Entry | None = None
    gist: str = ""
    said: list[str] = field(default_factory=list)
    stepped: bool = False
    pointed: bool = False
    crossed: Crossed | None = None
    off: tuple[str, str, str] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing but a title is known."""
        return not (self.axes or self.parts or self.actions or self.replacements or self.metrics)

    @property
    def overlong(self) -> bool:
        """Whether a text or a list is longer than anything that somebody wrote to be tried."""
        listed = (self.axes, self.parts, self.actions, self.replacements)
        return any(len(texts) > MOST_ITEMS for texts in listed) or any(
            len(text) > LONGEST for texts in ([self.title], *listed) for text in texts
        )

    @property
    def texts(self) -> list[str]:
        """All that it says but its metrics."""
        beside = [text for _, text in (*self.remarks, *self.unknown, *self.changes)]
        beside += [self.crossed.corner, *self.crossed.names] if self.crossed is not None else []
        return [self.title, *self.axes, *self.parts, *self.actions, *self.replacements, *beside, *self.context]

    def put(self, name: str, text: str) -> None:
        """Adds a field's text; lists are split into items."""
        if name == TITLE:
            self.title = text
        elif name == AXIS:
            self.axes.append(text)
        elif name == PART:
            self.parts.append(text)
        elif name == ACTION:
            self.actions.append(text)
        else:
            pieces = split_items(in_set(text) if name == REPLACEMENT else text)
            if name == REPLACEMENT:
                first = len(self.replacements)
                self.continued.update(range(first + 1, first + len(pieces)))
            self.items(name).extend(pieces)

    def put_labelled(self, label: str, text: str) -> None:
        """Adds text under any label."""
        kind = kind_of(label)
        if not text:
            return
        if kind == PART and not is_sure(label) and is_action(text):
            kind = ACTION  # "What is done: remove"
        sure = is_sure(label) or is_doing(label)
        asked = read_action(text)
        no_action = kind == ACTION and not sure and not (asked.actions or asked.cumulative)
        if kind is None or no_action:
            self.unknown.append((label, text))
        elif kind == REMARK:
            self.remarks.append((label, text))
        else:
            there, text = on_sides(label, text)
            if there:
                self.remarks.append(((sides_of(label) or (label,))[0], there))
            self.put(kind, text)

    def items(self, name: str) -> list[str]:
        """Returns the list of replacements or of metrics."""
        return self.replacements if name == REPLACEMENT else self.metrics


@dataclass
class WrittenPlan:
    """A plan as written.

    Attributes:
        title: its first heading; may be empty.
        entries: its ablations, in order.
        remarks: (label, text) of what it says outside of every entry.
        others: other ways to take the same text apart into entries, for when this one leaves something open.
        orders: sentences outside of every entry that say what to do.
        strange: a sentence on its labels, where it has several and none of them is known.
        phrases: (label, text) of what its text says, phrase by phrase, however it is taken apart.
    """

    title: str = ""
    entries: list[Entry] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)
    others: list[WrittenPlan] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    strange: str = ""
    phrases: list[tuple[str, str]] = field(default_factory=list)


LONGEST = 2000
"""Characters beyond which a text is no description that somebody wrote; every reader would look at all of its parts."""

MOST_ITEMS = 200
"""Items beyond which a list is none that somebody wrote to be tried."""

EXAMPLES = re.compile(r"\b(?:e\.\s?g\.|i\.\s?e\.|such as|for example|for instance|including|namely)[,:]?\s*", re.I)
"""What opens a list of examples inside a phrase."""

_OPENING = re.compile(r"^\s*(?:(?:and|or|&)\s+)?(?:\((?:[ivx]{1,4}|[a-h])\)\s+|(?:[a-h]|[ivx]{2,4})\)\s+)?", re.I)
"""What only joins or numbers the items of a list: ``and``, ``(i)``, ``b)``."""

_SET = re.compile(r"^\s*(?:\{(?P<a>[^{}]+)\}|\[(?P<b>[^\[\]]+)\]|\((?P<c>[^()]+)\))\s*$")


def in_set(text: str) -> str:
    """Returns what stands inside of the brackets of ``{Muon, Lion}``, every item of which is tried; else the text."""
    found = _SET.match(text)
    inside = next(filter(None, found.groups()), "") if found is not None else ""
    return inside if _SEPARATOR.search(inside) else text


_GOES_ON = (
    r"(?!\s*(?:and\s+)?(?:(?:on top of|in addition to|along ?side|together with|combined with"
    r"|while (?:still )?keeping)\b"
    r"[^,;\d]*|and\s+[^,;\d]*\badded\b[^,;\d]*)(?:[,;]|$))"
)
"""What goes on with the item before a comma: ``RoPE, on top of the sin-cos table``."""

_SEPARATOR = re.compile(
    rf"[;，；]|\s[·•]\s|(?<!\d),{_GOES_ON}|,(?!\d{{3}}(?!\d)){_GOES_ON}|(?<=(?<![\d.,])0),{_GOES_ON}"
)


_MARK = re.compile(r"^\s*\((?:[a-h]|[1-9]|[ivx]{1,4})\)\s+", re.I)
_FIRST = re.compile(r"^\s*\([a1i]\)\s", re.I)
_COUNTED = re.compile(r"\s*;\s*(?=(?:(?:and|or)\s+)?\((?:[b-h]|[2-9]|i[ivx]{1,3}|v)\)\s)", re.I)
"""Where the next item of a list begins that counts its items in brackets."""


def split_items(text: str) -> list[str]:
    """Splits ``2, 4, and 8`` into items.

    Commas inside brackets, after ``e.g.``, between the thousands of one number (``1,024``) and in what may be a decimal
    (``0,5``) separate nothing.
    """
    counted = _COUNTED.split(text) if _FIRST.match(text) else []
    if len(counted) > 1:  # "(a) 1.0, i.e. no guidance; (b) 1.5"
        return [item for piece in counted for item in split_items(_MARK.sub("", piece))]
    if EXAMPLES.search(text):
        return [clean(text)] if clean(text) else []
    items = [clean(_OPENING.sub("", piece)) for piece in unguarded(_outside_brackets(guarded(each_struck(text))))]
    return [item for item in items if item]


def _outside_brackets(text: str) -> list[str]:
    pieces, start = [], 0
    for found in _SEPARATOR.finditer(text):
        before = text[: found.start()]
        if sum(map(before.count, "([{")) <= sum(map(before.count, ")]}")):
            pieces.append(text[start : found.start()])
            start = found.end()
    return [*pieces, text[start:]]


_EMPHASIS = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]*[^\s*])\*(?![\w*])")
_MATHS = re.compile(r"\$([^$\n]{1,60})\$(?!\d)|\\\(([^\n]{1,60}?)\\\)")
"""Mathematics between dollar signs: ``$x_0$``."""


def clean(text: str) -> str:
    """Takes Markdown emphasis, what is crossed out, quotes and closing punctuation off a phrase."""
    text = with_ellipsis(text)
    bare = without_struck(_MATHS.sub(lambda found: found[1] or found[2], text))
    bare = _EMPHASIS.sub(r"\1", bare.replace("**", "").replace("__", ""))
    bare = bare.replace("`", "")  # of code in a line, of which a label may have taken the first
    return bare.lstrip(" \t`*\"“”'‘’").rstrip(" \t`*\"“”'‘’.;,")


_TOGETHER = re.compile(
    r"\bfactorial\b|\ball (?:\w+ )?combinations\b|\bevery combination\b|\bfull grid\b|\bcross(?:ed)? product\b", re.I
)


def told_together(plan: WrittenPlan) -> bool:
    """Whether text outside of the entries says that they belong together, as a grid or as a ladder."""
    return any(_TOGETHER.search(text) or read_action(text).cumulative for _, text in plan.remarks)
