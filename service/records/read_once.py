"""What is read from a store once in a process although it is asked for often."""

from __future__ import annotations

from typing import Annotated, Any, get_type_hints

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from service.records.kinds import Point, Stretch
from service.records.records import Records


class _CheckedOnly:
    """Windows that are checked as those of a stretch are, field by field, and not kept."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        hints = get_type_hints(Point, include_extras=True)
        fields = {
            name: core_schema.typed_dict_field(handler.generate_schema(hints[name]), required=field.is_required())
            for name, field in Point.model_fields.items()
        }
        windows = core_schema.tuple_variable_schema(core_schema.typed_dict_schema(fields))
        return core_schema.no_info_after_validator_function(lambda _: (), windows)


class Span(Stretch, title=Stretch.__name__):
    """A stretch as it is read for its seconds: to make its windows only to forget them takes most of the time."""

    points: Annotated[tuple[Point, ...], _CheckedOnly()]


class Spans:
    """Training curves without their windows: each stretch is read once, however often its seconds are added up.

    Whoever needs the windows of a stretch, too, asks for them first (``whole``): what is read for that is known here.
    A curve of which something is damaged is read anew each time.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[list[Stretch], int]] = {}

    def of(self, records: Records, train_id: str) -> list[Stretch]:
        """Returns the stretches of a curve, in the order they were trained in.

        Args:
            records: the store's.
            train_id: the trial.
        """
        folder = Stretch.folder(train_id)
        known, following = self._known.get(train_id, ([], 1))
        if following > 1 and records.backend.get(f"{folder}{following:04d}.json") is None:
            return known
        numbered = records.numbered(folder, Span, following)
        self._learn(records, train_id, [*known, *numbered.contents], numbered.last + 1)
        return [*known, *numbered.contents]

    def whole(self, records: Records, train_id: str, first: int) -> tuple[list[Stretch], int]:
        """Returns the stretches from number ``first`` on with their windows, and the number at which to go on.

        Args:
            records: the store's.
            train_id: the trial.
            first: their first number.
        """
        known, following = self._known.get(train_id, ([], 1))
        numbered = records.numbered(Stretch.folder(train_id), Stretch, first)
        if first == following:
            new = [stretch.model_copy(update={"points": ()}) for stretch in numbered.contents]
            self._learn(records, train_id, [*known, *new], numbered.last + 1)
        return numbered.contents, numbered.last + 1

    def _learn(self, records: Records, train_id: str, spans: list[Stretch], following: int) -> None:
        """Remembers a curve without its windows, and the number that follows on it, unless something of it is damaged.

        Two threads that read the same at the same time remember the same.
        """
        folder = Stretch.folder(train_id)
        if any(key.startswith(folder) for key in records.damaged):
            self._known.pop(train_id, None)
        else:
            self._known[train_id] = spans, following
