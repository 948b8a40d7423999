"""The error of a configuration that does not fit its data."""

from __future__ import annotations

from collections.abc import Mapping

from dit_core.errors import UserError


class Misfit(UserError):
    """A configuration that does not fit its data.

    Args:
        sentence: every mismatch.
        settings: dotted field -> the value that fits, as far as the data tells.
    """

    def __init__(self, sentence: str, settings: Mapping[str, object]) -> None:
        super().__init__(sentence)
        self.settings = dict(settings)
