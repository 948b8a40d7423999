"""What one item sets on several axes at once: ``DDIM with 50 steps``, ``DiT-S/4``, ``lr = 2e-4, batch size = 512``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES, Axis, all_axes, axis_called
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.stems import stems
from search_spaces.plan_import.values import names_values, read_values, reads
from search_spaces.plan_import.wrapping import without_what_holds
from search_spaces.plan_import.written import clean, split_items
from search_spaces.profiles import Profile

SETTING = re.compile(r"^\s*([A-Za-z][\w &/-]*?)\s*(?:=|:|∈)\s*(.+)$")

_PLACE_LAST = re.compile(
    r"\b(?:in|on|to|inside|within|after|before)\s+(?:the\s+|every\s+|each\s+|both\s+|all\s+)*"
    r"(?:self-?\s?attention|attention|mlps?|ffns?|feed-?\s?forward|blocks?|layers?)\W*$",
    re.I,
)
"""A place at the end of a piece; what ``and`` joins to it is another place."""

Point = dict[str, Any]


SQUARE = re.compile(r"\s*(?:DiT\s*-?\s*)?(S|B|L|XL)\s*/\s*(\d{1,4})\s*", re.I)
"""A model by its size and patch: ``DiT-S/4``."""

COST = re.compile(r"\s*[(\[][^()\[\]]*\b(?:gflops?|flops?|param\w*|tokens?|[\d.]+\s*[MB])\b[^()\[\]]*[)\]]", re.I)
"""What a model costs, in brackets."""


def point_in(text: str, named: Sequence[str], baseline: TrialConfig, profile: Profile) -> Point | None:
    """Returns the axes that an item sets, each to a tuple of values; None when some of it is not understood.

    ``mlp_ratio = 2`` sets one; ``DDIM with 50 steps``, ``DiT-S/4`` and ``patch 4, size B`` set two.
    """
    text = without_what_holds(text)
    if len(rows := _SETTINGS.split(text)) > 1:
        return _set_together(rows, named, baseline, profile)
    if (found := SETTING.match(text)) and not re.search(r"[,;]\s*[A-Za-z][\w ]*=", found[2]):
        axis = axis_called(found[1]) or _of_unit(found[1], named)
        if axis is None and len(named) > 1:
            axis = _of_values(found[2], named, baseline, profile)
        if axis is not None:
            try:
                return {axis.name: read_values(found[2], axis, baseline, profile)[0]}
            except UserError:
                return None
    if square := SQUARE.fullmatch(COST.sub("", text)):
        if int(square[2]) != profile.config.model.patch_size or {"size", "patch_size"} <= set(named):
            return {"size": (square[1].upper(),), "patch_size": (int(square[2]),)}
        return None
    if re.search(r"[(\[].*\d", text) and (shaped := _shaped(text, profile)) is not None:
        return {"size": (shaped,)}
    pieces = [
        clean(p)
        for p in re.split(r"\s*(?:,|\+|;|@|\bwith\b|\bat\b|\band\b|\busing\b|[()\[\]]|/(?!\d))\s*", text)
        if clean(p)
    ]
    if len(pieces) == 1 and len(named) > 1:
        return one_of(text, named, baseline, profile)
    if len(pieces) < 2:
        return None
    if any(_PLACE_LAST.search(piece) for piece in pieces[:-1]):
        return None  # "dropout in attention and MLP" is in both places
    point: Point = {}
    for piece in pieces:
        value = one_of(piece, named if len(named) > 1 else (), baseline, profile)
        if value is None or set(value) & set(point):
            return None
        point |= value
    return point


_SETTINGS = re.compile(r"\s*;\s*(?=[A-Za-z][\w &/-]*?\s*=)")

SETS_SEVERAL = re.compile(r"\s*[A-Za-z][\w &/-]*?\s*=[^=;,]+[;,]\s*[A-Za-z][\w &/-]*?\s*=")
"""Settings of several things: ``depth = 14; width = 768``."""


def _set_together(rows: list[str], named: Sequence[str], baseline: TrialConfig, profile: Profile) -> Point | None:
    """What ``sampler = DDIM; steps = 50`` sets, where every piece sets another axis."""
    point: Point = {}
    for row in rows:
        steps = re.fullmatch(r"\s*steps\s*=\s*(\d+)\s*", row)
        one = point_in(row if steps is None else f"sampling steps = {steps[1]}", named, baseline, profile)
        if one is None or len(one) != 1 or set(one) & set(point) or any(len(values) != 1 for values in one.values()):
            return None
        point |= one
    return point


def _shaped(text: str, profile: Profile) -> Any:
    """The size that a text names with its own layers, width or heads behind it: ``DiT-S (12 layers, width 384)``."""
    try:
        return AXES.get("size").parse(text, profile)
    except UserError:
        return None


def one_of(text: str, named: Sequence[str], baseline: TrialConfig, profile: Profile) -> Point | None:
    """The one axis (of ``named``, or of all) that reads a text, with what it reads."""
    said = axes_named(text) or _by_unit(text, named)
    pool = [AXES.get(name) for name in (said or named)] or list(all_axes())
    if not said and not named and re.fullmatch(r"[-+.\d eE%×x]+", text):
        return None  # a number alone belongs to no axis
    read: dict[tuple[str, ...], Point] = {}
    for axis in pool:
        try:
            if names_values(text, axis, baseline, profile):
                read.setdefault(axis.fields, {axis.name: read_values(text, axis, baseline, profile)[0]})
        except UserError:
            continue
    if len(read) > 1:  # 50 steps are sampling steps where nothing else is said
        return None
    return next(iter(read.values()), None)


def _of_values(text: str, named: Sequence[str], baseline: TrialConfig, profile: Profile) -> Axis | None:
    """The one of the named axes that reads every value of a set."""
    items = split_items(text.strip(" {}[]()"))
    fits = [AXES.get(name) for name in named if all(reads(item, AXES.get(name), baseline, profile) for item in items)]
    return fits[0] if len(fits) == 1 else None


def _of_unit(text: str, named: Sequence[str]) -> Axis | None:
    """The one of the named axes that a unit belongs to: ``Steps`` of sampling steps."""
    said = stems(text)
    found = [AXES.get(name) for name in named]
    fits = [axis for axis in found if isinstance(axis, NumberAxis) and any(stems(unit) == said for unit in axis.units)]
    return fits[0] if len(fits) == 1 else None


def _by_unit(text: str, named: Sequence[str]) -> tuple[str, ...]:
    """The axes whose unit a number has: ``50 steps`` are sampling steps."""
    said = set(stems(re.sub(r"[\d.]+", " ", text)))
    if not re.search(r"\d", text) or not said:
        return ()
    units = [
        axis for axis in all_axes() if isinstance(axis, NumberAxis) and any(set(stems(u)) == said for u in axis.units)
    ]
    return tuple(axis.name for axis in units if not named or axis.name in named)
