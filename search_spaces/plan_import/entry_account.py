"""What a reader has made of every phrase of one entry."""

from __future__ import annotations

from dataclasses import dataclass, field

from dit_core.config import TrialConfig
from search_spaces.plan_import.account import NotUnderstood, Phrase, Question
from search_spaces.plan_import.choose import Choice
from search_spaces.plan_import.combined import Combined
from search_spaces.plan_import.labels import ACTION, AXIS, FIELDS, METRICS, PART, REPLACEMENT
from search_spaces.plan_import.written import MOST_ITEMS, Entry
from search_spaces.profiles import Profile


@dataclass
class EntryAccount:
    """What is known of one entry, and of every phrase in it.

    Attributes:
        entry: as written.
        name: the ablation's name.
        baseline: the configuration it is an ablation of.
        profile: the baseline's profile.
        accept_guesses: take the best reading where the entry has to be asked, and say so.
        metrics: metrics that the entry asks for, once read.
        question: what has to be settled about it, if anything.
        combined: the grid or ladder that it is, where it is one.
    """

    entry: Entry
    name: str
    baseline: TrialConfig
    profile: Profile
    accept_guesses: bool = False
    metrics: list[str] = field(default_factory=list)
    question: Question | None = None
    measured: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    combined: Combined | None = None
    _account: dict[tuple[str, int], Phrase | NotUnderstood] = field(default_factory=dict)
    _out: bool = False

    @property
    def understood(self) -> list[Phrase]:
        """The phrases that were understood."""
        return [said for said in self._in_order() if isinstance(said, Phrase)]

    @property
    def not_understood(self) -> list[NotUnderstood]:
        """The phrases that were not."""
        return [said for said in self._in_order() if isinstance(said, NotUnderstood)]

    @property
    def guessed(self) -> bool:
        """Whether the reading is a guess that was accepted."""
        missed = any(not one.follows for one in self.not_understood if one.field == PART)
        return self.accept_guesses and self.question is not None and not missed

    @property
    def left_out(self) -> bool:
        """Whether the entry is no part of the study."""
        return self._out or any(missed.field not in (METRICS, REPLACEMENT) for missed in self.not_understood)

    @property
    def open(self) -> bool:
        """Whether anything but a metric is not understood."""
        return any(missed.field != METRICS for missed in self.not_understood)

    @property
    def about(self) -> tuple[str, ...]:
        """The axes that the entry may be about, where it has to be asked."""
        return self.question.candidates if self.question is not None else ()

    @property
    def unclear(self) -> bool:
        """Whether only the wording is open: nothing else is changed as well, and no two axes contend."""
        combined = self.combined
        plain = combined is None or not (combined.grid or combined.zip or combined.ladder)
        return plain and not self.entry.changes and (combined is not None or len(self.about) < 2)

    def leave_out(self, reason: str) -> None:
        """Takes an entry that was read out of the study."""
        self._misses(PART, 0, self.entry.parts[0] if self.entry.parts else self.entry.title, reason)
        self._leave_out()

    def _in_order(self) -> list[Phrase | NotUnderstood]:
        known = [*FIELDS, *(label for label, _ in self._account if label not in FIELDS)]
        said = sorted(self._account.items(), key=lambda item: (known.index(item[0][0]), item[0][1]))
        return [phrase for _, phrase in said]

    def _knows(self, name: str, index: int, text: str, meaning: str) -> None:
        self._account[name, index] = Phrase(self.name, name, text, meaning)

    def _misses(
        self, name: str, index: int, text: str, reason: object, nearest: tuple[str, ...] = (), follows: bool = False
    ) -> None:
        self._account[name, index] = NotUnderstood(self.name, name, text, str(reason), nearest, follows)

    def _said(self) -> dict[str, list[str]]:
        entry = self.entry
        return {AXIS: entry.axes, PART: entry.parts, ACTION: entry.actions, REPLACEMENT: entry.replacements}

    def _leave_out(self) -> None:
        """Accounts for what was understood, or never read, of an entry that cannot be an ablation."""
        self._out = True
        for name, texts in self._said().items():
            listed = texts if len(texts) <= MOST_ITEMS else []  # such a list is accounted for as a whole
            for index, text in enumerate(listed):
                if not isinstance(self._account.get((name, index)), NotUnderstood):
                    self._misses(name, index, text, "left out with the rest of its ablation", follows=True)
        for index, (label, text) in enumerate(self.entry.unknown):
            if (label, index) not in self._account:
                self._misses(label, index, text, "left out with the rest of its ablation", follows=True)
        for key in [key for key, phrase in self._account.items() if isinstance(phrase, Phrase) and not phrase.text]:
            del self._account[key]
        if not any(not missed.follows for missed in self.not_understood):
            self._misses(PART, 0, self.entry.title, "nothing of it names what to vary")

    def _ask(self, choice: Choice, text: str, settle: str = "", taken: str = "") -> None:
        names = tuple(score.candidate.name for score in choice.rivals if score.candidate.axis)
        best = names[0] if names else ""
        line = settle or f'"Axis: {best}"' + (f" (or {', '.join(names[1:])})" if len(names) > 1 else "")
        said = tuple(score.said() for score in choice.rivals if score.candidate.axis)
        self.question = Question(self.name, text, names, said, line, taken or best)
