"""Numbers of a plan as values of an axis: units, multiples of the baseline's, steps where the axis counts images."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import axis_called
from search_spaces.axes.number import NumberAxis, exact
from search_spaces.plan_import.evidence import spelled
from search_spaces.plan_import.loose import foreign, own_words, setting_in
from search_spaces.plan_import.numerals import NUMBER, factor_in, numbers_in, plain_numbers, without_symbols
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stem, stems
from search_spaces.profiles import Profile
from search_spaces.words import BASELINE_WORDS, words

_END = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?"
_RANGE = re.compile(
    rf"(?:\b(?:from|between)\s+({_END})\s*(?:to|and|up to|down to|through|–|-)\s*({_END})"
    rf"|^\s*[\[(]?({_END})\s*(?:to|through|–|\.\.\.?|…)\s*({_END}))[\])]?\s*$",
    re.I,
)

_STEPS = frozenset(map(stem, ("step", "iteration", "update")))
_FACTOR_WORDS = frozenset(
    stems("half halve halved halving double doubled doubling twice thrice triple tripled tripling quarter quadruple")
)
_NEUTRAL = frozenset(
    stems(
        "value count number amount about roughly approximately around exactly up to down larger smaller higher lower "
        "fewer full whole train training sampling inference time network model transformer every stronger "
        "weaker more less times each coefficient factor fraction share probability rate of default "
        "paper only total"
    )
)


SWEEPS = re.compile(
    r"\b(?:try|tries|trying|var(?:y|ies|ied|ying)|sweep\w*|swept|explor\w*|scan\w*|search\w*|rang(?:e|es|ing)|between|"
    r"grid|values|any(?:thing|where)?|span\w*|interval|test(?:s|ed|ing)?|evaluat\w*|sampl\w*)\b|\.\.|…",
    re.I,
)
"""What says of ``from 1 to 4`` that it is a range, wherever it begins."""


def range_in(text: str) -> tuple[str, str] | None:
    """The two ends of a range that names nothing between them, as text; None for anything else."""
    found = _RANGE.search(plain_numbers(text).strip())
    if found is None:
        return None
    return (found[1], found[2]) if found[1] is not None else (found[3], found[4])


_STEPPED = re.compile(
    r"^(?P<range>.+?)\s*[,;(]?\s*(?:in|with|by|at|using)?\s*(?:a\s+)?(?:steps?|increments?|intervals?|spacing|stride)"
    r"(?:\s+size)?\s*(?:of|:|=)?\s*(?P<step>\d+(?:\.\d+)?)\s*\)?$",
    re.I,
)

_MOST = 24
"""How many values a range with a step may have; nobody means more."""


def stepped(text: str, axis: NumberAxis, profile: Profile) -> tuple[Any, ...]:
    """Returns the values of a range with its step, ``1.0 to 2.0 in steps of 0.25``; none where it is none."""
    found = _STEPPED.match(text.strip())
    ends = range_in(found["range"]) if found is not None else None
    if found is None or ends is None:
        return ()
    low, high, step = (Decimal(number) for number in (*ends, found["step"]))
    count = (high - low) / step if step else Decimal(0)
    if count != int(count) or not 0 < count < _MOST:
        return ()
    return tuple(axis.parse(str(low + at * step), profile) for at in range(int(count) + 1))


_MARKED = re.compile(r"[(\[]\s*(?:the\s+|our\s+|as in the\s+)?\w+\s*[)\]]")
"""A word in brackets: ``(baseline)``."""


def number_in(text: str, axis: NumberAxis, baseline: TrialConfig, profile: Profile) -> tuple[Any, str] | None:
    """Returns the value of ``axis`` that a text names with one number, and how it was understood; None if none.

    Raises:
        UserError: the number's unit cannot be converted, or it is no value of the axis.
    """
    own = axis.current(baseline, profile)
    unmarked = _MARKED.sub(" ", text)  # "4x (baseline)" is a value, "4x the baseline" is a multiple
    own_unit = (
        "x" in axis.units and re.search(r"\d\s*[x×]", text) and not set(words(unmarked)) & BASELINE_WORDS - {"default"}
    )
    if own_unit:
        text = re.sub(r"(?<=\d)\s*[x×]", " ", text)
    if (factor := factor_in(text)) is not None and isinstance(own, int | float) and own and math.isfinite(own * factor):
        rest = [w for w in _words(re.sub(r"[\d.]+\s*[x×]", " ", text)) if not _known(w, axis)]
        rest = [w for w in rest if w not in _FACTOR_WORDS]
        if not rest:
            value = axis.parse(own * factor if axis.kind is float else int(own * factor), profile)
            return value, f"{factor:g} times the baseline's {axis.label(own)}: {axis.name}={axis.label(value)}"
    if _is_share(axis):
        text = _SHARE.sub(lambda at: f"{_SHARES[at['share'].lower()]} ", text)
    if axis.units and axis.fields[0].startswith("model."):
        single = re.sub(rf"\bsingle[\s-]+(?={'|'.join(axis.units)})", "one ", text, flags=re.I)
        if single != text and numbers_in(text):
            return None  # "single-head attention of width 72" is not 72 of them
        text = single
    for part in _parts(text):
        found = _one_number(part, axis, baseline, profile)
        if found is not None:
            return found
    return None


_SHARES = {"half": 0.5, "third": 1 / 3, "quarter": 0.25, "fifth": 0.2, "tenth": 0.1, "twentieth": 0.05}
_SHARE = re.compile(rf"\b(?:an?\s+|one\s+)?(?P<share>{'|'.join(_SHARES)})\s+(?=of\b|the\b|$)", re.I)


def _is_share(axis: NumberAxis) -> bool:
    """Whether an axis's values are shares of something, of which ``half of the tokens`` names one."""
    return (
        axis.kind is float
        and axis.remove_value == 0.0
        and "ema" not in axis.name
        and bool({"ratio", "dropout"} & set(axis.name.split("_")))
    )


