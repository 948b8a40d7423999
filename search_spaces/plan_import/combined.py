"""Entries about several axes: a grid of all combinations, or a ladder of steps that add up."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES, all_axes, axis_called
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.absence import is_nothing
from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.doing import HOLDS, says_constant, without_constants, without_reason
from search_spaces.plan_import.joined import axes_joined, axes_named, called
from search_spaces.plan_import.labels import kind_of
from search_spaces.plan_import.ladders import steps_of, stuck
from search_spaces.plan_import.points import COST, SETS_SEVERAL, SETTING, SQUARE, Point, one_of, point_in
from search_spaces.plan_import.rungs import apart
from search_spaces.plan_import.sets import sets_of
from search_spaces.plan_import.values import read_values
from search_spaces.plan_import.variants import spelled_out
from search_spaces.plan_import.written import Entry, clean, split_items
from search_spaces.profiles import Profile
from search_spaces.study import LadderStep

_EVERY = re.compile(
    r"\bgrid\b|\bjoint|\bcombin|\bcross\w*\b(?! attention)|\bfactorial|\bevery pair|\binteract|[×]|"
    r"\bsimultaneous|\btogether\b",
    re.I,
)


class StuckLadder(Exception):
    """Steps that add up, of which one is not understood: what comes after it would be another experiment."""


@dataclass(frozen=True)
class Combined:
    """An entry about several axes.

    Attributes:
        axes: the axes, in the order in which the entry names them.
        grid: axis -> its values, for every combination.
        zip: axis -> its values, which change together.
        ladder: steps that add to each other.
        means: what its part was taken to mean.
        how: what is done.
        items: what each replacement was taken to mean, by its index.
        asked: what is unclear; empty where nothing is.
        settle: what to write to settle it.
        taken: the reading that ``--accept-guesses`` takes; empty where there is none.
    """

    axes: tuple[str, ...]
    grid: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    zip: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    ladder: tuple[LadderStep, ...] = ()
    means: str = ""
    how: str = ""
    items: dict[int, str] = field(default_factory=dict)
    asked: str = ""
    settle: str = ""
    taken: str = ""


def combine(entry: Entry, title: str, baseline: TrialConfig, profile: Profile) -> Combined | None:
    """Returns the grid or ladder that an entry asks for; None for an entry about one axis."""
    if entry.axes or len(entry.parts) > 1:
        return None
    about = " ".join((title, *entry.parts))
    items = [spelled_out(item, about) for text in entry.replacements for item in _in_set(text)]
    entry = replace(entry, replacements=items)
    texts = [text for text in entry.replacements if not is_nothing(text) and not says_constant(text)]
    cumulative = any(read_action(text).cumulative for text in (*entry.actions, *entry.parts))
    alone = any(apart(text) for text in (title, *entry.context, *(text for _, text in entry.remarks)))
    plussed = len(texts) > 1 and all(map(_PLUS_FIRST.match, texts[1:])) and not alone
    if cumulative or plussed or any(map(_PLUSSED.search, texts)):
        if len(texts) == 1:
            texts = [clean(step) for step in _ARROW.split(texts[0]) if clean(step)]
        if len(texts) > 1:
            steps = _ladder(texts, baseline, profile)
            sure = entry.stepped or plussed or any(map(_PLUSSED.search, entry.replacements))
            if steps is None and sure and stuck(texts, baseline, profile):
                raise StuckLadder
            return steps
    if (against := _against(entry, baseline, profile)) is not None:
        return against
    part = without_constants(entry.parts[0] if entry.parts else title)
    named = axes_joined(part) or axes_joined(title)
    listed = _listed(
        [*(text for text in texts if not HOLDS.match(text)), *(read_action(text).rest for text in entry.actions), part],
        baseline,
        profile,
    )
    cut = any(  # "heads: 2" and "3" are one list
        re.search(r":[^()\[\]{}]*$", before) and not re.search(r"[(\[{:]", text)
        for before, text in itertools.pairwise(texts)
    )
    if listed is not None and not cut and not any(map(_PARTIAL.search, (*texts, *entry.actions))):
        return listed
    stacked = _STACKED.search(" ".join((title, *entry.actions, *texts)))
    sets = sets_of(texts, named, baseline, profile, read_values) if len(named) > 1 and not stacked else {}
    if sets:
        return grid_of(sets)
    if (
        len(named) > 1
        and not stacked
        and (spread := _spread(texts or _done_texts(entry), named, baseline, profile)) is not None
    ):
        return spread
    found = None
    squares = [SQUARE.fullmatch(COST.sub("", text)) for text in entry.replacements]
    if texts and all(squares) and len({square[2] for square in squares if square}) > 1:
        named = ("size", "patch_size")
    texts_split = [piece for text in entry.replacements for piece in re.split(r"\s+and\s+(?:with|by|to)\s+", text)]
    if len(texts_split) > len(entry.replacements):
        each = [point_in(piece, named, baseline, profile) for piece in texts_split]
        if all(point is not None and len(point) > 1 for point in each):
            return _points([point for point in each if point])
    if texts:
        pieces = [_pieces(text) if len(named) > 1 else [text] for text in entry.replacements]
        points = [[point_in(piece, named, baseline, profile) for piece in row] for row in pieces]
        flat = [point for row in points for point in row]
        if all(point is not None and len(point) == 1 for point in flat) and entry.stepped:
            found = _apart_or_not(tuple(dict.fromkeys(name for point in flat if point for name in point)))
        elif all(point is not None and len(point) == 1 for point in flat):
            found = _columns([point for point in flat if point])
        elif all(
            point is not None and len(point) > 1 and (named or entry.pointed or _has_number(point)) for point in flat
        ) or (all(flat) and all(map(SETS_SEVERAL.match, texts))):
            found = _points([point for point in flat if point])
    elif len(named) > 1 and _EVERY.search(" ".join((part, *entry.actions))) and not _says_more(entry):
        return grid_of({name: tuple(AXES.get(name).values(profile)) for name in named})
    if found is None and len(named) > 1 and not _one_choice(texts, named, profile):
        return Combined(
            named,
            asked=f"it names {' and '.join(named)} at once, and which values belong to which is not certain",
            settle=f'an entry for each axis, or "{named[0]} = ..." and "{named[1]} = ..." for every combination',
        )
    return found or _with_no_axis(texts)


def settings_of_no_axis(texts: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """The axes that texts set, each one thing, and what they set that is no axis; neither where all are axes."""
    settings = [found for text in texts if (found := SETTING.match(text) or _IN_SET.match(text))]
    keys = {clean(found[1]): axis_called(found[1]) for found in settings if kind_of(found[1]) is None}
    axes = tuple(dict.fromkeys(axis.name for axis in keys.values() if axis is not None))
    odd = [key for key, axis in keys.items() if axis is None]
    return (axes, odd) if len(settings) == len(texts) and axes and odd else ((), [])


_IN_SET = re.compile(r"^\s*([A-Za-z][\w &/-]*?)\s+(?:in|over|from)\s+[{\[(](.+)$")
"""A setting as a set: ``patch size in {2, 4}``."""


def _with_no_axis(texts: list[str]) -> Combined | None:
    """Asks about settings of several things of which one is no axis: ``patch size: 2, 4`` and ``overlap: 0, 50%``."""
    axes, odd = settings_of_no_axis(texts)
    if not odd:
        return None
    why = f"it sets {' and '.join(axes)} together with {' and '.join(odd)}, which is no axis"
    return Combined(axes, asked=why, settle=f'"{axes[0]} = ..." alone, or another axis')


def _apart_or_not(names: tuple[str, ...]) -> Combined | None:
    """What has to be asked about counted steps on several axes of which nobody says whether they add up."""
    if len(names) < 2:
        return None
    why = "its steps may add up, or each may be tried alone"
    return Combined(names, asked=why, settle='"Action: cumulatively", or an entry for each step')


_SET = re.compile(r"^\W*?(?P<open>[{[(])(?P<inside>[^{}()\[\]]+)[})\]]\W*$")


def _in_set(text: str) -> list[str]:
    """The points of a set that is written in brackets (``{DDIM @ 50 steps, DDIM @ 100 steps}``); else the text."""
    found = _SET.match(text)
    items = split_items(found["inside"]) if found is not None else []
    return items if len(items) > 1 and all("@" in item for item in items) else [text]


_COMPARED = re.compile(
    r"^(?:compare|contrast|pit)\w*\s+(?P<one>.+?)\s+(?:to|with|against|versus|vs\.?|and)\s+(?P<other>(?:a\s+)?DiT\b.+|.+)$",
    re.I,
)
_COMPARED_TO = re.compile(r"^compare\w*\s+(?P<one>.+)\s+to\s+(?P<other>.+)$", re.I)


def _against(entry: Entry, baseline: TrialConfig, profile: Profile) -> Combined | None:
    """Reads ``compare DiT-L with 1000 steps to DiT-XL with 128 steps``: two points of the same axes."""
    if entry.replacements or len(entry.actions) != 1:
        return None
    said = without_reason(entry.actions[0])
    for found in filter(None, (_COMPARED.match(said), _COMPARED_TO.match(said))):
        points = [point_in(found[side], (), baseline, profile) for side in ("one", "other")]
        one, other = points
        if one is not None and other is not None and len(one) > 1 and set(one) == set(other):
            return _points([one, {name: other[name] for name in one}])
    return None


_ARROW = re.compile(r"\s*(?:→|->|⟶|=>|⇒|,?\s+then\s+|;)\s*")
_PLUSSED = re.compile(r"(?:→|->|=>|⇒)\s*\+")
"""Steps of which each keeps what the ones before it have set."""

_PLUS_FIRST = re.compile(r"\s*\+\s*[A-Za-z]")
"""How a step opens that comes on top of the one before it."""

_STACKED = re.compile(r"→|->|=>|⇒|(?:^|\s)\+\s|\bon top\b|\bone after\b|\badd up\b", re.I)
"""What says that one change comes after another."""

_PARTIAL = re.compile(
    r"\b(?:diagonals?|subset|fraction of|not (?:all|every)|one at a time|only (?:the|a|some|those|\w+ of))\b", re.I
)
"""What says that not every combination is meant."""

_ALL = re.compile(
    r"[,;(]?\s*(?:in\s+)?\b(?:all|every|each)\s+(?:of\s+the\s+)?(?:\w+\s+)?(?:comb(?:ination|o)s?|pairs?|pairings?|cells?|crossings?)\b\)?"
    r"|[,;(]?\s*\b(?:full|complete)\s+(?:factorial|grid|cross(?:ing)?)\b\)?",
    re.I,
)
_ACROSS = re.compile(
    r"[,;]?\s*(?:\band\s+)?\b(?:(?:each|both|all|every one)\s+)?(?:of them\s+)?(?:crossed\s+with|combined\s+with|"
    r"together\s+with|paired\s+with|"
    r"with|at|for|times|against|under|for\s+each\s+of|by)\s+|\s*[×;|]\s*|\s+x\s+",
    re.I,
)
"""What stands between the values of one axis and those of another: ``2 and 4, each with 50 and 100 steps``."""


def _one_choice(texts: list[str], named: Sequence[str], profile: Profile) -> bool:
    """Whether all values are of one axis for the named ones: ``deeper and narrower``, of depth and width."""
    fields = {field for name in named for field in AXES.get(name).fields}
    for axis in all_axes():
        if isinstance(axis, ChoiceAxis) and texts and axis.name not in named and fields & set(axis.fields):
            try:
                values = {axis.parse(text, profile) for text in texts}
            except UserError:
                continue
            if len(values) == len(texts):
                return True
    return False


def _done_texts(entry: Entry) -> list[str]:
    """What is done, where no value stands elsewhere: ``DiT-S and DiT-B with patch sizes 2 and 4``."""
    said = [_LED.sub("", _COUNTED.sub("", without_reason(text))) for text in entry.actions]
    return [text for text in said if re.search(r"\d", text)] if len(said) == 1 else []


_LED = re.compile(
    r"^\W*(?:re)?(?:train|sample|run|use|try|test|evaluate|vary|cross|combine|compare)\w*\s+(?:with\s+|all\s+)?"
    r"|^\W*(?:every|all|each)\s+(?:possible\s+)?(?:combinations?|pairs?|pairings?)\s+of\s+"
    r"|\s+(?:is|are)\s+(?:then\s+)?(?:evaluated|tried|trained|run|tested|compared|sampled|considered)$",
    re.I,
)
"""What stands around the values of several axes in a sentence."""

_COUNTED = re.compile(r"\s*[(\[](?:\w+\s+){1,2}(?:models?|arms?|runs?|cells?|combinations?)[)\]]", re.I)


_OF_THEM = re.compile(r"^[^\d{}()\[\],;]{0,40}\b(?:combinations?|pairs?|pairings?)\s+of\s+", re.I)
"""What leads to a grid: ``Train all twelve combinations of``."""


def _spread(texts: list[str], named: Sequence[str], baseline: TrialConfig, profile: Profile) -> Combined | None:
    """Reads ``sizes S and B with patch sizes 2, 4 and 8``: a list of values for each of the named axes."""
    said = _ALL.sub(" ", _OF_THEM.sub("", ", ".join(texts))).strip(" ,;.")
    lists = [clean(piece) for piece in _ACROSS.split(said) if clean(piece)]
    if len(lists) != len(named):
        names = sorted((name for axis in named for name in AXES.get(axis).names), key=len, reverse=True)
        starts = [at.start() for at in re.finditer(rf"\b(?:{'|'.join(map(re.escape, names))})s?\b", said, re.I)]
        ends = [*starts[1:], len(said)] if starts else []
        spans = [clean(said[a:b]) for a, b in zip(starts, ends, strict=True)]
        if starts and len(starts) == len(named) - 1:  # "{S, B} and patch sizes {2, 4}"
            spans = [clean(re.sub(r"^of\s+|\s+and(?:\s+the)?\s*$", "", said[: starts[0]].strip())), *spans]
        lists = spans if len(spans) == len(named) else lists
    if len(lists) != len(named):
        return None
    grid: dict[str, tuple[Any, ...]] = {}
    for text in lists:
        read = {}
        for name in named:
            try:
                read[name] = read_values(text, AXES.get(name), baseline, profile)[0]
            except UserError:
                continue
        told = [name for name in axes_named(text) if name in read]
        if axes_named(text) and not told:
            return None  # it names an axis, and holds no value of it
        names = told if len(told) == 1 else list(read)
        if len(names) != 1 or names[0] in grid:
            return None
        grid[names[0]] = tuple(dict.fromkeys(read[names[0]]))
    return grid_of({name: grid[name] for name in named})


def _says_more(entry: Entry) -> bool:
    """Whether an entry holds text from which values might come, so that not every known value is meant."""
    texts = [*(read_action(text).rest for text in entry.actions), *entry.context, *(text for _, text in entry.unknown)]
    return any(re.search(r"\d", text) or axes_named(text) for text in texts)


def _has_number(point: Point) -> bool:
    """Whether one axis of a point is set to a number beside another that is not, as in ``DDIM with 50 steps``."""
    return len({isinstance(AXES.get(name), NumberAxis) for name in point}) == 2


def _pieces(text: str) -> list[str]:
    return [clean(piece) for piece in re.split(r"\s*×\s*|\s+[x*]\s+", text) if clean(piece)]


def _listed(texts: list[str], baseline: TrialConfig, profile: Profile) -> Combined | None:
    """Reads ``the model size (S, B) and the patch size (2, 4)``: axes with the lists of their values behind them."""
    grid: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        for head, inside in re.findall(
            r"([^()\[\]{}:;]*?)\s*(?:[(\[{]|:\s*)([^()\[\]{}:;]*)[)\]}]?(?=$|[\s,;.])", text
        ):
            names = axes_named(head) or called(head)
            if len(names) != 1 or names[0] in grid:
                continue
            axis, values = AXES.get(names[0]), list[Any]()
            for item in split_items(inside):
                try:
                    values += read_values(item, axis, baseline, profile)[0]
                except UserError:
                    values = []
                    break
            if values:
                grid[names[0]] = tuple(dict.fromkeys(values))
    fields = [field for name in grid for field in AXES.get(name).fields]
    return grid_of(grid) if len(grid) > 1 and len(set(fields)) == len(fields) else None


def _columns(points: list[Point]) -> Combined | None:
    columns: dict[str, list[Any]] = {}
    for point in points:
        for name, values in point.items():
            columns.setdefault(name, []).extend(values)
    if len(columns) < 2:
        return None
    grid = {name: tuple(dict.fromkeys(values)) for name, values in columns.items()}
    return grid_of(grid)


def grid_of(grid: dict[str, tuple[Any, ...]]) -> Combined:
    names = tuple(grid)
    shown = " x ".join(
        f"{name} ({', '.join(AXES.get(name).label(v) for v in values)})" for name, values in grid.items()
    )
    return Combined(names, grid=grid, means=f"the axes {', '.join(names)}", how=f"every combination: {shown}")


def _points(points: list[Point]) -> Combined | None:
    """Points that are every combination of their axes' values make a grid; of others the axes change together."""
    names = tuple(points[0])
    if any(set(point) != set(names) for point in points):
        return None
    rows = list(dict.fromkeys(tuple(value for name in names for value in point[name][:1]) for point in points))
    columns = {name: tuple(dict.fromkeys(v for point in points for v in point[name])) for name in names}
    grid = grid_of(columns)
    if set(rows) == set(itertools.product(*columns.values())):
        return grid
    if any(len(point[name]) != 1 for point in points for name in names):
        return None
    shown = ", ".join("/".join(AXES.get(n).label(v) for n, v in zip(names, row, strict=True)) for row in rows)
    together = {name: tuple(row[at] for row in rows) for at, name in enumerate(names)}
    return Combined(names, zip=together, means=grid.means, how=f"{' and '.join(names)} change together: {shown}")


def _ladder(texts: list[str], baseline: TrialConfig, profile: Profile) -> Combined | None:
    """Steps that keep what the steps before them have set; steps of one axis alone are values of it."""
    found = steps_of(texts, baseline, profile, one_of)
    names = tuple(dict.fromkeys(name for step in found[0] for name in step.set)) if found is not None else ()
    if found is None or len(names) < 2:
        return None
    how = "every step keeps what the steps before it have set"
    return Combined(names, ladder=tuple(found[0]), means="a ladder", how=how, items=found[1])
