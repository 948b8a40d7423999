"""What stands for a policy from outside that has not been run here: it stops nothing and decides nothing."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel

from service.policies.base import Policy


class NotRunPolicy(Policy):
    """Shows a study without its policy's code; decisions that are recorded stand.

    Args:
        name: the policy's name.
        options: its options, unchecked.
        recorded_digest: identifies the rule under which decisions were recorded; empty when nobody says.
    """

    comparison: ClassVar[str] = "how arms are compared is code that has not been run here"

    def __init__(self, name: str, options: dict[str, Any], recorded_digest: str = "") -> None:
        super().__init__(BaseModel())
        self.__dict__["name"] = name  # every other policy's class has its own
        self._options, self._digest = options, recorded_digest

    @property
    def digest(self) -> str:
        """Identifies the rule, as its decisions were recorded under it."""
        return self._digest or super().digest

    @property
    def recorded_options(self) -> dict[str, Any]:
        """The options as the study has them."""
        return dict(self._options)
