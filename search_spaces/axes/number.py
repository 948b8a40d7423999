"""An axis whose values are numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dit_core.errors import UserError
from search_spaces.axes.base import Axis
from search_spaces.fields import get_field
from search_spaces.profiles import Profile
from search_spaces.words import meaningful, without, words

_LARGEST = 2**63
_NUMBER = r"(?<![\w.])[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?(?![\w.]*\d)(?!\s*%)"


GROUPED = re.compile(
    r"(?<![\w.,])[1-9]\d{0,2}(?:\.\d{3})+(?!\d)(?![.,]\d)(?!e[-+]?\d)(?!\s*(?:k|m|thousand|million)\b)", re.I
)
"""A whole number with points between its thousands, or one with three decimals."""

_DIGITS = re.compile(r"\s*[-+]?\d{1,64}\s*")


def exact(text: str) -> int | float:
    """Returns a number as it is written: one of digits alone is not rounded, however many there are.

    Raises:
        ValueError: the text is no number.
    """
    return int(text) if _DIGITS.fullmatch(text) else float(text)


@dataclass(frozen=True, kw_only=True)
class NumberAxis(Axis):
    """Values are numbers; the config itself says which are legal.

    Attributes:
        kind: ``int`` or ``float``.
        suggested: the values tried when a study names none.
        factors: used instead of ``suggested``: multiples of the profile's own value.
        units: words that may follow a number.
    """

    kind: type = float
    suggested: tuple[Any, ...] = ()
    factors: tuple[float, ...] = (0.5, 1, 2)
    units: tuple[str, ...] = ()
    ordered: bool = True

    def values(self, profile: Profile) -> tuple[Any, ...]:
        """The values tried when a study names none."""
        own = get_field(profile.config, self.fields[0])
        return self.suggested or tuple(self.kind(own * factor) for factor in self.factors)

    def adds(self, value: Any) -> bool:
        """Whether ADD can try ``value``: any number but the one that REMOVE tries."""
        return value in self.add_values or (self.remove_value is not None and value != self.remove_value)

    def parse(self, text: Any, profile: Profile) -> Any:
        """Returns the number that ``text`` names; see ``Axis.parse``."""
        found = self._number(text)
        if found is None or (self.kind is int and found != int(found)):
            wanted = "a whole number" if self.kind is int else "a number"
            tried = ", ".join(self.label(value) for value in self.values(profile))
            raise UserError(f"{self.name}: {text!r:.60} is not {wanted}; values are written like {tried}")
        return self.kind(found)

    def _number(self, text: Any) -> int | float | None:
        if isinstance(text, bool) or not isinstance(text, str | int | float):
            return None
        if isinstance(text, int):
            return text if abs(text) < _LARGEST else None
        if self.kind is int and isinstance(text, str) and GROUPED.search(text):
            return None  # 1.000 may be 1 or 1000
        try:
            plain = text if isinstance(text, float) else exact(str(text))
        except ValueError:
            return self._written(str(text))
        return plain if math.isfinite(plain) else None

    def _written(self, text: str) -> int | float | None:
        """Reads phrases such as ``learning rate = 1e-4`` or ``4 heads``."""
        if re.search(r"\d{65}", text):
            return None
        text = re.sub(r"\s*[x×*·]\s*10\s*\^\s*[{(]?\s*([-+]?\d+)[)}]?", r"e\1", text)  # 1 x 10^-4
        numbers = list(re.finditer(_NUMBER, text, re.IGNORECASE))
        if len(numbers) != 1:
            return None
        rest = words(text[: numbers[0].start()] + " " + text[numbers[0].end() :])
        return None if meaningful(self._strip(rest, (*self.spoken, *self.units))) else exact(numbers[0].group())

    @staticmethod
    def _strip(rest: tuple[str, ...], names: Iterable[str]) -> tuple[str, ...]:
        return without(rest, map(words, names))
