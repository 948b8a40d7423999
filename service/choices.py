"""What may be changed about a study when it is opened, without editing its file, and how that is done.

Choices act on the study's plain data before anything of it is checked, so that a choice can mend what a file says and a
file may need a choice to be whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from dit_core.errors import UserError, nearest
from search_spaces.load import study_from_data
from search_spaces.overrides import refuse_two_names, replace_settings
from search_spaces.plain_data import plain
from search_spaces.study import Study
from search_spaces.study_defaults import completed
from service.policies import create


class Choices(TypedDict, total=False):
    """What may be changed about a study when it is opened, without editing its file.

    Attributes:
        seeds: training seeds.
        budget_images: training images of a finished trial; rungs that are not below it are dropped.
        rungs: images at which arms are compared.
        settings: an axis, a config field or a field of the study -> its value.
        profile: the baseline of a plan, which names none: ``digits`` or ``paper``.
        skip_unknown: leave out what a plan says that was not understood.
        accept_guesses: take the best reading of a plan's entries that would have to be asked about.
        plugins: further files that register parts of one's own; naming one here says that it may run.
        trust: whether the plugins that the study itself names may run on this machine, from now on.
    """

    seeds: Sequence[int]
    budget_images: int
    rungs: Sequence[int]
    settings: Mapping[str, Any]
    profile: str
    skip_unknown: bool
    accept_guesses: bool
    plugins: Sequence[str]
    trust: bool


_OPTIONS = {"seeds": "--seeds", "budget_images": "--budget", "rungs": "--rungs"}
"""Choices that are fields of the study, and their options."""

_WRITTEN_IN_THE_FILE = ("baseline", "ablations", "grid", "ladder", "plugins")
"""Fields of a study that say what it asks, and of which code; they are not chosen on the way."""


def refuse_unknown(given: Iterable[str], known: type, required: Iterable[str] = ()) -> None:
    """Refuses keyword arguments that a typed dictionary does not have, and the lack of those that it needs.

    Raises:
        UserError: the first of them, what there is, and the nearest of that.
    """
    allowed, given = list(known.__annotations__), list(given)
    for name in given:
        if name not in allowed:
            guess = next((item for item in allowed if item.startswith(name)), None) or nearest(name, allowed)
            hint = f"; did you mean {guess!r}?" if guess else ""
            raise UserError(f"{name}: unknown argument; allowed: {', '.join(allowed)}{hint}")
    for name in required:
        if name not in given:
            raise UserError(f"{name}: required and missing")


def plugins_of(choices: Choices) -> tuple[str, ...]:
    """Returns the plugins that were chosen; one alone need not be a list."""
    given = choices.get("plugins", ())
    return (given,) if isinstance(given, str) else tuple(given)


def chosen(data: Mapping[str, Any], choices: Choices, where: str = "") -> tuple[Study, tuple[str, ...]]:
    """Returns the study that is meant, and sentences on what else the choices changed.

    Args:
        data: the study's plain data, as its file has it.
        choices: what to change.
        where: opens the errors that are the study's own.

    Raises:
        UserError: in one sentence, what is wrong; where a choice is at fault, its option opens the sentence.
    """
    try:
        changed, notes = _applied(data, choices)
        return _checked(changed), notes
    except _Misfit as error:
        raise UserError(str(error)) from None
    except UserError as error:
        raise UserError(_blamed(str(error), data, choices, where)) from None


def _checked(data: Mapping[str, Any]) -> Study:
    study = study_from_data(data)
    create(study.policy)  # its name and options, which only the policies know
    return study


class _Misfit(UserError):
    """A choice that is wrong in itself; the sentence names it already."""


def _applied(data: Mapping[str, Any], choices: Choices) -> tuple[dict[str, Any], tuple[str, ...]]:
    study = completed(data)
    notes: list[str] = []
    settings = _settings(choices)
    fields = {name: value for name, value in settings.items() if name.partition(".")[0] in Study.model_fields}
    baseline = {name: value for name, value in settings.items() if name not in fields}
    for name, value in fields.items():
        _set_field(study, name, value)
    if baseline:
        _set_baseline(study, baseline)
    for name in ("seeds", "rungs"):
        if name in choices:
            study[name] = choices[name]  # type: ignore[literal-required]
    if "budget_images" in choices or "budget_images" in settings:
        budget = study["budget_images"] = _whole(choices.get("budget_images", settings.get("budget_images")))
        dropped = [] if "rungs" in choices or "rungs" in settings else _not_below(study.get("rungs"), budget)
        if dropped:
            study["rungs"] = [rung for rung in study["rungs"] if rung not in dropped]
            listed = ", ".join(f"{rung:,}" for rung in dropped)
            notes.append(f"Rungs at or beyond the budget of {budget:,} images are dropped: {listed}.")
    return study, tuple(notes)


def _settings(choices: Choices) -> dict[str, Any]:
    """The settings, each under a name that no other choice has."""
    settings = choices.get("settings", {})
    if not isinstance(settings, Mapping):
        raise _Misfit(f"settings: {settings!r} is no mapping of names to values, e.g. {{'size': 'S'}}")
    found: dict[str, Any] = {}
    try:
        names = [str(name).removeprefix("baseline.").removeprefix("overrides.") for name in settings]
        for given, name, value in zip(settings, names, settings.values(), strict=True):
            if name.partition(".")[0] in (*_WRITTEN_IN_THE_FILE, "profile", "overrides"):
                raise UserError(f"--set {given}: this is what the study is about, which is written in the study itself")
            if name == "seed":
                raise UserError("--set seed: a seed is not part of an arm; give --seeds")
            found[name] = plain(value, f"--set {name}")
        refuse_two_names((name for name in names if name.partition(".")[0] not in Study.model_fields), "--set")
    except UserError as error:
        raise _Misfit(str(error)) from None
    for name in found:
        head, _, part = name.partition(".")
        if head in _OPTIONS and head in choices:
            raise _Misfit(f"--set {name}: {_OPTIONS[head]} sets {head} as well; keep one of them")
        if part and head in found:
            raise _Misfit(f"--set {name}: --set {head} sets it as well; keep one of them")
    return found


def _set_field(study: dict[str, Any], name: str, value: Any) -> None:
    """Sets a field of the study or a part of one."""
    head, _, part = name.partition(".")
    if not part:
        study[head] = value
        return
    if head not in ("policy", "resources", "search", "tune"):
        raise _Misfit(f"--set {name}: {head} has no parts")
    whole = study.get(head)
    if whole is None:
        raise _Misfit(f"--set {name}: the study has no {head}")
    if hasattr(whole, "model_dump"):
        whole = whole.model_dump()
    if head == "policy":
        whole = {"name": whole} if isinstance(whole, str) else whole
        whole = _policy_with(whole, part, value) if isinstance(whole, Mapping) else whole
    elif isinstance(whole, Mapping):
        whole = {**whole, part: value}
    study[head] = whole


def _policy_with(policy: Mapping[str, Any], part: str, value: Any) -> dict[str, Any]:
    if part == "name":  # options belong to the policy that has them
        return dict(policy) if policy.get("name") == value else {"name": value}
    if "options" in policy:
        options = policy["options"]
        return {**policy, "options": {**options, part: value}} if isinstance(options, Mapping) else dict(policy)
    return {**policy, part: value}


def _set_baseline(study: dict[str, Any], settings: Mapping[str, Any]) -> None:
    baseline = study.get("baseline", {})
    if hasattr(baseline, "model_dump"):
        baseline = baseline.model_dump()
    elif isinstance(baseline, str):
        baseline = {"profile": baseline}
    overrides = baseline.get("overrides", {}) if isinstance(baseline, Mapping) else None
    if not isinstance(overrides, Mapping):
        return  # it is no baseline, which is said when the study is read
    try:
        replaced = replace_settings(overrides, settings, "--set")
    except UserError as error:
        raise _Misfit(str(error)) from None
    study["baseline"] = {**baseline, "overrides": replaced}


def _whole(value: Any) -> Any:
    """A whole number however it is written; anything else as it is, to be refused when the study is read."""
    value = plain(value, "budget_images")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and value.strip().isdecimal() else value


def _not_below(rungs: Any, budget: Any) -> list[int]:
    if not isinstance(rungs, list | tuple) or not all(isinstance(item, int) for item in (*rungs, budget)):
        return []  # refused when the study is read
    return [rung for rung in rungs if rung >= budget]


def _blamed(sentence: str, data: Mapping[str, Any], choices: Choices, where: str) -> str:
    """Returns the sentence opened by what is at fault: the choice that it is about, or without which all is well."""
    text = sentence.removeprefix("baseline.overrides: ")
    field = text.partition(":")[0]
    settings = choices.get("settings", {})
    for name in settings:
        if field == name:
            return f"--set {text}"
        rest = {key: value for key, value in settings.items() if key != name}
        if f"{name}.".startswith(f"{field}.") or _error({**choices, "settings": rest}, data) is None:
            return f"--set {name}: {text}"
    for name in _OPTIONS:
        if name in choices:
            fewer = {key: value for key, value in choices.items() if key != name}
            if field.partition(".")[0] == name or _error(fewer, data) is None:  # type: ignore[arg-type]
                return sentence
    return f"{where}: {sentence}" if where else sentence


def _error(choices: Choices, data: Mapping[str, Any]) -> str | None:
    try:
        _checked(_applied(data, choices)[0])
    except UserError as error:
        return str(error)
    return None
