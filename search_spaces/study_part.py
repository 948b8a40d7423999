"""What everything in a study file is made of: plain data, whose mistakes are one sentence however it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ValidationError, model_validator

from dit_core.base import Config
from dit_core.errors import UserError, explain
from search_spaces.plain_data import plain


def _counted(value: Any) -> Any:
    """Refuses true and false where a number is wanted: Python would count them as 1 and 0."""
    if isinstance(value, bool):
        raise UserError(f"{str(value).lower()} is not a number")
    return value


Whole = Annotated[int, BeforeValidator(_counted)]
Real = Annotated[float, BeforeValidator(_counted)]


if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)  # it has no public name


class _OneSentence(ModelMetaclass):
    """Makes a mistake in ``Study(...)`` the same one sentence that it is in a study file."""

    if not TYPE_CHECKING:  # the signature of every class stays its own

        def __call__(cls, *given: Any, **fields: Any) -> Any:
            try:
                return super().__call__(*given, **fields)
            except ValidationError as error:
                raise UserError(explain(error, cls)) from None


class StudyPart(Config, metaclass=_OneSentence):
    """The base of everything in a study: plain data, whoever gave it."""

    how: ClassVar[str]
    """How it is written; ends the error about what is nothing of the kind."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise UserError(f"{value!r:.60} given; write {cls.how}")
        return {key: plain(item, str(key)) for key, item in value.items()}
