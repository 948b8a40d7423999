"""What a plan says beside the readings of its entries: notes, and sentences that may not be passed over."""

from __future__ import annotations

from collections.abc import Iterator

from search_spaces.plan_import.account import NotUnderstood
from search_spaces.plan_import.labels import FIELDS, kind_of
from search_spaces.plan_import.leftover import COMMENTED, CROSSED, TEXT, left_over
from search_spaces.plan_import.off_words import is_state
from search_spaces.plan_import.roles import commands
from search_spaces.plan_import.switched_off import orders_off
from search_spaces.plan_import.understand import EntryReader
from search_spaces.plan_import.written import Entry, WrittenPlan

OUTSIDE = "Outside of every ablation"
"""Under what name a sentence is listed that belongs to no entry and may say what to do."""

ELSEWHERE = "stands outside of every ablation; it changes nothing"

_UNREAD = "is in no reading of its ablation; it changes nothing"

_MAY_ORDER = "it may say what to do, and belongs to no ablation; make it an entry of its own, or leave it out"


def beside(written: WrittenPlan, readers: list[EntryReader]) -> Iterator[str]:
    """What stands beside the labels of every entry and is no part of its reading."""
    for entry, reader in zip(written.entries, readers, strict=True):
        open_texts = {missed.text for missed in reader.not_understood}
        for label, text in dict.fromkeys((*reader.entry.remarks, *entry.remarks)):
            if text and (entry.off is None or (label, text) != entry.off[:2]):
                yield f"{reader.name}: {label} {text!r} is a remark; it changes nothing"
        for text in dict.fromkeys((*reader.entry.context, *entry.context)):
            if text and text not in open_texts:
                yield f"{reader.name}: {TEXT} {text!r} is a remark; it changes nothing"


def outside(written: WrittenPlan, readers: list[EntryReader]) -> tuple[tuple[NotUnderstood, ...], list[str]]:
    """What is in no entry: sentences that may say what to do, which stay open, and notes on all others."""
    account = [written.title, *written.orders, *beside(written, readers), *(f"{a} {b}" for a, b in written.remarks)]
    for entry, reader in zip(written.entries, readers, strict=True):
        read = [*reader.entry.texts, *reader.entry.metrics, *(missed.text for missed in reader.not_understood)]
        account.append(" ".join([reader.name, *_told(entry), *entry.metrics, *read]))
    left = left_over([said for said in written.phrases if said[0] != CROSSED], account)
    crossed = dict.fromkeys(text for label, text in written.phrases if label == CROSSED)
    ordered = [*written.orders, *(text for _, text in written.remarks if orders_off(text))]
    ordered += [text for label, text in left if label != COMMENTED and _orders(text)]
    missed = tuple(NotUnderstood(OUTSIDE, TEXT, text, _MAY_ORDER) for text in ordered)
    rest = [f"{label} {text!r} {_UNREAD if kind_of(label) in FIELDS else ELSEWHERE}"
            for label, text in left if text not in ordered]  # fmt: skip
    return missed, [*rest, *(f"{text!r} is struck out, and left out" for text in crossed)]


def _orders(text: str) -> bool:
    """Whether a text may say what to do, or what not to run."""
    return commands(text) or orders_off(text) or is_state(text)


def _told(entry: Entry) -> list[str]:
    """What an entry says in its own fields."""
    beside = [text for pair in (*entry.unknown, *entry.changes) for text in pair]
    return [*entry.said, entry.title, *entry.axes, *entry.parts, *entry.actions, *entry.replacements, *beside]
