"""What values of one axis or field are proposed from, e.g. ``{loguniform: [1e-4, 1e-2]}``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import model_serializer, model_validator

from dit_core.errors import UserError, unknown
from search_spaces.study_part import StudyPart

KINDS = ("loguniform", "uniform", "int", "logint", "choice", "qloguniform", "quniform", "qint")
"""Kinds of domains; those that begin with q are quantised and have a third number, the step."""
MOST_VALUES = 10_000
"""More values than that are not listed."""
_SIGNIFICANT = 4
"""Digits that a value on a logarithmic scale keeps."""


class Domain(StudyPart):
    """What values of one axis or field are proposed from.

    Attributes:
        kind: without its q: ``loguniform``, ``uniform``, ``int``, ``logint`` or ``choice``.
        low: the smallest value.
        high: the largest value, which may be proposed, too.
        step: values are multiples of it; None for any.
        values: of a choice, the values.

    In YAML ``{loguniform: [1e-4, 1e-2]}``, ``{qint: [16, 128, 16]}``, ``{choice: [adaln, adaln-zero]}``.
    """

    how = "a domain, e.g. {loguniform: [1e-4, 1e-2]} or {choice: [adaln, adaln-zero]}"

    kind: Literal["loguniform", "uniform", "int", "logint", "choice"]
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    values: tuple[Any, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and "kind" in value:
            return value
        if not isinstance(value, Mapping) or len(value) != 1:
            raise UserError(f"{value!r:.60} is no domain; write e.g. {{loguniform: [1e-4, 1e-2]}}")
        kind, given = next(iter(value.items()))
        if kind not in KINDS:
            raise unknown("domain", kind, KINDS)
        if kind == "choice":
            return {"kind": kind, "values": given}
        wanted = 3 if kind.startswith("q") else 2
        numbers = isinstance(given, list | tuple) and all(
            isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item) for item in given
        )
        if not numbers or len(given) != wanted:
            form = "[low, high, step]" if wanted == 3 else "[low, high]"
            raise UserError(f"{kind}: {given!r:.60} is not {form}")
        return {"kind": kind.removeprefix("q"), **dict(zip(("low", "high", "step"), given, strict=False))}

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.kind == "choice":
            if not isinstance(self.values, tuple) or len(self.values) < 2:
                raise UserError(f"choice: {list(self.values)!r:.60} is not a list of at least two values")
            if len(set(map(repr, self.values))) != len(self.values):
                raise UserError(f"choice: {list(self.values)!r:.60} repeats a value; every one may appear once")
            return self
        shown = f"[{self.low:g}, {self.high:g}]"
        if self.low >= self.high:
            raise UserError(f"{self.kind}: {shown} is {'empty' if self.low == self.high else 'the wrong way round'}; "
                            "give the smaller value first")  # fmt: skip
        if self.kind in ("loguniform", "logint") and self.low <= 0:
            raise UserError(f"{self.kind}: {shown} is on a logarithmic scale, which has no zero; begin above it")
        if self.kind in ("int", "logint") and any(bound != int(bound) for bound in (self.low, self.high)):
            raise UserError(f"{self.kind}: {shown} is not a range of whole numbers")
        if self.step is not None and (self.step <= 0 or not self._multiples()):
            raise UserError(f"q{self.kind}: {shown} holds no multiple of {self.step:g}")
        if self.kind in ("int", "logint") and self.step is not None and self.step != int(self.step):
            raise UserError(f"q{self.kind}: the step {self.step:g} is not a whole number")
        return self

    @model_serializer
    def _written(self) -> dict[str, list[Any]]:
        """The short form."""
        if self.kind == "choice":
            return {"choice": list(self.values)}
        bounds: list[Any] = [self.low, self.high, *([] if self.step is None else [self.step])]
        if self.kind in ("int", "logint"):
            bounds = [int(bound) for bound in bounds]
        return {f"{'' if self.step is None else 'q'}{self.kind}": bounds}

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        return self.kind in ("int", "logint")

    @property
    def is_log(self) -> bool:
        """Whether its scale is logarithmic."""
        return self.kind in ("loguniform", "logint")

    @property
    def text(self) -> str:
        """For people, e.g. ``log-uniform in 0.0001..0.01``."""
        if self.kind == "choice":
            return f"one of {', '.join(map(str, self.values))}"
        scale = {"loguniform": "log-uniform", "uniform": "uniform", "int": "whole", "logint": "whole, log-uniform"}
        step = "" if self.step is None else f" in steps of {self.step:g}"
        return f"{scale[self.kind]} in {self.low:g}..{self.high:g}{step}"

    @property
    def finite(self) -> tuple[Any, ...] | None:
        """All values, where there are finitely many worth listing; None elsewhere."""
        if self.kind == "choice":
            return self.values
        if self.step is not None:
            return self._multiples()
        few = self.kind == "int" and self.high - self.low < MOST_VALUES
        return tuple(range(int(self.low), int(self.high) + 1)) if few else None

    def canonical(self, value: Any) -> Any:
        """Returns a proposed value as it is recorded and run: rounded, and inside the domain.

        So that two searches that propose nearly the same run the same trial, numbers keep four significant digits on a
        logarithmic scale and a ten-thousandth of the range on a linear one; quantised ones are multiples of their step.
        """
        if self.kind == "choice":
            return value
        if self.step is not None:
            return min(self._multiples(), key=lambda own: abs(own - value))
        if self.is_whole:
            return min(max(round(value), int(self.low)), int(self.high))
        if self.is_log:
            rounded = float(f"{value:.{_SIGNIFICANT}g}")
        else:
            rounded = round(float(value), math.ceil(-math.log10((self.high - self.low) / 10_000)))
        return min(max(rounded, self.low), self.high)

    def at_edge(self, value: Any) -> bool:
        """Whether a value lies at an end of the range, so that a better one may lie beyond."""
        if self.kind == "choice":
            return False
        low, high, own = (math.log(item) if self.is_log else item for item in (self.low, self.high, float(value)))
        return min(own - low, high - own) <= 0.02 * (high - low)

    def _multiples(self) -> tuple[Any, ...]:
        step = self.step or 1.0
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        kind = int if self.is_whole else (lambda own: float(f"{own:.12g}"))
        return tuple(kind(place * step) for place in range(first, min(last, first + MOST_VALUES) + 1))
