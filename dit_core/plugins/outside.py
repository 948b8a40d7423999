"""What a process needs to know to have the same code from outside as the one that started it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dit_core.plugins.active import activate, in_use
from dit_core.plugins.bundle import Bundle
from dit_core.plugins.installed import load_installed, require_installed


@dataclass(frozen=True)
class Outside:
    """Code from outside, as plain data that crosses process boundaries.

    Attributes:
        bundles: a study's plugins, with their source, see ``Bundle.to_json``.
        installed: module of every installed plugin -> what identities hold of it.
    """

    bundles: tuple[Mapping[str, Any], ...] = ()
    installed: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def here() -> Outside:
        """Returns what this process has in use."""
        return Outside(tuple(bundle.to_json() for bundle in in_use()), load_installed())

    def use(self) -> None:
        """Puts the same in use in this process.

        Raises:
            UserError: in one sentence, what cannot be had here.
        """
        require_installed(dict(self.installed))
        activate(map(Bundle.from_json, self.bundles))
