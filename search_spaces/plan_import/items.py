"""What the replacements of an entry say, item by item."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dit_core.errors import UserError
from search_spaces.axes import Axis, all_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.absence import is_nothing
from search_spaces.plan_import.actions import Asked, read_action
from search_spaces.plan_import.beside import BY_IT, meant_by_it
from search_spaces.plan_import.choose import Choice, bare_title
from search_spaces.plan_import.clauses import is_clause
from search_spaces.plan_import.commas import TwoWays, as_their_siblings, items_of, mixed
from search_spaces.plan_import.doing import FOLLOWS, read_doing
from search_spaces.plan_import.entry_account import EntryAccount
from search_spaces.plan_import.evidence import GENERAL, SPEAKS, Candidate, Score, candidates, evidence, knows
from search_spaces.plan_import.families import family_of
from search_spaces.plan_import.labels import ACTION, PART, REPLACEMENT
from search_spaces.plan_import.loose import foreign, is_quiet, mentioned
from search_spaces.plan_import.nothing import nothing_and_why
from search_spaces.plan_import.numerals import TIMES, numbers_in
from search_spaces.plan_import.objects import DETAILS
from search_spaces.plan_import.riders import changes_more, rider
from search_spaces.plan_import.stays import join_what_stays, says_these_stay
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.plan_import.values import (
    Range,
    is_generic,
    means_every,
    names_none,
    names_values,
    read_values,
    reads,
)
from search_spaces.plan_import.wrapping import is_cost, sentences_of

_TELLS = re.compile(r"\W*(?:with|where|whose|in which|using|plus)\b", re.I)


_TURNED = re.compile(r"\b(?:fewer|less|more|smaller|larger|bigger|wider|deeper|post-?hoc|double|twice)\b", re.I)
"""What makes more of a text than a name."""

_LATER = re.compile(
    r"\b(?:after|until|till|from|beyond|before)\s+(?:training\s+)?(?:(?:step|iteration|epoch)\s+\d{2,}"
    r"|\d[\d,.]*\s*[kKM]?\s+(?:training\s+)?(?:steps|iterations|epochs|updates))\b",
    re.I,
)
"""A time in training, at which something else would have to happen: ``after iteration 5000``."""

_STYLE = re.compile(r"(?:in\s+(?:the\s+)?)?[\w-]+(?:\s+style|-style|-like|\s+fashion)", re.I)
"""Whose way to do the same it is: ``U-ViT style``."""

_WITH_IT = re.compile(
    r"\W*(?:and\s+)?(?:(?:along|together|combined|in combination|paired|jointly) with|as well as"
    r"|(?:but\s+)?without|with no)\b",
    re.I,
)
"""What joins a piece behind a comma to the value before it."""

_TOLD = re.compile(r"^\W*(?:with|using|where|whose|(?:re-?)?train(?:ed|ing)?|fine-?tuned|run|keep|keeping)\b", re.I)
"""How an item opens that is no value, but tells how the arms are made."""

_BAR = re.compile(r"\s+[|¦]\s+")
"""What stands between values in one line."""

_HAPPENS = re.compile(
    r"^\W*(?:the|both|its|their|class|time\w*|labels?)\s.*\b(?:is|are|gets?|enters?|goes|go|becomes?)\b", re.I
)
"""A sentence on what is done, behind what names it: ``LayerNorm; the label is appended as a token``."""

_PLAIN = re.compile(r"^\W*(?:(?:an?|the|standard|plain|ordinary|normal|usual|regular|unconditional|vanilla)\s+)+", re.I)

_OF_ALL = re.compile(
    r"^\W*(?:and\s+|but\s+)?(?:with\s+|in\s+|for\s+)?(?:all|both|each|every)\b(?!\s+(?:block|layer|head|token|step)s?\b)"
    r"|\b(?:both|each|all)\s+(?:of them\s+)?(?:with|using|at|under|trained|in)\b"
    r"|\bin (?:all|both|either|each|every) (?:cases?|arms?|runs?|variants?)\b|\b(?:throughout|each)\W*$"
    r"|^\W*(?:and\s+|but\s+)?everywhere\b",
    re.I,
)
"""What says that a piece belongs to all values beside it: ``ReLU, SiLU, both with dropout``."""


class LeftOut(Exception):
    """The entry cannot become an ablation; the reason is recorded already."""


@dataclass
class ItemReader(EntryAccount):
    """Reads what is tried in the place of a part."""

    def _how_to_settle(self) -> str:
        return f"settle it with {self.question.settle}" if self.question else ""

    def _asked(self) -> Asked:
        """What the action texts ask for together; none written asks for nothing."""
        read = [read_action(text) for text in self.entry.actions]
        return Asked(
            frozenset().union(*(one.actions for one in read)),
            any(one.both for one in read),
            any(one.cumulative for one in read),
            " ".join(one.rest for one in read).strip(),
        )

    def _replacements(self, axis: Axis) -> tuple[Any, ...]:
        texts = self.entry.replacements
        if not texts:
            return self._said_with_action(axis)
        if isinstance(axis, NumberAxis):
            if (unclear := mixed(texts)) is not None:
                self._two_ways(unclear, axis)
            texts[:] = as_their_siblings(texts)
        self._part_at_bars(texts, axis)
        self._join(texts, axis)
        self.entry.continued = join_what_stays(texts, self.entry.continued, axis, self.baseline, self.profile)
        adds = isinstance(axis, NumberAxis) and self._asked().actions == {"ADD"}
        if adds and all(is_quiet(text, axis) and not says_amount(text) and not is_nothing(text) for text in texts):
            for index, text in enumerate(texts):
                self._knows(REPLACEMENT, index, text, f"the axis {axis.name} again; its usual values are tried")
            return ()
        values: list[Any] = []
        said = list(texts)
        if self._asked().actions == {"REMOVE"}:
            texts[:] = (nothing_and_why(text, axis, self.baseline, self.profile) or text for text in said)
        others = [text for text in texts if not is_nothing(text)]
        for index, text in enumerate(texts):
            if index and FOLLOWS.match(text) and not _LATER.search(text) and not self._rides(text, axis, values):
                self._knows(REPLACEMENT, index, text, "what follows from it; it changes nothing")
                continue
            if index and values and says_these_stay(text, axis, self.baseline, self.profile):
                self._knows(REPLACEMENT, index, text, "what stays as it is")
                continue
            if is_nothing(text) and not self._names_a_value(text, axis) and not others:
                self._knows(REPLACEMENT, index, said[index], "nothing takes its place")
                continue
            try:
                found, meaning = self._read_item(text, axis, others)
                if beside := self._rides(text, axis, found):
                    raise UserError(changes_more(beside, axis.name))
            except Range as error:
                self._range(index, text, error, axis)
                values += error.ends
                continue
            except TwoWays as error:
                self._two_ways(error, axis)
            except UserError as error:
                beside = self._rides(text, axis, values) if index in self.entry.continued else ""
                if beside and values:
                    self._misses(REPLACEMENT, index, text, changes_more(beside, axis.name))
                    raise LeftOut from None  # the value before it is not to be tried alone
                if index in self.entry.continued and (
                    self._belongs_to_last(texts[index - 1], text, axis)
                    or (values and (is_cost(text) or is_clause(text, axis, self.baseline, self.profile, values)))
                ):
                    self._knows(REPLACEMENT, index, text, "a remark on the one before it; it changes nothing")
                    continue
                told = index + 1 in self.entry.continued and index + 1 < len(texts)
                if told and self._is_told_by(text, texts[index + 1], axis):
                    self._knows(REPLACEMENT, index, text, "told by what stands behind it")
                    continue
                if told and _HAPPENS.match(texts[index + 1]) and self._is_there(text, axis):
                    self._knows(REPLACEMENT, index, text, "is there already; what happens then stands behind it")
                    continue
                self._misses(REPLACEMENT, index, text, error)
                if (
                    told
                    and _HAPPENS.match(texts[index + 1])
                    and reads(texts[index + 1], axis, self.baseline, self.profile)
                ):
                    raise LeftOut from None  # a sentence behind it tells what it is, and not another value
                if index in self.entry.continued and (_WITH_IT.match(text) or _TELLS.match(text)):
                    raise LeftOut from None
                rides = _TOLD.match(text) and self._rides(text, axis, values)
                if len(others) > 1 and (rides or _OF_ALL.search(text)):
                    raise LeftOut from None  # what is not understood belongs to every value
                continue
            if names_none(meaning) and (beside := self._told_beside(axis)):
                self._ask_what(axis, f"{text!r} names no value, and {beside!r} beside it does")
            if names_none(meaning) and not means_every(text, axis) and self._values_beside(text, others, axis):
                if text != others[0]:
                    self._ask_what(axis, f"{text!r} stands behind values and names none; it may ask for further ones")
                self._knows(REPLACEMENT, index, text, "says of which sort the values behind it are; no more are tried")
                continue
            if len(others) > 1 and len(found) > 1 and means_every(text, axis):
                self._ask_what(axis, f"{text!r} stands beside other values and may mean every one, or one of its own")
            values += found
            self._knows(REPLACEMENT, index, text, meaning)
        if not values and others:
            self._ask_which(axis, others)
            raise LeftOut  # without a value that was asked for, none is made up
        return tuple(dict.fromkeys(values))

    def _rides(self, text: str, axis: Axis, values: Sequence[Any]) -> str:
        """What of an item changes more than its axis; empty where nothing does."""
        return rider(text, {axis.name: tuple(values)}, self.baseline, self.profile)

    def _told_beside(self, axis: Axis) -> str:
        """What describes values that are not named, and names some itself: ``ReLU and SiLU``."""
        told = (text for label, text in self.entry.remarks if label.strip().lower() in DETAILS)
        return next((text for text in told if self._names_another(text, axis)), "")

    def _values_beside(self, text: str, others: list[str], axis: Axis) -> bool:
        """Whether values are written out beside a text that names none."""
        return any(self._names_another(other, axis) for other in others if other != text)

    def _names_another(self, text: str, axis: Axis) -> bool:
        """Whether a text names a value that is not the baseline's own."""
        if not names_values(text, axis, self.baseline, self.profile):
            return False
        try:
            values = read_values(text, axis, self.baseline, self.profile)[0]
        except UserError:
            return True
        return bool({*values} - {axis.current(self.baseline, self.profile)})

    def _ask_which(self, axis: Axis, items: list[str]) -> None:
        """Asks which axis is meant, where the part names one and nothing that is tried is a value of it."""
        text = self.entry.parts[0] if self.entry.parts else self.entry.title
        general = all(is_generic(item) or family_of(item) for item in items)
        names = (family_of(text) or family_of(bare_title(self.entry.title))) if general else ()
        others = [
            other.name
            for other in all_axes()
            if isinstance(other, ChoiceAxis)
            and not set(other.fields) & set(axis.fields)
            and all(reads(item, other, self.baseline, self.profile) for item in items)
        ]
        if not names and len(others) == 1:
            names = (axis.name, others[0])
        if self.question is None and len(names) > 1:
            choice = Choice(rivals=[Score(c) for name in names for c in candidates_named(name)])
            self._ask(choice, f"{', '.join(items)!r} is no value of {axis.name}; it may be about {' or '.join(names)}")
            self._misses(PART, 0, text, f"it may be about {' or '.join(names)}; {self._how_to_settle()}", names)

    def _part_at_bars(self, texts: list[str], axis: Axis) -> None:
        """Takes ``Muon | Lion`` for two items, and ``2,4`` of whole numbers, so that each is read or named."""
        for index in range(len(texts) - 1, -1, -1):
            parts = [piece.strip() for piece in _BAR.split(texts[index]) if piece.strip()]
            pieces = [piece for part in parts for piece in items_of(part, axis)]
            if len(pieces) > 1:
                texts[index : index + 1] = pieces
                self.entry.continued = {
                    at if at <= index else at + len(pieces) - 1 for at in self.entry.continued
                }  # what stands behind a bar is an item of its own

    def _join(self, texts: list[str], axis: Axis) -> None:
        """Puts pieces together again that commas cut, as in ``the raw, unaveraged weights``."""
        for index in sorted(self.entry.continued, reverse=True):
            if not 0 < index < len(texts):
                continue
            whole = f"{texts[index - 1]}, {texts[index]}"
            first, last = (reads(text, axis, self.baseline, self.profile) for text in texts[index - 1 : index + 1])
            opens = isinstance(axis, NumberAxis) and not first and is_quiet(texts[index - 1], axis)
            if not first and (opens or not last) and reads(whole, axis, self.baseline, self.profile):
                texts[index - 1 : index + 1] = [whole]
                self.entry.continued = {at if at < index else at - 1 for at in self.entry.continued if at != index}

    def _is_told_by(self, text: str, behind: str, axis: Axis) -> bool:
        """Whether a piece behind a comma tells which value the one before it is: ``plain blocks, with two tokens``."""
        if not isinstance(axis, ChoiceAxis) or not _TELLS.match(behind) or says_amount(text) or _TURNED.search(text):
            return False
        if NEGATIONS & set(stems(text)) or foreign(text, places=True):
            return False
        if any(word not in STOP_STEMS and word not in GENERAL and not knows(word) for word in stems(text)):
            return False
        ranked = evidence([("", text, 1.0)])
        others = [s for s in ranked if s.candidate.axis is None or not set(s.candidate.axis.fields) & set(axis.fields)]
        silent = not mentioned(text, axis, self.profile) and not any(score.text >= SPEAKS for score in others)
        return silent and reads(behind, axis, self.baseline, self.profile)

    def _is_there(self, text: str, axis: Axis) -> bool:
        """Whether a text is what another axis has in the baseline, as ``standard layer norm`` is."""
        bare = _PLAIN.sub("", text).strip()
        for other in all_axes():
            if isinstance(other, ChoiceAxis) and not {*other.fields} & {*axis.fields}:
                try:
                    if other.parse(bare, self.profile) == other.current(self.baseline, self.profile):
                        return True
                except UserError:
                    continue
        return False

    def _said_with_action(self, axis: Axis) -> tuple[Any, ...]:
        """The values that the action texts name."""
        values: list[Any] = []
        for index, text in enumerate(self.entry.actions):
            doing = read_doing(text, axis, self.baseline, self.profile)
            if doing.ranged is not None:
                self._range(index, text, doing.ranged, axis, ACTION)
                values += doing.ranged.ends
            if not doing.values and not doing.ranged and BY_IT.search(text):
                values += meant_by_it(self.entry, axis, self.baseline, self.profile)
            again = doing.asked.actions & {"REMOVE", "ADD"} and is_quiet(doing.asked.rest, axis)
            values += () if again else doing.values  # "remove the labels" only names the part again
        return tuple(dict.fromkeys(values))

    def _read_item(self, text: str, axis: Axis, others: list[str]) -> tuple[tuple[Any, ...], str]:
        bare = text
        if len(others) > 1 and not reads(text, axis, self.baseline, self.profile):
            bare = nothing_and_why(text, axis, self.baseline, self.profile) or text
        if is_nothing(bare) and others and axis.remove_value is not None and not self._names_a_value(bare, axis):
            return (axis.remove_value,), f"{axis.remove_means}: {axis.name}={axis.label(axis.remove_value)}"
        first, *rest = sentences_of(text) or [text]
        if rest and not reads(text, axis, self.baseline, self.profile):
            values, meaning = read_values(first, axis, self.baseline, self.profile)
            if all(is_clause(one, axis, self.baseline, self.profile, values) for one in rest):
                return values, f"{meaning}; the rest is a remark"
        return read_values(text, axis, self.baseline, self.profile)

    def _belongs_to_last(self, last: str, text: str, axis: Axis) -> bool:
        """Whether ``text`` is a remark that a comma separated from the value before it."""
        if len(text.split()) < 3 and not _STYLE.fullmatch(text):
            return False
        try:
            before = read_values(last, axis, self.baseline, self.profile)[0]
            return read_values(f"{last}, {text}", axis, self.baseline, self.profile)[0] == before
        except UserError:
            return False

    def _range(self, index: int, text: str, error: Range, axis: Axis, place: str = REPLACEMENT) -> None:
        ends = ", ".join(map(axis.label, error.ends))
        if self.question is None:
            score = next((s for s in [Score(c) for c in candidates_named(axis.name)]), None)
            choice = Choice(rivals=[score] if score else [])
            self._ask(
                choice, f"{text!r}: {error}", f'the values one by one, e.g. "Replacement: {ends}"', f"{ends} alone"
            )
        if self.accept_guesses:
            self._knows(place, index, text, f"a guess, its ends alone: {ends}")
            return
        self._misses(place, index, text, f"{error}; {self._how_to_settle()}")
        raise LeftOut

    def _two_ways(self, error: TwoWays, axis: Axis) -> None:
        """Asks which number is meant by one that may be two."""
        if self.question is None:
            choice = Choice(rivals=[Score(candidate) for candidate in candidates_named(axis.name)])
            ways = " or ".join(f'"Replacement: {way}"' for way in error.ways)
            self._ask(choice, str(error), ways)
        part = self.entry.parts[0] if self.entry.parts else self.entry.title
        self._misses(PART, 0, part, f"{error}; {self._how_to_settle()}", (axis.name,))
        raise LeftOut

    def _names_a_value(self, text: str, axis: Axis) -> bool:
        """Whether ``text`` is a value to try on this axis, as ``none`` is of positions."""
        if not self._asked().actions <= {"REPLACE"}:
            return False
        try:
            axis.parse(text, self.profile)
        except UserError:
            return False
        return True

    def _ask_what(self, axis: Axis, why: str = "") -> None:
        """Asks what to do with an axis of which the entry says nothing but its name."""
        why = why or f"it says nothing to do with {axis.name}"
        usual = ", ".join(map(axis.label, axis.values(self.profile)))
        line = f'"Action: REPLACE" and the values, e.g. "Replacement: {usual}"'
        choice = Choice(rivals=[Score(c) for c in candidates_named(axis.name)])
        self._ask(choice, why, line, f"every known value: {usual}")
        if not self.accept_guesses:
            text = self.entry.parts[0] if self.entry.parts else self.entry.title
            self._misses(PART, 0, text, f"{why}; {self._how_to_settle()}", (axis.name,))
            raise LeftOut


def says_amount(text: str) -> bool:
    """Whether a text holds a number, or a word for one, as ``half`` is."""
    return bool(numbers_in(text) or TIMES.search(text))


def candidates_named(name: str) -> list[Candidate]:
    return [candidate for candidate in candidates() if candidate.name == name]
