"""What a plan says beside the readings of its entries: notes, and sentences that may not be passed over."""

from __future__ import annotations

from collections.abc import Iterator

from search_spaces.plan_import.account import NotUnderstood
from search_spaces.plan_import.labels import FIELDS, kind_of
from search_spaces.plan_import.leftover import CELL, COMMENTED, CROSSED, HEADING, ITEM, LABELLED, TEXT, left_over
from search_spaces.plan_import.off_words import is_state
from search_spaces.plan_import.passed_over import passed_over
from search_spaces.plan_import.roles import commands
from search_spaces.plan_import.rungs import adds_up, comes_on_top, step_in
from search_spaces.plan_import.sentences import SENTENCE_END, speaks
from search_spaces.plan_import.study_orders import told_off
from search_spaces.plan_import.switched_off import orders_off
from search_spaces.plan_import.telling import wants_more
from search_spaces.plan_import.told_baseline import ANOTHER, another_baseline, is_baseline
from search_spaces.plan_import.understand import EntryReader
from search_spaces.plan_import.written import Entry, WrittenPlan, clean

OUTSIDE = "Outside of every ablation"
"""Under what name a sentence is listed that belongs to no entry and may say what to do."""

ELSEWHERE = "stands outside of every ablation; it changes nothing"

_UNREAD = "is in no reading of its ablation; it changes nothing"

_CHOOSES = "it may say which entries not to run, and all of them are; take those out of the plan, or leave this out"

_MAY_ORDER = "it may say what to do, and belongs to no ablation; make it an entry of its own, or leave it out"

_STEPS = (
    "it says that changes come on top of each other, and no ladder was read; write the steps as one entry with "
    '"Action: cumulatively", or leave it out'
)


def _is_ladder(reader: EntryReader) -> bool:
    return reader.combined is not None and bool(reader.combined.ladder)


def beside(written: WrittenPlan, readers: list[EntryReader]) -> Iterator[str]:
    """What stands beside the labels of every entry and is no part of its reading."""
    for entry, reader in zip(written.entries, readers, strict=True):
        open_texts = {missed.text for missed in reader.not_understood}
        for label, text in dict.fromkeys((*reader.entry.remarks, *entry.remarks)):
            if text not in open_texts and (entry.off is None or (label, text) != entry.off[:2]):
                yield f"{reader.name}: {label} {text!r} is a remark; it changes nothing"
        for text in dict.fromkeys((*reader.entry.context, *entry.context)):
            if text and text not in open_texts:
                yield f"{reader.name}: {TEXT} {text!r} is a remark; it changes nothing"


def outside(written: WrittenPlan, readers: list[EntryReader]) -> tuple[tuple[NotUnderstood, ...], list[str]]:
    """What is in no entry: sentences that may say what to do, which stay open, and notes on all others."""
    account = [written.title, *written.orders, *beside(written, readers), *(f"{a} {b}" for a, b in written.remarks)]
    for entry, reader in zip(written.entries, readers, strict=True):
        read = [
            *reader.entry.texts,
            *reader.entry.metrics,
            *(f"{item.field} {item.text}" for item in reader.not_understood),
        ]
        read += [phrase.text for phrase in reader.understood]
        account.append(" ".join([reader.name, *_told(entry), *entry.metrics, *read]))
    firm = account[: len(account) - len(written.entries) - len(written.remarks)] + account[-len(written.entries) :]
    about = [text for entry in written.entries for text in (entry.title, *entry.parts, *entry.axes)]
    crossed = dict.fromkeys(text for label, text in written.phrases if label == CROSSED)
    standing = [(label, step_in(text) or text) for label, text in written.phrases if label != CROSSED]
    passed = passed_over(standing, firm, written.remarks, OUTSIDE, about)
    named = {item.text for item in passed}
    left = [(TEXT if label in (HEADING, ITEM, CELL) else label, text) for label, text in left_over(standing, account)
            if text not in named]  # fmt: skip
    ordered = [*written.orders, *(text for _, text in written.remarks if orders_off(text))]
    ordered += [text for label, text in left if label != COMMENTED and _orders(text)]
    missed = tuple(NotUnderstood(OUTSIDE, TEXT, text, _MAY_ORDER) for text in ordered)
    told = dict.fromkeys(
        text for label, text in (*written.remarks, *left) if label != COMMENTED and text not in ordered
    )
    steps = [text for text in told if comes_on_top(text) and speaks(text)]
    if not any(entry.stepped for entry in written.entries) and not any(map(_is_ladder, readers)):
        steps += [text for text in told if text not in steps and any(map(adds_up, SENTENCE_END.split(text)))]
    known = {*ordered, *steps}
    others = [item for item in _told_outside([*written.remarks, *left], readers) if item.text not in known]
    missed += (*(NotUnderstood(OUTSIDE, TEXT, text, _STEPS) for text in steps), *passed, *others)
    ordered += [*steps, *(item.text for item in others)]
    rest = [f"{label} {text!r} {_UNREAD if kind_of(label) in FIELDS else ELSEWHERE}"
            for label, text in left if text not in ordered]  # fmt: skip
    return missed, [*rest, *(f"{text!r} is struck out, and left out" for text in crossed)]


def _orders(text: str) -> bool:
    """Whether a text may say what to do, or what not to run."""
    return commands(text) or wants_more(text) or orders_off(text) or is_state(text)


def _told_outside(said: list[tuple[str, str]], readers: list[EntryReader]) -> Iterator[NotUnderstood]:
    """What labels outside of every entry say that the study does not follow: which entries to run, another baseline."""
    own = readers[0] if readers else None
    for label, text in said:
        pair = LABELLED.match(text) if label == TEXT else None
        name, told = (clean(pair["label"]), clean(pair["text"])) if pair is not None else (label, text)
        if told_off(name, told):
            yield NotUnderstood(OUTSIDE, label, text, _CHOOSES)
        elif own is not None and is_baseline(name) and another_baseline(told, {}, own.baseline, own.profile):
            yield NotUnderstood(OUTSIDE, label, text, ANOTHER)


def _told(entry: Entry) -> list[str]:
    """What an entry says in its own fields."""
    beside = [text for pair in (*entry.unknown, *entry.changes) for text in pair]
    return [*entry.said, entry.title, *entry.axes, *entry.parts, *entry.actions, *entry.replacements, *beside]
