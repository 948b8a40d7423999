"""What is said to stay as it is (``kept_fixed: depth and hidden size``), and whether it is so in the baseline."""

from __future__ import annotations

import re

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES, Axis, all_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.choose import axis_by_name
from search_spaces.plan_import.described import CHANGES
from search_spaces.plan_import.evidence import GENERAL
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.loose import foreign, mentioned
from search_spaces.plan_import.numerals import TIMES, numbers_in
from search_spaces.plan_import.rider_numbers import Values, facts, gives_number
from search_spaces.plan_import.rider_words import COSTS
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.plan_import.telling import is_order
from search_spaces.plan_import.there import published_numbers
from search_spaces.profiles import PROFILES, Profile

_PIECES = re.compile(r"\s*[;,](?!\d{3}(?!\d))\s*(?:and\s+)?|\s+(?:and|but|plus)\s+|[()\[\]{}]|\.\s+")
_KEEPS = re.compile(r"^\W*(?:we\s+)?(?:keep|hold|leave|fix|retain)\b", re.I)
_REST = re.compile(
    r"^\W*(?:everything|all|anything|nothing|no (?:other|further|additional)|the rest|rest)\b"
    r"(?!.*(?:\d|\bwith|\bexcept|\bbut\b|\bapart|\bsave\b|\bother than\b))",
    re.I,
)
_TURNED_ON = re.compile(r"\b(?:true|enabled|turned on|switched on)\b|\bon\W*$", re.I)
_COMMON = re.compile(
    r"\bvae\b|\bdata|\bimagenet\b|\blatents?\b|\bseeds?\b|\bhardware\b|\bgpus?\b|iterations?\b|\btraining\b", re.I
)
"""What no axis is of, and every arm has in common."""

_PLAIN = STOP_STEMS | GENERAL | frozenset(
    stems("same identical default baseline published original paper usual constant fixed its linear uniform setup rest "
          "standard kept held unchanged number choice type everything else other")
)  # fmt: skip


_MODEL = re.compile(r"\bDiT-XL/2\b", re.I)
_NAME = re.compile(r"\b(?!VAE|MLP|FID|DDPM|MSE|GPU|EMA|CFG)[A-Z]{3,}\b")
"""An abbreviation that is none of the paper's, and may be another method: ``SGD``."""

_START = re.compile(r"\bzero(?=[\s-](?:init|start))", re.I)
_SMALL = 16
"""Below it a number without a name may be of anything."""


def not_there(text: str, values: Values, baseline: TrialConfig, profile: Profile) -> str:
    """Returns the first piece of what is said to stay that the baseline does not have; empty where it has all.

    Args:
        text: what stands below a label such as ``kept_fixed``.
        values: axis -> the values that its entry tries, which do not stay.
        baseline: the configuration that every arm is a change of.
        profile: the baseline's profile.
    """
    pieces = (piece.strip(" \"'`.") for piece in _PIECES.split(text.replace("_", " ")))
    others = (piece for piece in pieces if piece and not _is_own(piece, values, baseline, profile))
    return next((piece for piece in others if _is_other(piece, values, baseline, profile)), "")


def _is_own(piece: str, values: Values, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a piece is an axis by its name and its own value behind it: ``weight decay 0``, ``weight tying off``."""
    name, _, said = piece.rpartition(" ")
    axis = axis_by_name(name)
    if axis is None or axis.name in values:
        return False
    try:
        value = axis.parse(said, profile)
    except UserError:
        if said not in ("on", "off") or axis.remove_value is None:
            return False
        return bool(axis.current(baseline, profile) == axis.remove_value) == (said == "off")
    return bool(value == axis.current(baseline, profile))


def _is_other(piece: str, values: Values, baseline: TrialConfig, profile: Profile) -> bool:
    if CHANGES.search(piece) or TIMES.search(piece) or (is_order(piece, piece) and not _KEEPS.match(piece)):
        return True
    if _REST.match(piece):
        return False
    axis = axis_by_name(piece)
    if COSTS.search(piece) or (axis is not None and axis.name in values):
        return True  # what the entry changes does not stay
    if foreign(piece, places=True) and not _COMMON.search(piece):
        return True
    named = [AXES.get(name) for name in axes_named(piece)]
    owns = (baseline, profile), (PROFILES.get("paper").config, PROFILES.get("paper"))
    made = [*facts({}, baseline, profile)]
    if not _has_numbers(piece, named, owns) or gives_number(piece, {}, made, profile, there=True):
        return True
    turned = _TURNED_ON.search(piece) is not None
    if turned or NEGATIONS & set(stems(piece)):
        switched = [one.remove_value is not None and (one.current(baseline, profile) == one.remove_value) != turned
                    for one in named]  # fmt: skip
        return not (switched and all(switched))
    return _names_value(piece, named, baseline, profile)


def _has_numbers(piece: str, named: list[Axis], owns: tuple[tuple[TrialConfig, Profile], ...]) -> bool:
    """Whether the numbers of a piece are those of the baseline, or the paper's."""
    numbers = [
        number for number in numbers_in(_MODEL.sub(" ", _START.sub(" ", piece))) if number >= _SMALL or "=" not in piece
    ]
    counted = [axis for axis in named if isinstance(axis, NumberAxis)]
    if counted:
        known = {float(axis.current(*own)) for axis in counted for own in owns}
    else:
        known = {number for number in published_numbers() if number >= _SMALL or number == 1e-4}
        known |= {
            float(number) for config, _ in owns for number in _integers(config) if number >= _SMALL or "x" in piece
        }
    return all(number in known for number in numbers)


def _integers(config: TrialConfig) -> list[int]:
    """Sizes and lengths of a configuration that no axis is needed to know."""
    model, data = config.model, config.data
    sizes = [data.image_size, model.input_size, model.in_channels, model.num_classes, config.evaluation.num_samples]
    return [*sizes, config.diffusion.num_timesteps, config.training.batch_size, 400_000]


def _names_value(piece: str, named: list[Axis], baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a piece names a value of a choice that the baseline does not have."""
    if any(isinstance(axis, ChoiceAxis) and axis.never and re.search(axis.never, piece, re.I) for axis in all_axes()):
        return True
    choices = [axis for axis in named if isinstance(axis, ChoiceAxis)]
    asked = choices or [axis for axis in all_axes() if isinstance(axis, ChoiceAxis) and not named]
    told = [(axis.current(baseline, profile), mentioned(piece, axis, profile)) for axis in asked]
    if any(said and own in said for own, said in told):
        return False
    if any(said for _, said in told):
        return True
    if choices and _is_of_another(piece, baseline, profile):
        return False
    return any(_unread(piece, axis) for axis in choices) or (not named and _NAME.search(piece) is not None)


def _is_of_another(piece: str, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a piece names the own value of some choice, and no other value: the zero start of the last layer."""
    told = [(axis.current(baseline, profile), mentioned(piece, axis, profile)) for axis in all_axes()
            if isinstance(axis, ChoiceAxis)]  # fmt: skip
    return any(own in said for own, said in told) and not any({*said} - {own} for own, said in told)


def _unread(piece: str, axis: Axis) -> bool:
    """Whether a piece that names a choice says which it is, and not in words of a value that is known."""
    names: frozenset[str] = frozenset(word for name in axis.names for word in stems(name))
    if re.search(r"\blearn(?:ed|able)\b", piece, re.I):
        return True  # of a choice: no value of the baseline is in it
    return any(not word.isdigit() for word in {*stems(piece)} - names - _PLAIN)
