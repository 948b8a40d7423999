"""Every command by its name, imported when it is asked for: who wants one need not wait for all the others."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer

from service.cli.friendly import friendly

_NAMES = (
    "init", "plan", "simulate", "run", "retry", "status", "stop", "queue", "report", "table", "curves", "compare",
    "export", "promote", "bundle", "submit", "sync", "mirror", "ui", "axes", "prompt", "mcp", "doctor", "verify",
    "repair", "import", "import-bundle", "rm", "gc", "cache-latents",
)  # fmt: skip
"""In the order in which the help lists them."""

_ELSEWHERE = {
    "import": "import_plan:import_plan",
    "import-bundle": "bundle:import_bundle",
    "rm": "remove:remove",
    "gc": "garbage:garbage",
    "cache-latents": "cache_latents:cache_latents",
}
"""Name -> ``module:function`` of ``service.cli``, where the three differ."""


class LazyCommands(MutableMapping[str, Any]):
    """Name -> command, as Typer keeps them."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            if name not in _NAMES:
                raise KeyError(name)
            module, _, function = _ELSEWHERE.get(name, f"{name}:{name}").partition(":")
            alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
            alone.command(name)(friendly(getattr(import_module(f"service.cli.{module}"), function)))
            self._made[name] = typer.main.get_command(alone)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._made or name in _NAMES

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*_NAMES, *self._made)))

    def __len__(self) -> int:
        return len(list(iter(self)))
