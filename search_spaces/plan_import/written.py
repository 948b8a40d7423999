"""What a written plan says, before anybody interprets it: entries with four fields, as text."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

from search_spaces.words import words

PART, ACTION, REPLACEMENT, METRICS, TITLE = "Ablated Part", "Action", "Replacement", "Metrics", "Title"

_LABELS = {
    PART: ("ablated part", "ablated component", "ablated module", "ablated axis", "ablation target", "component",
           "part", "axis"),
    ACTION: ("action", "operation", "ablation action", "ablation type"),
    REPLACEMENT: ("replacement", "replacement value", "replacement option", "replace with", "replaced by", "value",
                  "alternative", "variant"),
    METRICS: ("metric", "evaluation metric", "measure", "measured by", "measurement"),
    TITLE: ("title", "name", "ablation", "ablation name", "ablation title", "ablation study", "experiment"),
}  # fmt: skip

_FIELD_OF = {words(label): name for name, labels in _LABELS.items() for label in labels}


def field_of(label: str) -> str | None:
    """Returns the field that a label names, whatever its case, punctuation or small misspellings."""
    said = words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label))
    if said in _FIELD_OF:
        return _FIELD_OF[said]
    by_text = {" ".join(known): name for known, name in _FIELD_OF.items()}
    close = difflib.get_close_matches(" ".join(said), by_text, n=1, cutoff=0.85)
    return by_text[close[0]] if close else None


@dataclass
class Entry:
    """One ablation as written.

    Attributes:
        title: its heading; may be empty.
        parts: what is ablated; one, if the plan is well formed.
        actions: what is done to it; one, if the plan is well formed.
        replacements: what is tried instead, item by item.
        metrics: what is measured, item by item.
        remarks: (label, text) of everything else that is labelled.
    """

    title: str = ""
    parts: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    replacements: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing but a title is known."""
        return not (self.parts or self.actions or self.replacements or self.metrics)

    def put(self, name: str, text: str) -> None:
        """Adds a field's text; lists are split into items."""
        if name == TITLE:
            self.title = text
        elif name == PART:
            self.parts.append(text)
        elif name == ACTION:
            self.actions.append(text)
        else:
            items = self.replacements if name == REPLACEMENT else self.metrics
            items.extend(split_items(text))


@dataclass
class WrittenPlan:
    """A plan as written.

    Attributes:
        title: its first heading; may be empty.
        entries: its ablations, in order.
        remarks: (label, text) of what it says outside of every entry.
    """

    title: str = ""
    entries: list[Entry] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)


EXAMPLES = re.compile(r"\b(?:e\.\s?g\.|i\.\s?e\.|such as|for example|for instance|including|namely)[,:]?\s*", re.I)
"""What opens a list of examples inside a phrase."""


def split_items(text: str) -> list[str]:
    """Splits ``2, 4, and 8`` into items; commas inside brackets or after ``e.g.`` separate nothing."""
    if EXAMPLES.search(text):
        return [clean(text)] if clean(text) else []
    pieces = re.split(r"[,;，；](?![^(\[]*[)\]])", text)
    items = [clean(re.sub(r"^\s*(?:and|or|&)\s+", "", piece, flags=re.I)) for piece in pieces]
    return [item for item in items if item]


def clean(text: str) -> str:
    """Takes Markdown emphasis, quotes and closing punctuation off a phrase."""
    bare = text.replace("**", "").replace("__", "")
    return bare.lstrip(" \t`*\"“”'‘’").rstrip(" \t`*\"“”'‘’.;,")
