"""An axis whose values are names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dit_core.errors import UserError, nearest
from search_spaces.axes.base import Axis
from search_spaces.profiles import Profile
from search_spaces.words import match


@dataclass(frozen=True, kw_only=True)
class ChoiceAxis(Axis):
    """Values are names from a closed set.

    Attributes:
        legal: returns every legal value, e.g. ``BLOCKS.names``, so that a registered variant is a value at once.
        tried: the values tried when a study names none; empty means every legal one.
        value_aliases: value -> other ways to write it.
        around: words that may stand beside a value, besides the axis's own names.
        never: a pattern of descriptions that no value here is, however much they read like one.
    """

    legal: Callable[[], Iterable[str]]
    tried: tuple[str, ...] = ()
    value_aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    around: tuple[str, ...] = ()
    never: str = ""

    @property
    def spoken(self) -> tuple[str, ...]:
        """The axis's names and the words that go with its values."""
        return (*self.names, *self.around)

    def legal_values(self, profile: Profile) -> tuple[str, ...]:
        """Every value that may be written."""
        return tuple(self.legal())

    def values(self, profile: Profile) -> tuple[Any, ...]:
        """The values tried when a study names none."""
        return self.tried or self.legal_values(profile)

    def spellings(self, profile: Profile) -> dict[str, tuple[str, ...]]:
        """Every value that may be written -> all ways to write it."""
        return {value: (value, *self.value_aliases.get(value, ())) for value in self.legal_values(profile)}

    def parse(self, text: Any, profile: Profile) -> Any:
        """Returns the value that ``text`` names; see ``Axis.parse``."""
        names = self.spellings(profile)
        found = match(text, names, around=self.spoken)
        if found is None:
            legal = tuple(names)
            by_name = {name: value for value, spellings in names.items() for name in spellings}
            guess = nearest(text, by_name)
            hint = f"; did you mean {by_name[guess]!r}?" if guess is not None else ""
            raise UserError(f"{self.name}: unknown value {text!r}; allowed: {', '.join(legal)}{hint}")
        return found
