"""What an axis is: one thing that can be varied, and how people write it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.fields import get_field, with_fields
from search_spaces.profiles import Profile

GROUPS = ("architecture", "objective", "optimisation", "sampling")
"""What axes are about, in the order in which they are listed."""

_GROUP_OF_SECTION = {
    "model": "architecture",
    "diffusion": "objective",
    "training": "optimisation",
    "data": "optimisation",
    "evaluation": "sampling",
}


def number(value: float) -> str:
    """Returns a number in as few digits as read back as the same: what names an arm must not be rounded."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


@dataclass(frozen=True, kw_only=True)
class Axis(ABC):
    """One thing that can be varied.

    Attributes:
        name: canonical name, as in study files.
        title: for people and reports.
        aliases: other ways to write the axis.
        vocabulary: words and phrases that people use when they write about the axis without naming it, such as
            ``sequence length`` of patch sizes. A plan that has one of them in an entry gives evidence for the axis,
            the more the fewer axes have it; none of them has to be the axis's alone, and none names it by itself (that
            is an alias). Names, aliases and values count as evidence too and need not be repeated.
        unlike: phrases that hold a word of the axis and mean something else, such as ``vae decoder`` of decoders:
            where a plan has one, its words are no evidence for the axis.
        absent: phrases that say that it is not there, such as ``raw weights`` of an average: they stand for
            ``remove_value``.
        description: one sentence.
        citation: where it comes from.
        fields: the dotted config fields it sets.
        adapts: those of them that it only brings into line with its value; a name that sets one of them on its own may
            stand beside the axis, and holds.
        remove_value: the value that REMOVE tries; None refuses REMOVE.
        remove_means: what REMOVE means, or why it is refused.
        add_values: the values that ADD can try; empty refuses ADD.
        add_means: what ADD means, or why it is refused.
        ordered: whether ``values`` go from small to large.
        means_too: what a value says as well, in other units: a patch size says how many tokens there are.
        anyway: a value, and a pattern of remarks that are true of it here in any case, and so change nothing; where
            the value is empty, of every value.
        group: what it is about, one of ``GROUPS``; by default what the section of its first field says.
    """

    name: str
    title: str
    description: str
    fields: tuple[str, ...]
    adapts: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    citation: str = ""
    remove_value: Any = None
    remove_means: str = "a model cannot be without it; use REPLACE"
    add_values: tuple[Any, ...] = ()
    add_means: str = "every model has one already; use REPLACE"
    ordered: bool = False
    group: str = ""
    means_too: tuple[str, ...] = ()
    anyway: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        if not self.group:
            object.__setattr__(self, "group", _GROUP_OF_SECTION[self.fields[0].partition(".")[0]])

    @property
    def names(self) -> tuple[str, ...]:
        """Every way to write the axis."""
        return (self.name, self.title, *self.aliases)

    @property
    def spoken(self) -> tuple[str, ...]:
        """Phrases about the axis that may stand beside a value without changing it."""
        return self.names

    @abstractmethod
    def values(self, profile: Profile) -> tuple[Any, ...]:
        """The values tried when a study names none."""

    @abstractmethod
    def parse(self, text: Any, profile: Profile) -> Any:
        """Returns the value that ``text`` names.

        Raises:
            UserError: it names none; the sentence lists what is allowed and the nearest match.
        """

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns dotted config field -> setting for a parsed value.

        Args:
            value: what ``parse`` returned.
            profile: the study's profile.
            baseline: the configuration that the settings will be applied to.
        """
        return {self.fields[0]: value}

    def apply(self, config: TrialConfig, value: Any, profile: Profile) -> TrialConfig:
        """Returns ``config`` with this axis at ``value``."""
        return with_fields(config, self.settings(value, profile, config))

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns the axis's value in ``config``, or None when it has none of the axis's values."""
        return get_field(config, self.fields[0])

    def caution(self, value: Any, baseline: TrialConfig) -> str:
        """Returns what a reader of the arm's result must know beforehand, in one sentence; "" for nothing."""
        return ""

    def label(self, value: Any) -> str:
        """Returns a value as shown in arm names and tables."""
        return number(value) if isinstance(value, float) else str(value)

    def alternatives(self, profile: Profile, baseline: TrialConfig) -> tuple[Any, ...]:
        """What phrases that name no value stand for: every known value but the baseline's."""
        own = self.current(baseline, profile)
        return tuple(value for value in self.values(profile) if value != own)

    def remove(self, baseline: TrialConfig, profile: Profile) -> tuple[Any, ...]:
        """Returns the values that REMOVE tries.

        Raises:
            UserError: REMOVE has no meaning for this axis, or the baseline is already without it.
        """
        if self.remove_value is None:
            raise UserError(f"REMOVE has no meaning for {self.name}: {self.remove_means}")
        if self.current(baseline, profile) == self.remove_value:
            raise UserError(
                f"REMOVE changes nothing: for {self.name} it means {self.remove_means}, which the baseline "
                "has already; use REPLACE"
            )
        return (self.remove_value,)

    def adds(self, value: Any) -> bool:
        """Whether ADD can try ``value``."""
        return value in self.add_values

    def add(self, baseline: TrialConfig, profile: Profile, values: Iterable[Any] = ()) -> tuple[Any, ...]:
        """Returns the values that ADD tries: those of ``values`` that add something, or all that do.

        Raises:
            UserError: ADD has no meaning for this axis, or a value adds nothing.
        """
        if not self.add_values:
            raise UserError(f"ADD has no meaning for {self.name}: {self.add_means}")
        asked = tuple(values)
        for value in asked:
            if not self.adds(value):
                listed = ", ".join(map(self.label, self.add_values))
                raise UserError(
                    f"ADD {self.name}: {self.label(value)} adds nothing; ADD means {self.add_means}: {listed}"
                )
        own = self.current(baseline, profile)
        chosen = tuple(value for value in (asked or self.add_values) if value != own)
        if not chosen:
            raise UserError(
                f"ADD changes nothing: the baseline's {self.name} is {self.label(own)} already; use REPLACE"
            )
        return chosen
