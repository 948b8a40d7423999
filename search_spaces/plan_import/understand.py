"""Turns one written entry into an ablation, a grid or a ladder, phrase by phrase, and accounts for every phrase."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from dit_core.errors import UserError
from search_spaces.axes import AXES, Axis, all_axes, nearest_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.absence import is_nothing
from search_spaces.plan_import.actions import (
    Asked,
    is_action,
    is_some_verb,
    leads_with_action,
    read_action,
    removes_outright,
    turned_down,
)
from search_spaces.plan_import.beside import BY_IT, named_aside, nothing_else, reads_other, values_aside
from search_spaces.plan_import.choose import Choice, axis_by_name, bare_title, choose
from search_spaces.plan_import.combined import Combined, StuckLadder, combine
from search_spaces.plan_import.crossed import read_crossed
from search_spaces.plan_import.described import is_title_of, joins_a_change, only_describes, says_what_stays
from search_spaces.plan_import.doing import read_doing, without_constants
from search_spaces.plan_import.entry_checks import EntryChecks
from search_spaces.plan_import.entry_metrics import MetricReader
from search_spaces.plan_import.evidence import Score, evidence
from search_spaces.plan_import.items import LeftOut, candidates_named
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.labels import ACTION, AXIS, PART, REPLACEMENT
from search_spaces.plan_import.loose import SHAPE, choice_in, mentioned, two_of_another
from search_spaces.plan_import.numerals import numbers_in, plain_numbers
from search_spaces.plan_import.objects import METHODS
from search_spaces.plan_import.phases import in_phases, with_list
from search_spaces.plan_import.roles import orders
from search_spaces.plan_import.unlabelled import place_unknown, says_nothing
from search_spaces.plan_import.value_words import own_values
from search_spaces.plan_import.wrapping import without_what_holds
from search_spaces.plan_import.written import Entry, split_items
from search_spaces.study import Ablation, Action

_ACTIONS: tuple[Action, ...] = ("REPLACE", "REMOVE", "ADD")


_ARMS = re.compile(
    r"\s*[(\[]\s*(two|three|four|five|six|\d{1,2})\s+(?:arms|variants|options|values|settings|levels|alternatives|runs)\s*[)\]]",
    re.I,
)
"""How many values an action says that there are."""

_AS_ANY_ARM = re.compile(
    r"\s*[(\[]?\s*\b(?:(?:each|every|all)\s+(?:arm|model|variant|run)?s?\s*)?(?:re-?)?train(?:ed|ing)?\s+(?:(?:each|all|it|them)\s+)?"
    r"(?:again\s+)?from\s+scratch\s*[)\]]?\s*$",
    re.I,
)
"""What is so of every arm: ``(retrain from scratch)``."""

_STEPWISE = re.compile(
    r"\b(?:increas|decreas|reduc|rais|lower|scal|grow|shrink|multipl|divid|extend|shorten|cut)\w*\s+by\W*$", re.I
)

_WITH_WHAT = re.compile(
    r"\b(?:replac|swap|exchang|substitut|trad|switch|chang|convert)\w*\s.*\b(?:by|with|for|to|into)\s+\w", re.I
)
"""An action that names what takes the place of what is there."""

_LACKS = re.compile(
    r".*?\b(?:without(?: any)?|(?:with )?no|lacking|that lacks?|in absence of)\s+(?P<what>[^,;()]+)$", re.I
)
"""A part that is named by what it does not have."""

_INSTEAD = re.compile(r"\binstead\b", re.I)


@dataclass
class EntryReader(EntryChecks, MetricReader):
    """Reads one entry into an ablation, a grid or a ladder."""

    def read(self) -> Ablation | None:
        """Returns the ablation, or None when the entry is none, or a grid or ladder; every phrase is accounted for."""
        ablation = None
        try:
            self._to_be_run()
            self._place_actions()
            self._place_orders()
            self._join_what_is_so()
            self._given_once()
            self._of_a_length()
            self._in_columns()
            self._to_what_lacks_it()
            self.combined = self._several_axes()
            if self.combined is not None:
                self._combined(self.combined)
                ablation = self._grid(self.combined)
            else:
                ablation = self._ablation()
        except LeftOut:
            self._leave_out()
        self._read_metrics(ablation)
        return ablation

    def _several_axes(self) -> Combined | None:
        """What an entry about several axes asks for; None for an entry about one."""
        if self.entry.crossed is not None:
            found = read_crossed(self.entry, bare_title(self.entry.title), self.baseline, self.profile)
            if isinstance(found, str):
                self._misses(REPLACEMENT, 0, "; ".join(self.entry.replacements), found)
                raise LeftOut
            return found
        for reader in (in_phases, with_list):
            if (combined := reader(self.entry, self.baseline, self.profile)) is not None:
                return combined
        try:
            return combine(self.entry, bare_title(self.entry.title), self.baseline, self.profile)
        except StuckLadder:
            for index, text in enumerate(self.entry.replacements):
                self._misses(REPLACEMENT, index, text, "its steps add up, and not every one of them is understood")
            raise LeftOut from None

    def _grid(self, combined: Combined) -> Ablation | None:
        """The ablation that is a grid; None for a ladder, which is the study's."""
        if combined.zip:
            return Ablation(name=self.name, axis=", ".join(combined.zip), zip=_written(combined.zip))
        if not combined.grid:
            return None
        rows = _written(combined.grid)
        return Ablation(name=self.name, axis=", ".join(rows), grid=rows)

    def _ablation(self) -> Ablation:
        axis, part_value = self._part()
        place_unknown(self.entry, axis, self.baseline, self.profile)
        values = self._replacements(axis) or self._said_with_part(axis)
        self._stays(axis)
        action, values = self._action(axis, part_value, values)
        self._changes(axis, values)
        self._unknown(axis)
        written = tuple(axis.label(value) if isinstance(value, tuple) else value for value in values)
        return Ablation(name=self.name, axis=axis.name, action=action, values=written)

    # -- the axis ------------------------------------------------------------------------------------------------------

    def _to_what_lacks_it(self) -> None:
        """Takes ``blocks without dropout``, to which something is added, as being about what they lack."""
        part = self.entry.parts[0] if self.entry.parts else ""
        lacks = _LACKS.match(part)
        if lacks is not None and self._asked().actions == {"ADD"} and axes_named(lacks["what"]):
            self.entry.parts[0] = lacks["what"]
            self.entry.remarks.append((PART, part))

    def _part(self) -> tuple[Axis, Any]:
        """Returns the axis and, when the part names a value of it ("adaLN-Zero block"), that value."""
        if len(self.entry.parts) > 1:
            for index, text in enumerate(self.entry.parts):
                self._misses(PART, index, text, "an ablation has one ablated part; write an entry for each")
            raise LeftOut
        written = bool(self.entry.parts)
        text = self.entry.parts[0] if written else self.entry.title
        chosen = self._axis_given()
        if chosen is not None:
            choice = Choice(chosen, how=self.entry.gist or f"the axis {chosen.name}, as it says")
        else:
            choice = choose(_without_what_stays(self.entry), self.baseline, self.profile)
            named = choice.axis is not None and choice.score is not None and choice.score.named
            if not named and (by_value := self._by_value(text)) is not None:
                choice = by_value
        axis = self._settled(choice, text)
        value = self._value_in(text, axis)
        means = choice.how or f"the axis {axis.name}"
        if value is not None:
            means = f"{axis.label(value)}, a value of {means}"
        self._knows(PART, 0, text if written else "", means if written else f"taken from its title: {means}")
        return axis, value

    def _axis_given(self) -> Axis | None:
        """The axis that the entry names under the label Axis."""
        for index, text in enumerate(self.entry.axes):
            if text in AXES:
                self._knows(AXIS, index, text, "the axis, as it says")
                return AXES.get(text)
            self.entry.axes.remove(text)
            self.entry.parts.append(text)
        return None

    def _by_value(self, text: str) -> Choice | None:
        """The axis one of whose values the part is, as ``adaLN-Zero block`` is of block; None where it is no value."""
        found: dict[tuple[str, ...], Axis] = {}
        said = bare_title(text) if not self.entry.parts else text
        if axis_by_name(said) is not None:
            return None
        for axis in all_axes():
            if isinstance(axis, ChoiceAxis) and said:
                try:
                    axis.parse(said, self.profile)
                    found.setdefault(axis.fields, axis)
                except UserError:
                    continue
        if len(found) != 1:
            return None
        axis = next(iter(found.values()))
        return Choice(axis, how=f"the axis {axis.name}")

    def _value_in(self, text: str, axis: Axis) -> Any:
        if not isinstance(axis, ChoiceAxis):
            return None
        try:
            return axis.parse(text, self.profile)
        except UserError:
            return choice_in(text, axis, self.profile)

    def _settled(self, choice: Choice, text: str) -> Axis:
        """Returns the axis, or records why there is none."""
        if choice.axis is not None:
            return choice.axis
        if choice.asked and choice.rivals:
            self._ask(choice, f"{text!r} is not certain: {choice.asked}")
            guess = choice.rivals[0].candidate.axis
            if self.accept_guesses and guess is not None:
                choice.how = f"a guess, the axis {guess.name}: {choice.asked}; evidence: {choice.rivals[0].said()}"
                return guess
        names = tuple(score.candidate.name for score in choice.rivals if score.candidate.axis)
        if not names and not choice.asked and choice.says.startswith("it names no axis"):
            names = nearest_axes(text, likeness=0.75)
        reason = f"{choice.asked}; {self._how_to_settle()}" if choice.asked else choice.says
        self._misses(PART, 0, text, reason, names)
        raise LeftOut

    # -- action and values ---------------------------------------------------------------------------------------------

    def _place_actions(self) -> None:
        """Takes an action that stands under an unknown label for what it is."""
        for label, text in list(self.entry.unknown):
            if not self.entry.actions and is_action(text):
                self.entry.unknown.remove((label, text))
                self.entry.actions.append(text)

    def _place_orders(self) -> None:
        """Takes what stands in place of values, and opens with what to do, for the action."""
        entry = self.entry
        if not entry.actions and entry.replacements and leads_with_action(entry.replacements[0]):
            entry.actions.append("; ".join(entry.replacements))
            entry.replacements.clear()
            entry.continued.clear()

    def _join_what_is_so(self) -> None:
        """Puts a remark that is true of every value of an axis behind the value that a comma cut it off from."""
        entry = self.entry
        for index in sorted(entry.continued, reverse=True):
            both = entry.replacements[index - 1 : index + 1] if index else []
            if len(both) == 2 and without_what_holds(", ".join(both)) == both[0]:
                entry.replacements[index - 1 : index + 1] = [", ".join(both)]
                entry.continued = {at if at < index else at - 1 for at in entry.continued if at != index}

    def _said_with_part(self, axis: Axis) -> tuple[Any, ...]:
        """The values that the part (or title) names beside the axis: ``--patch-size 4``, ``depth to 3 blocks``."""
        actions = self._asked().actions
        text = self.entry.parts[0] if self.entry.parts else bare_title(self.entry.title)
        if self.entry.replacements or actions - {"REPLACE", "ADD"} or self._asked().both or axis_by_name(text) is axis:
            return ()
        own = axis.current(self.baseline, self.profile)
        doing = read_doing(text, axis, self.baseline, self.profile)
        values = tuple(dict.fromkeys(value for value in doing.values if value != own))
        if isinstance(axis, NumberAxis):
            if doing.ranged is not None:
                self._range(0, text, doing.ranged, axis, PART)
                return tuple(doing.ranged.ends)
            if doing.unread and numbers_in(text):
                self._ask_what(axis, f"{text!r} holds a number that is not understood as a value of {axis.name}")
            return values
        alone = not (self.entry.actions or self.entry.remarks or self.entry.context or self.entry.unknown)
        return values if alone and not doing.unread else ()

    def _unread(self, axis: Axis, values: tuple[Any, ...]) -> list[str]:
        """What the action texts say that is not understood, or that the replacements do not say."""
        found: list[str] = []
        for written in self.entry.actions:
            written = _AS_ANY_ARM.sub("", written).strip() or written
            text = _ARMS.sub(lambda found: "" if int(plain_numbers(found[1])) == len(values) else found[0], written)
            if _STEPWISE.search(text) and isinstance(axis, NumberAxis) and self.entry.replacements:
                found.append(text)  # its values are differences or factors, and not values of the axis
            if turned_down(text) or (values and two_of_another(text, axis, self.profile)):
                found.append(text)
                continue
            if self._only_a_verb(text, axis, values):
                continue
            doing = read_doing(text, axis, self.baseline, self.profile)
            found += doing.unread
            if BY_IT.search(text) and not values:
                found.append(text)
            if self.entry.replacements and (
                set(doing.values) - {*values, axis.current(self.baseline, self.profile)} or doing.ranged
            ):
                found.append(doing.asked.rest)
        return found

    def _only_a_verb(self, text: str, axis: Axis, values: tuple[Any, ...]) -> bool:
        """Whether an action text is a verb that nobody knows, beside values that are written out."""
        if not (self.entry.replacements and values and is_some_verb(text)):
            return False
        heard = [score for score in evidence([("", read_action(text).rest, 1.0)]) if score.text >= 1.0]
        own = re.search(r"(?:is|iz)(?:e|ed|ing)$", text.strip()) is not None  # "re-initialised" of an initialisation
        return not [score for score in heard if not (own and score.candidate.axis is axis)]

    def _action(self, axis: Axis, part_value: Any, values: tuple[Any, ...]) -> tuple[Action, tuple[Any, ...]]:
        asked = self._asked()
        reason: object = f"an action is one of {', '.join(_ACTIONS)}, and an ablation has one"
        if unread := self._unread(axis, values):
            reason = f"{'; '.join(unread)!r} of it is not understood as a value of {axis.name}"
        else:
            try:
                chosen, values, meaning = self._act(asked, axis, part_value, values)
                for index, text in enumerate(self.entry.actions):
                    self._knows(ACTION, index, text, meaning)
                if not self.entry.actions:
                    self._knows(ACTION, 0, "", f"read as {chosen}; {meaning}")
                return chosen, values
            except UserError as error:
                reason = error
        if not self.entry.actions:
            self._misses(REPLACEMENT, 0, "; ".join(self.entry.replacements), reason)
        for index, text in enumerate(self.entry.actions):
            self._misses(ACTION, index, text, reason, (axis.name,))
        raise LeftOut

    def _act(
        self, asked: Asked, axis: Axis, part_value: Any, values: tuple[Any, ...]
    ) -> tuple[Action, tuple[Any, ...], str]:
        """Returns the action, its values and what it means here."""
        gone = bool(self.entry.replacements) and all(map(is_nothing, self.entry.replacements)) and not values
        gone = gone and "ADD" not in asked.actions
        actions = asked.actions
        if asked.both or (actions == {"ADD", "REMOVE"} and not values):
            return self._both(axis, part_value, values)
        if actions == {"REPLACE", "REMOVE"} and len(values) > 1 and any(map(is_nothing, self.entry.replacements)):
            return "REPLACE", values, "each value in turn takes the place of the baseline's"
        if len(actions) > 1 or (self.entry.actions and not actions and not values):
            raise UserError(f"an action is one of {', '.join(_ACTIONS)}, and an ablation has one")
        action: Action = next(iter(actions), "REPLACE")
        if action == "ADD" and not axis.add_values and values and any(map(_INSTEAD.search, self.entry.actions)):
            action = "REPLACE"  # "plug in cross-attention instead"
        if (action == "REMOVE" or gone) and not values:
            nothing_else(self.entry, axis, self.baseline, self.profile)
            own = axis.current(self.baseline, self.profile)
            part_of_it = isinstance(axis, ChoiceAxis) and str(own).startswith(f"{part_value}-")  # adaLN, of adaLN-Zero
            if part_value is not None and part_value != own and not part_of_it:
                raise UserError(f"the baseline has no {axis.label(part_value)} to remove; its {axis.name} is {own}")
            axis.remove(self.baseline, self.profile)
            return "REMOVE", (), f"REMOVE means {axis.remove_means}"
        others = [
            value for value in values if value not in (axis.remove_value, axis.current(self.baseline, self.profile))
        ]
        outright = action == "REMOVE" and any(map(removes_outright, self.entry.actions))
        if others and outright and isinstance(axis, NumberAxis) and axis.remove_value is not None:
            named = ", ".join(map(axis.label, others))
            raise UserError(
                f"it takes {axis.name} away and sets it to {named} at once; write REMOVE without values, or REPLACE"
            )
        if action == "ADD":
            added = values or (() if part_value is None else (part_value,))
            chosen = axis.add(self.baseline, self.profile, added)
            return action, chosen, f"ADD means {axis.add_means}: {', '.join(map(axis.label, chosen))}"
        if not values and any(map(_WITH_WHAT.search, self.entry.actions)):
            raise UserError("what is to take its place is not understood")
        if not values and not self.entry.actions:
            self._ask_what(axis)
        if not values and (aside := values_aside(self.entry, axis, self.baseline, self.profile)):
            self._ask_what(axis, f"{aside!r} may be the values of {axis.name} to try, and stands where remarks do")
        if not values and (beside := named_aside(self.entry, axis, self.baseline, self.profile)):
            raise UserError(
                f"it does not say which values to try, and names {', '.join(map(axis.label, beside))} beside it"
            )
        if not values:
            values = axis.values(self.profile)
            self._knows(REPLACEMENT, -1, "", f"every known value is tried: {', '.join(map(axis.label, values))}")
        replaced = "its replacements take its place, so it is read as REPLACE" if action == "REMOVE" else ""
        return "REPLACE", values, replaced or "each value in turn takes the place of the baseline's"

    def _both(self, axis: Axis, part_value: Any, values: tuple[Any, ...]) -> tuple[Action, tuple[Any, ...], str]:
        """Both arms of ``with and without``."""
        if axis.remove_value is None:
            raise UserError(f"{axis.name}: there is no arm without it: {axis.remove_means}")
        own = axis.current(self.baseline, self.profile)
        there = values or ((part_value,) if part_value is not None else (own,) if own != axis.remove_value else ())
        there = there or (axis.add_values[:1] if len(axis.add_values) == 1 else axis.add_values)
        if not there:
            raise UserError(f"{axis.name}: it does not say which value the arm with it has")
        both = tuple(dict.fromkeys((axis.remove_value, *there)))
        return "REPLACE", both, f"both arms, without and with: {', '.join(map(axis.label, both))}"

    def _only_told(self, label: str, text: str, axis: Axis, values: tuple[Any, ...]) -> bool:
        """Whether what stands beside values only tells of them, or of what stays as it is."""
        if label.strip().lower() in METHODS:
            return is_title_of(text, axis, " ".join((self.entry.title, *self.entry.parts)))
        if says_nothing(text, axis) or _is_only_of(axis, text):
            return True
        if says_what_stays(text, axis, self.baseline, self.profile):
            return True
        if not isinstance(axis, ChoiceAxis) or not values or set(mentioned(text, axis, self.profile)) - {*values}:
            return False
        if numbers_in(re.sub(r"^\W*one\b", "", SHAPE.sub(" ", text), flags=re.I)):
            return False
        return only_describes(text, axis, own_values(self.baseline, self.profile))

    def _changes(self, axis: Axis | None = None, values: tuple[Any, ...] = ()) -> None:
        """Refuses an entry in which something that describes a value changes more than the axis."""
        for index, (label, text) in enumerate(list(self.entry.changes), len(self.entry.unknown)):
            if axis is not None and self._only_told(label, text, axis, values):
                self.entry.changes.remove((label, text))
                self.entry.remarks.append((label, text))
            else:
                reason = "it may change more than the value that it describes; leave it out, or write axes for all"
                self._misses(label, index, text, reason)
        if self.entry.changes:
            raise LeftOut

    def _unknown(self, axis: Axis | None = None) -> None:
        """Accounts for labels that nobody knows; one that may hold something stops the entry."""
        for index, (label, text) in enumerate(self.entry.unknown):
            self._misses(label, index, text, f"{label!r} is no label that is known here; call it Ablated Part, Action, "
                         "Replacement or Metrics, or Note when it is a remark")  # fmt: skip
        for index, text in enumerate(self.entry.context):
            if orders(text) or (
                axis and any(reads_other(item, axis, self.baseline, self.profile) for item in split_items(text))
            ):
                self._misses("Text", index, text, "it may say what to do, and stands under no label")
        if self.entry.unknown or any(name == "Text" for name, _ in self._account):
            raise LeftOut

    # -- several axes --------------------------------------------------------------------------------------------------

    def _combined(self, combined: Combined) -> None:
        for index, text in enumerate(self.entry.parts):
            self._knows(PART, index, text, combined.means)
        for index, text in enumerate(self.entry.actions):
            self._knows(ACTION, index, text, combined.how)
        for index, text in enumerate(self.entry.replacements):
            self._knows(REPLACEMENT, index, text, combined.items.get(index, combined.how))
        if combined.asked:
            choice = Choice(rivals=[Score(c) for name in combined.axes for c in candidates_named(name)])
            self._ask(choice, combined.asked, combined.settle, combined.taken)
            if not (self.accept_guesses and combined.taken):
                where = (PART, 0, self.entry.parts[0]) if self.entry.parts else (PART, 0, self.entry.title)
                self._misses(*where, f"{combined.asked}; {self._how_to_settle()}", combined.axes)
                raise LeftOut
        self._changes()
        self._unknown()


def _written(columns: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """Axis -> its values as a study file says them."""
    return {
        name: tuple(AXES.get(name).label(value) if isinstance(value, tuple) else value for value in values)
        for name, values in columns.items()
    }


def _without_what_stays(entry: Entry) -> Entry:
    """The entry without what its part says to be left as it is: ``the number of blocks, with d = 1152 kept``."""
    return replace(entry, parts=[without_constants(text) for text in entry.parts])


def _is_only_of(axis: Axis, text: str) -> bool:
    """Whether a description names no axis but one, and changes nothing else."""
    named = [AXES.get(name) for name in axes_named(text)]
    return bool(named) and not joins_a_change(text) and all(set(one.fields) & set(axis.fields) for one in named)
