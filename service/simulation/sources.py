"""Where the curves of a simulation come from, and which policies it replays, as people ask for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from dit_core.errors import UserError, unknown
from search_spaces.study import PolicySpec
from search_spaces.types import Expansion
from service.command_text import parse_setting
from service.policies import POLICIES, Policy, create
from service.records.results import Results
from service.simulation.curves import Curves
from service.simulation.recorded import recorded, some_seeds, with_seeds
from service.simulation.simulate import Draw
from service.simulation.worlds import World

WORLDS: dict[str, World] = {
    "foretold": World(correlation=0.95),
    "usual": World(correlation=0.8),
    "loose": World(correlation=0.6),
    "good-baseline": World(correlation=0.8, advantage=1.0),
    "small-effects": World(correlation=0.8, spread=0.1),
    "large-effects": World(correlation=0.8, spread=0.6),
    "diverging": World(correlation=0.8, divergence=0.05),
    "crossing": World(correlation=0.8, crossing=0.3),
    "identical": World(spread=0.0),
}
"""Generated worlds by name: how well a rung foretells the end, and what else is unlike the usual."""

GRID = ("foretold", "usual", "loose", "good-baseline", "small-effects", "large-effects", "diverging")
"""The worlds that ``generated`` goes through in turn; those that are made to deceive are asked for by name."""


def policies_of(texts: Sequence[str]) -> dict[str, Policy]:
    """Reads policies written as ``NAME`` or ``NAME:OPTION=VALUE,OPTION=VALUE``.

    Raises:
        UserError: one is unknown, has an unknown option, or is given twice.
    """
    found: dict[str, Policy] = {}
    for text in texts or POLICIES.names():
        name, _, rest = text.partition(":")
        options: dict[str, Any] = dict(parse_setting(part) for part in rest.split(",") if part.strip())
        if text in found:
            raise UserError(f"--policy {text}: given twice; keep one of them")
        found[text] = create(PolicySpec(name=name, options=options))
    return found


def generated(expansion: Expansion, names: Sequence[str], seeds: Sequence[int]) -> Draw:
    """Draws studies of generated curves: one world after the other, each time with another number of seeds.

    Args:
        expansion: the study; its arms, ablations, rungs and budget.
        names: names of worlds.
        seeds: numbers of seeds.

    Raises:
        UserError: there is no such world.
    """
    for name in names:
        if name not in WORLDS:
            raise unknown("--world", name, WORLDS)
    layouts = {count: with_seeds(expansion, range(count)) for count in seeds}
    cells = [(WORLDS[name], layouts[count]) for name in names for count in layouts]

    def draw(generator: np.random.Generator, study: int) -> tuple[Expansion, Curves]:
        world, layout = cells[study % len(cells)]
        return layout, world.curves(layout, generator)

    return draw


def from_records(expansion: Expansion, results: Results, seeds: Sequence[int]) -> Draw:
    """Draws studies of recorded curves: each time with some of the recorded seeds, drawn without putting back.

    Args:
        expansion: the study with all seeds that may be drawn.
        results: what the store has of it.
        seeds: numbers of seeds.

    Raises:
        UserError: a curve is not whole, or there are not that many seeds.
    """
    curves, known = recorded(expansion, results), len(expansion.study.seeds)
    for count in seeds:
        if not 1 <= count <= known:
            raise UserError(f"--use: {count} seeds of {known} recorded ones cannot be drawn; give 1 to {known}")
    layouts: dict[tuple[int, ...], Expansion] = {}

    def draw(generator: np.random.Generator, study: int) -> tuple[Expansion, Curves]:
        chosen = some_seeds(expansion, seeds[study % len(seeds)], generator)
        return layouts.setdefault(chosen, with_seeds(expansion, chosen)), curves

    return draw


def counts(text: str) -> tuple[int, ...]:
    """Reads numbers of seeds: ``3``, ``2,4`` or ``1-8``.

    Raises:
        UserError: it is none of these.
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None or int(match[1]) < 1:
            raise UserError(f"--use: {text!r} is no number of seeds; write it like 3, 2,4 or 1-8")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return tuple(dict.fromkeys(found))
