"""An axis that is on or off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dit_core.errors import UserError
from search_spaces.axes.base import Axis
from search_spaces.profiles import Profile
from search_spaces.words import find, match, words

_SWITCH = {
    True: ("on", "true", "yes", "enabled", "enable", "with", "added", "present", "included"),
    False: ("off", "false", "no", "disabled", "disable", "without", "removed", "absent", "excluded"),
}


@dataclass(frozen=True, kw_only=True)
class BoolAxis(Axis):
    """Values are on and off; the axis's own name reads as on, and ``no`` or ``without`` before it as off.

    Attributes:
        value_aliases: further ways to write either value.
    """

    value_aliases: Mapping[bool, tuple[str, ...]] = field(default_factory=dict)
    remove_value: Any = False
    remove_means: str = "off"
    add_values: tuple[Any, ...] = (True,)
    add_means: str = "on"

    def values(self, profile: Profile) -> tuple[Any, ...]:
        """Off and on."""
        return (False, True)

    def parse(self, text: Any, profile: Profile) -> Any:
        """Returns the value that ``text`` names; see ``Axis.parse``."""
        if isinstance(text, bool):
            return text
        names = {
            True: (*_SWITCH[True], *filter(self._says_on, self.names), *self.value_aliases.get(True, ())),
            False: (*_SWITCH[False], *self.value_aliases.get(False, ())),
        }
        found = match(text, names, around=self.spoken)
        if found is None:
            raise UserError(f"{self.name}: unknown value {text!r}; allowed: off, on")
        return found

    def _says_on(self, name: str) -> bool:
        """Whether a name of the axis holds no way to write off, as ``unconditional model`` does."""
        return all(find(words(name), words(alias)) is None for alias in self.value_aliases.get(False, ()))

    def label(self, value: Any) -> str:
        """``on`` or ``off``."""
        return "on" if value else "off"