def _parts(text: str) -> list[str]:
    """The text without its brackets, then what is inside of them, then what stands before a comma."""
    head = re.sub(r"\s*[(\[][^()\[\]]*[)\]]", " ", text).strip()
    inside = re.findall(r"[(\[]([^()\[\]]*)[)\]]", text)
    if NUMBER.search(plain_numbers(head)):
        return [head]
    return [head, *(f"{head} {piece}" for piece in inside)]


_CALLED = re.compile(r"^\s*([^\W\d][\w ]{0,24}?)\s*[=≈:]\s*(?=[-+.\d])")


def _is_called(text: str, axis: NumberAxis) -> bool:
    """Whether a number is said to be another axis's: ``β1 = 0.8``, where β2 is varied."""
    found = _CALLED.match(text)
    if found is None or len(found[1]) < 2 or {*stems(spelled(found[1]))} <= own_words(axis):
        return False  # a single letter stands for many things
    other = axis_called(found[1])
    return other is not None and not {*other.fields} & {*axis.fields}


def _without_initials(text: str, axis: NumberAxis) -> str:
    """Takes the initials of an axis off a number of it: ``bs = 64`` of the batch size."""
    found = _CALLED.match(text)
    if found is None or found[1].lower() not in {"".join(word[0] for word in words(name)) for name in axis.names}:
        return text
    return text[found.end() :]


def _one_number(text: str, axis: NumberAxis, baseline: TrialConfig, profile: Profile) -> tuple[Any, str] | None:
    if _is_called(text, axis):
        return None
    plain = without_symbols(plain_numbers(spelled(_without_initials(text, axis))))
    if (head := _of_unit(plain, axis)) is not None:
        plain = head
    square = re.sub(r"(\d+)\s*(?:x|×|by|\*)\s*\1(?!\d)", r" \1 ", plain, flags=re.I)
    if axis.name != "patch_size" and square != plain:
        return None
    found = list(NUMBER.finditer(square))
    if axis.name in ("beta1", "beta2"):
        found = [one for one in found if one.group() not in ("1", "2")] or found
    if len(found) != 1:
        return None
    said = _words(square[: found[0].start()] + " " + square[found[0].end() :])
    strange = [word for word in said if not _known(word, axis)]
    in_steps = _STEPS & set(said)
    number = exact(found[0].group())
    if not math.isfinite(number):
        return None
    if in_steps and "image" in axis.units and axis.kind is int and axis.name != "batch_size":
        if [word for word in strange if word not in _STEPS]:
            return None
        batch = baseline.training.batch_size
        if not math.isfinite(number * batch):
            return None
        value = axis.parse(int(number * batch), profile)
        return value, f"{number:g} steps of {batch} images: {axis.name}={axis.label(value)}"
    if strange or NEGATIONS & set(said) or foreign(text):
        return None
    if setting_in(text, axis) is not None and not set(said) & own_words(axis) and not _unit(said, axis):
        return None
    try:
        value = axis.parse(number, profile)
    except UserError:
        return None
    return value, f"{axis.name}={axis.label(value)}"


_AFTER_UNIT = re.compile(r"\s+(?:of|with|in|per|for|across|each|on|during|while|at)\b")


def _of_unit(text: str, axis: NumberAxis) -> str | None:
    """A number with its unit, of a text in which only a description follows: ``1 head of full width``."""
    found = _AFTER_UNIT.search(text)
    if found is None or not found.start():
        return None
    head, rest = text[: found.start()], text[found.end() :]
    said = _words(NUMBER.sub(" ", head, count=1))
    names = [stems(name) for name in (*axis.names, *axis.units)]
    quiet = not NUMBER.search(rest) and not NEGATIONS & set(stems(rest)) and not foreign(rest, places=True)
    return head if quiet and len(NUMBER.findall(head)) == 1 and tuple(said) in names else None


def _unit(said: list[str], axis: NumberAxis) -> bool:
    units = {word for unit in axis.units for word in stems(unit)}
    return bool(units & set(said))


def _words(text: str) -> list[str]:
    return [word for word in stems(text) if not word.isdigit()]


def _known(word: str, axis: NumberAxis) -> bool:
    units = {part for unit in axis.units for part in stems(unit)}
    return word in STOP_STEMS or word in own_words(axis) or word in units or word in _NEUTRAL
