"""Rows with named columns, and the pandas frame that they make for whoever asks for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Rows:
    """A table.

    Attributes:
        columns: its columns, in order.
        rows: its rows, each with all of the columns.
        kept: columns whose values a frame has as they are given: whole numbers stay whole where some are missing.
    """

    columns: Sequence[str]
    rows: Sequence[dict[str, Any]]
    kept: Sequence[str] = ()

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The same as a frame."""
        import pandas as pd  # takes half a second and 40 MB, which the command line need not wait for

        given = {name: pd.Series([row[name] for row in self.rows], dtype=object).infer_objects() for name in self.kept}
        return pd.DataFrame(self.rows, columns=list(self.columns)).assign(**given)

    def json(self) -> list[dict[str, Any]]:
        """Returns the rows as plain JSON data; NaN becomes null."""
        return [
            {
                name: None if isinstance(row[name], float) and row[name] != row[name] else row[name]
                for name in self.columns
            }
            for row in self.rows
        ]
