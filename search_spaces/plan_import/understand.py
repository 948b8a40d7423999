"""Turns one written entry into an ablation, phrase by phrase, and accounts for every phrase."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis, all_axes, find_axis, nearest_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.measures import read_metric
from search_spaces.plan_import.values import is_nothing, read_values
from search_spaces.plan_import.written import ACTION, METRICS, PART, REPLACEMENT, Entry
from search_spaces.profiles import Profile
from search_spaces.study import Ablation, Action
from search_spaces.words import match

_ACTIONS: dict[Action, tuple[str, ...]] = {
    "REPLACE": ("replace", "replacement", "swap", "substitute", "vary", "change", "modify", "compare", "sweep"),
    "REMOVE": ("remove", "removal", "delete", "drop", "disable", "without", "ablate"),
    "ADD": ("add", "addition", "insert", "include", "introduce", "enable"),
}


@dataclass(frozen=True)
class Phrase:
    """One phrase of a plan, and what it was taken to mean.

    Attributes:
        ablation: the entry it stands in.
        field: ``Ablated Part``, ``Action``, ``Replacement`` or ``Metrics``.
        text: as written; empty when the plan leaves the field out.
        meaning: what it was taken to mean.
    """

    ablation: str
    field: str
    text: str
    meaning: str

    def __str__(self) -> str:
        said = f"{self.field} {self.text!r}" if self.text else f"no {self.field}"
        return f"{self.ablation}: {said}: {self.meaning}"


@dataclass(frozen=True)
class NotUnderstood:
    """One phrase of a plan that stays out of the study.

    Attributes:
        ablation: the entry it stands in.
        field: ``Ablated Part``, ``Action``, ``Replacement`` or ``Metrics``.
        text: as written.
        reason: why.
        nearest: axes it may have meant, best first.
        follows: whether it is left out only because another phrase of its entry was not understood.
    """

    ablation: str
    field: str
    text: str
    reason: str
    nearest: tuple[str, ...] = ()
    follows: bool = False

    def __str__(self) -> str:
        hint = f" (nearest: {', '.join(self.nearest)})" if self.nearest else ""
        return f"{self.ablation}: {self.field} {self.text!r}: {self.reason}{hint}"


class _LeftOut(Exception):
    """The entry cannot become an ablation; the reason is recorded already."""


@dataclass
class EntryReader:
    """Reads one entry and keeps an account of every phrase in it.

    Attributes:
        entry: as written.
        name: the ablation's name.
        baseline: the configuration it is an ablation of.
        profile: the baseline's profile.
        metrics: metrics that the entry asks for, once read.
    """

    entry: Entry
    name: str
    baseline: TrialConfig
    profile: Profile
    metrics: list[str] = field(default_factory=list)
    _account: dict[tuple[str, int], Phrase | NotUnderstood] = field(default_factory=dict)

    @property
    def understood(self) -> list[Phrase]:
        """The phrases that were understood."""
        return [said for said in self._in_order() if isinstance(said, Phrase)]

    @property
    def not_understood(self) -> list[NotUnderstood]:
        """The phrases that were not."""
        return [said for said in self._in_order() if isinstance(said, NotUnderstood)]

    def _in_order(self) -> list[Phrase | NotUnderstood]:
        order = (PART, ACTION, REPLACEMENT, METRICS)
        said = sorted(self._account.items(), key=lambda item: (order.index(item[0][0]), item[0][1]))
        return [phrase for _, phrase in said]

    def read(self) -> Ablation | None:
        """Returns the ablation, or None when the entry cannot be one; every phrase is accounted for."""
        ablation = None
        try:
            axis, part_value = self._part()
            values = self._replacements(axis)
            action, values = self._action(axis, part_value, values)
            ablation = Ablation(name=self.name, axis=axis.name, action=action, values=values)
        except _LeftOut:
            self._leave_out()
        self._read_metrics()
        return ablation

    def _knows(self, name: str, index: int, text: str, meaning: str) -> None:
        self._account[name, index] = Phrase(self.name, name, text, meaning)

    def _misses(
        self, name: str, index: int, text: str, reason: object, nearest: tuple[str, ...] = (), follows: bool = False
    ) -> None:
        self._account[name, index] = NotUnderstood(self.name, name, text, str(reason), nearest, follows)

    def _leave_out(self) -> None:
        """Accounts for what was understood, or never read, of an entry that cannot be an ablation."""
        said = {PART: self.entry.parts, ACTION: self.entry.actions, REPLACEMENT: self.entry.replacements}
        for name, texts in said.items():
            for index, text in enumerate(texts):
                if not isinstance(self._account.get((name, index)), NotUnderstood):
                    self._misses(name, index, text, "left out with the rest of its ablation", follows=True)
        for key in [key for key, phrase in self._account.items() if isinstance(phrase, Phrase) and not phrase.text]:
            del self._account[key]

    def _part(self) -> tuple[Axis, Any]:
        """Returns the axis and, when the part names a value of it ("adaLN-Zero block"), that value."""
        if len(self.entry.parts) > 1:
            for index, text in enumerate(self.entry.parts):
                self._misses(PART, index, text, "an ablation has one ablated part; write an entry for each")
            raise _LeftOut
        written = bool(self.entry.parts)
        text = self.entry.parts[0] if written else self.entry.title
        try:
            axis, value = find_axis(text), None
        except UserError:
            axis, value = self._axis_of_value(text)
        means = f"the axis {axis.name}" if value is None else f"{axis.label(value)}, a value of the axis {axis.name}"
        self._knows(PART, 0, text if written else "", means if written else f"taken from its title: {means}")
        return axis, value

    def _axis_of_value(self, text: str) -> tuple[Axis, Any]:
        found: dict[tuple[str, ...], tuple[Axis, Any]] = {}
        for axis in all_axes():
            if isinstance(axis, ChoiceAxis):
                try:
                    found.setdefault(axis.fields, (axis, axis.parse(text, self.profile)))
                except UserError:
                    continue
        if len(found) == 1:
            return next(iter(found.values()))
        reason = "it could name several axes" if found else "it names no axis that can be varied"
        near = tuple(axis.name for axis, _ in found.values()) or nearest_axes(text)
        self._misses(PART, 0, text, reason, near)
        raise _LeftOut

    def _replacements(self, axis: Axis) -> tuple[Any, ...]:
        values: list[Any] = []
        for index, text in enumerate(self.entry.replacements):
            if is_nothing(text) and not self._names_a_value(text, axis):
                self._knows(REPLACEMENT, index, text, "nothing takes its place")
                continue
            try:
                found, meaning = read_values(text, axis, self.baseline, self.profile)
            except UserError as error:
                self._misses(REPLACEMENT, index, text, error)
                continue
            values += found
            self._knows(REPLACEMENT, index, text, meaning)
        if not values and not all(map(is_nothing, self.entry.replacements)):
            raise _LeftOut  # without a value that was asked for, none is made up
        return tuple(dict.fromkeys(values))

    def _names_a_value(self, text: str, axis: Axis) -> bool:
        """Whether ``text`` is a value to try on this axis, as ``none`` is of positions."""
        if not self._actions() <= {"REPLACE"}:
            return False
        try:
            axis.parse(text, self.profile)
        except UserError:
            return False
        return True

    def _actions(self) -> set[Action | None]:
        """Returns the actions that are written, None for one that is none."""
        return {match(text, _ACTIONS) for text in self.entry.actions}

    def _action(self, axis: Axis, part_value: Any, values: tuple[Any, ...]) -> tuple[Action, tuple[Any, ...]]:
        asked = self._actions() or {"REPLACE"}
        reason: object = f"an action is one of {', '.join(_ACTIONS)}, and an ablation has one"
        action = asked.pop() if len(asked) == 1 else None
        if action is not None:
            try:
                chosen, values, meaning = self._act(action, axis, part_value, values)
                for index, text in enumerate(self.entry.actions):
                    self._knows(ACTION, index, text, meaning)
                if not self.entry.actions:
                    self._knows(ACTION, 0, "", f"read as REPLACE; {meaning}")
                return chosen, values
            except UserError as error:
                reason = error
        for index, text in enumerate(self.entry.actions):
            self._misses(ACTION, index, text, reason)
        raise _LeftOut

    def _act(
        self, action: Action, axis: Axis, part_value: Any, values: tuple[Any, ...]
    ) -> tuple[Action, tuple[Any, ...], str]:
        """Returns the action, its values and what it means here."""
        if action == "REMOVE" and not values:
            own = axis.current(self.baseline, self.profile)
            if part_value is not None and part_value != own:
                raise UserError(f"the baseline has no {axis.label(part_value)} to remove; its {axis.name} is {own}")
            axis.remove(self.baseline, self.profile)
            return action, (), f"REMOVE means {axis.remove_means}"
        if action == "ADD":
            added = values or (() if part_value is None else (part_value,))
            chosen = axis.add(self.baseline, self.profile, added)
            return action, chosen, f"ADD means {axis.add_means}: {', '.join(map(axis.label, chosen))}"
        if not values:
            values = axis.values(self.profile)
            self._knows(REPLACEMENT, -1, "", f"every known value is tried: {', '.join(map(axis.label, values))}")
        replaced = "its replacements take its place, so it is read as REPLACE" if action == "REMOVE" else ""
        return "REPLACE", values, replaced or "each value in turn takes the place of the baseline's"

    def _read_metrics(self) -> None:
        for index, text in enumerate(self.entry.metrics):
            try:
                metric, meaning = read_metric(text, self.profile)
            except UserError as error:
                self._misses(METRICS, index, text, error)
                continue
            self._knows(METRICS, index, text, meaning)
            self.metrics += [metric] if metric is not None else []
