"""The base of every config: frozen, strict about unknown fields, round-trips through JSON; and how fields count.

Every field is part of the identity of its trial or measurement (``dit_core.identity``) unless its annotation says
otherwise: ``path: Annotated[str | None, Irrelevant("...")] = None``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, field_validator, model_validator


class Config(BaseModel):
    """A frozen pydantic model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _one_for_several(cls, value: Any) -> Any:
        """Takes one name or number where a list of them is wanted: ``metrics: fid``."""
        if not isinstance(value, Mapping):
            return value
        several = _several(cls)
        return {
            name: (item,) if name in several and _is_one_of(several[name], item) else item
            for name, item in value.items()
        }

    @field_validator("*")
    @classmethod
    def _one_zero(cls, value: Any) -> Any:
        """Makes -0.0 the zero that it equals: equal configs must have one identity, and JSON tells them apart."""
        if isinstance(value, tuple):
            return tuple(cls._one_zero(item) for item in value)
        return 0.0 if isinstance(value, float) and value == 0 else value


@cache
def _several(config: type[Config]) -> Mapping[Any, Any]:
    """The fields that take several values of one kind -> that kind; a study of many arms asks 100,000 times."""
    kinds = {name: get_args(field.annotation) for name, field in config.model_fields.items()
             if get_origin(field.annotation) is tuple}  # fmt: skip
    return {name: own[0] for name, own in kinds.items() if len(own) == 2 and own[1] is Ellipsis}


def _is_one_of(kind: Any, item: Any) -> bool:
    if isinstance(item, bool):
        return False
    return isinstance(item, str) if kind is str else kind in (int, float) and isinstance(item, int | float)


@dataclass(frozen=True)
class Irrelevant:
    """Marks a field that is left out of the identity.

    Attributes:
        because: why its value changes nothing, or what stands for it.
    """

    because: str


@dataclass(frozen=True)
class Added:
    """Marks a field that was added after trials had been recorded without it.

    The field is left out of the identity while its value is ``as_before``, so that those trials keep theirs. That value
    is frozen here: whatever the default becomes later, it goes on meaning what the code did before the field was there.

    Attributes:
        as_before: the value with which everything is as it was without the field.
    """

    as_before: Any
