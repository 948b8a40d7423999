"""Under what a metric is to be taken, where that changes no arm: ``FID-50K at matched Gflops``, ``FID @ 100 k, 400 k``.

The metric is computed, and what is not carried out is said. ``FID at w = 1.0 and w = 1.5`` asks for guidance in the
place of a metric: a further change, and an ablation of its own, as it is where a metric is asked for "with guidance".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis, all_axes
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.amounts import number_in
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.measures import is_metric, read_metric
from search_spaces.profiles import Profile

_UNDER = re.compile(
    r"^(?P<metric>\S.*?)\s*(?:,\s*|\s|(?=[@(\[]))[(\[]?\s*(?P<when>(?:at|@|after|with|under|for|using|given|in|"
    r"evaluated at|measured at|taken at)(?:\s|(?<=@)).+?)\s*[)\]]?$",
    re.I,
)

_AMOUNT = r"\d[\d.,]*\s*(?:k|m|thousand|million)?"
_OTHER_TIME = r"iterations?|its?|iters?|epochs?|images?|updates?|checkpoints?"
_TIME = rf"(?:(?:training|optimi[sz]er|gradient)\s+)?(?:steps?|{_OTHER_TIME})"
_WHEN = re.compile(
    rf"^(?:at|@|after|evaluated at|measured at|taken at)\s*(?:(?:both|each|of|every|the)\s+)*{_AMOUNT}(?:\s*{_TIME})?"
    rf"(?:\s*(?:[,&/+]|and|,\s*and|then)\s*{_AMOUNT}(?:\s*{_TIME})?)*(?:\s+(?:of\s+)?(?:training|{_TIME}))?$"
    rf"|^(?:at|after|for|over)\s+(?:several|different|multiple|intermediate|regular|various|all|every|each)\s+(?:training\s+)?"
    rf"(?:checkpoints?|{_TIME}|stages?(?:\s+of\s+training)?|points?(?:\s+(?:in|of|during)\s+training)?)$",
    re.I,
)
_LATE = re.compile(
    rf"\d\s*(?:k|m|thousand|million)\b|\d{{4,}}|\d,\d{{3}}|\b(?:{_OTHER_TIME}|training|several|different|multiple|"
    r"intermediate|regular|various|all|every|each)\b",
    re.I,
)
"""What makes steps those of training; ``at 50 steps`` may be the sampler's."""

_EQUAL = re.compile(
    r"^(?:at|under|for|with|in|given)\s+(?:(?:an?|the|roughly|about|approximately|nearly)\s+)*"
    r"(?:matched|matching|equal|equali[sz]ed|same|fixed|identical|constant|comparable|similar|iso)[\s-]+"
    r"(?:(?:training|inference|forward|model|total|sampling|overall)\s+)*"
    r"(?:g?flops?|compute|cost|budget|param(?:eter)?s?|wall[\s-]?clock|time|images|steps|memory|capacity|size)"
    r"(?:\s+(?:budget|cost|counts?|time|number))*$",
    re.I,
)
_LISTED = re.compile(r"\s*(?:,\s*(?:and\b)?|[&;/]|\band\b|\bor\b|\bvs\.?\s|\bversus\b)\s*", re.I)
_LED = re.compile(
    r"^(?:at|@|with|under|for|using|given|in|evaluated at|measured at|taken at)\s*(?:(?:a|the|both|each|of)\s+)*", re.I
)


def metric_under(
    text: str, baseline: TrialConfig, profile: Profile, tried: Mapping[str, Collection[object]]
) -> tuple[tuple[str, ...], str]:
    """Returns the metrics of a text that also says under what they are taken, and how it was understood.

    Args:
        text: what stands in the place of a metric.
        baseline: the configuration that every arm is a change of.
        profile: the baseline's profile.
        tried: the axes that the entry varies or may be about, with the values of its arms; what a condition names of
            them has to be an arm.

    Raises:
        UserError: there is no metric, or the condition is not known.
    """
    found = _UNDER.match(text.strip())
    if found is None or not is_metric(found["metric"]):
        raise UserError(f"{text!r} is no metric under a condition")
    metrics, means = read_metric(found["metric"], profile)
    when = found["when"].strip()
    said = _said(when, baseline, profile, tried)
    return metrics, f"{means}; {when!r} {said}"


def _said(when: str, baseline: TrialConfig, profile: Profile, tried: Mapping[str, Collection[object]]) -> str:
    if _WHEN.match(when) and _LATE.search(when):
        return "says when, and is not carried out as such: metrics are taken at the end, and at the study's rungs"
    if _EQUAL.match(when):
        return "changes no arm and is not carried out: what an arm costs is recorded beside its metrics"
    for axis in all_axes():
        if axis.group == "sampling" and isinstance(axis, NumberAxis):
            values = _values(when, axis, baseline, profile)
            if not values:
                continue
            if axis.name in tried and values <= {*tried[axis.name], axis.current(baseline, profile)}:
                return "names arms of it"
            if axis.name in tried:
                break
            if values == {axis.current(baseline, profile)}:
                return f"is how the baseline is sampled: {axis.name}={axis.label(values.pop())}"
            if axis.name != "guidance_scale":
                break  # a metric of other samples is another metric
            return f"is not carried out: it would change {axis.name} as well, which is an axis of its own"
    raise UserError(f"{when!r} is no condition under which a metric can be taken")


def _values(when: str, axis: NumberAxis, baseline: TrialConfig, profile: Profile) -> set[object]:
    """The values of an axis that a condition names, each of them read; none where it names another axis."""
    said = _LED.sub("", when)
    if not _names(said, axis):
        return set()
    found: set[object] = set()
    for piece in filter(None, _LISTED.split(said)):
        value = number_in(piece, axis, baseline, profile)
        if value is None:
            return set()
        found.add(value[0])
    return found


_SCALE = re.compile(r"(?:^|[\s,])[wsω]\s*=\s*\d", re.I)


def _names(said: str, axis: Axis) -> bool:
    return axis.name in axes_named(said) or (axis.name == "guidance_scale" and _SCALE.search(said) is not None)


_AND = re.compile(r"\s*(?:[&+;]|,|\band\b|\bplus\b|\btogether with\b|\balong with\b|\bas well as\b)\s*", re.I)


def pieces_of(text: str) -> list[str]:
    """The metrics of a text and what else it joins with them, apart; the text alone where it joins no metric."""
    pieces = [piece.strip() for piece in _AND.split(text) if piece.strip()]
    return pieces if len(pieces) > 1 and any(map(is_metric, pieces)) else [text]


_GOES_ON = re.compile(r"^(?:and\s+)?(?:[a-zω]\s*=\s*)?\d", re.I)


def whole(texts: Iterable[str]) -> list[str]:
    """Puts a condition together again that a comma cut: ``FID at 100k``, ``200k iterations``."""
    found: list[str] = []
    for text in texts:
        if found and _GOES_ON.match(text) and _UNDER.match(found[-1]) and not is_metric(text):
            found[-1] += f", {text}"
        else:
            found.append(text)
    return found
