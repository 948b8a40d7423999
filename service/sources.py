"""From what a person gives (a preset, a file, a plan, a ``Study``) to the study that is meant."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from dit_core.errors import UserError, parse
from search_spaces.study import Study
from service.records.store import Store
from service.records.study_files import is_defined, read_definition

if TYPE_CHECKING:
    from search_spaces.plan_import import ImportedPlan


class Choices(TypedDict, total=False):
    """What may be changed about a study when it is opened, without editing its file.

    Attributes:
        seeds: training seeds.
        budget_images: training images of a finished trial; rungs that are not below it are dropped.
        rungs: images at which arms are compared.
        settings: an axis, a config field or a field of the study -> its value.
        profile: the baseline of a plan, which names none: ``digits`` or ``paper``.
        skip_unknown: leave out what a plan says that was not understood.
    """

    seeds: Sequence[int]
    budget_images: int
    rungs: Sequence[int]
    settings: Mapping[str, Any]
    profile: str
    skip_unknown: bool


@dataclass(frozen=True)
class Opened:
    """A study with where it came from.

    Attributes:
        study: the study.
        source: what was given, as text; ``python`` for a ``Study`` object.
        path: the file it was read from, if any.
        imported: the imported plan with its sentences, if it was one.
        notes: sentences on what the choices changed.
        arguments: command-line arguments that open the same study again.
    """

    study: Study
    source: str
    path: Path | None = None
    imported: ImportedPlan | None = None
    notes: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


def open_study(source: Study | str | Path, choices: Choices, store: Store | None = None) -> Opened:
    """Reads a study and applies the choices.

    Args:
        source: a ``Study``, a preset's name, a study file, a plan, or the name of a study in ``store``.
        choices: what to change.
        store: where to look for studies by name.

    Raises:
        UserError: the source cannot be read or a choice does not fit.
    """
    from search_spaces.load import is_plan, load_study, presets
    from search_spaces.plan_import import import_plan

    if isinstance(source, Study):
        study, notes = apply(source, choices)
        return Opened(study, "python", notes=notes)
    name = str(source)
    path = Path(source).expanduser()
    imported: ImportedPlan | None = None
    if is_plan(path):
        imported = import_plan(path, **({"profile": choices["profile"]} if "profile" in choices else {}))
        study = imported.study
    elif store is not None and not path.exists() and name not in presets() and is_defined(store, name):
        study = read_definition(store, name).study
    else:
        study = load_study(source)
    if imported is None and "profile" in choices:
        raise UserError(f"--profile: {name} names its own profile, {study.baseline.profile}; the option is for plans")
    study, notes = apply(study, choices)
    return Opened(study, name, path if path.is_file() else None, imported, notes, _arguments(name, choices))


def apply(study: Study, choices: Choices) -> tuple[Study, tuple[str, ...]]:
    """Returns the study with the choices applied, and sentences on what else that changed."""
    data = study.model_dump()
    notes: list[str] = []
    for key, value in choices.get("settings", {}).items():
        _set(data, key, value)
    if "seeds" in choices:
        data["seeds"] = tuple(choices["seeds"])
    if "rungs" in choices:
        data["rungs"] = tuple(choices["rungs"])
    if "budget_images" in choices:
        budget = data["budget_images"] = choices["budget_images"]
        dropped = [rung for rung in data["rungs"] if rung >= budget]
        if dropped and "rungs" not in choices:
            data["rungs"] = tuple(rung for rung in data["rungs"] if rung < budget)
            listed = ", ".join(f"{rung:,}" for rung in dropped)
            notes.append(f"Rungs at or beyond the budget of {budget:,} images are dropped: {listed}.")
    return parse(Study, data), tuple(notes)


def _set(data: dict[str, Any], key: str, value: Any) -> None:
    head, _, rest = key.partition(".")
    if head in data and head not in ("baseline", "ablations", "grid", "ladder"):
        if not rest:
            data[head] = value
        elif isinstance(data[head], dict):
            target = data[head].setdefault("options", {}) if head == "policy" and rest != "name" else data[head]
            target[rest] = value
        else:
            raise UserError(f"--set {key}: {head!r} has no parts")
    else:
        data["baseline"]["overrides"] = {**data["baseline"]["overrides"], key.removeprefix("baseline."): value}


def parse_setting(text: str) -> tuple[str, Any]:
    """Reads ``name=value``; the value as YAML would.

    Raises:
        UserError: there is no ``=`` or the value is not YAML.
    """
    import yaml

    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"--set: {text!r} is not NAME=VALUE, e.g. --set size=S or --set data.path=/images")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        raise UserError(f"--set {key}: {value!r} cannot be read as a value") from None


def _arguments(source: str, choices: Choices) -> tuple[str, ...]:
    arguments = [source]
    if "seeds" in choices:
        arguments += ["--seeds", ",".join(map(str, choices["seeds"]))]
    if "budget_images" in choices:
        arguments += ["--budget", str(choices["budget_images"])]
    if "rungs" in choices:
        arguments += ["--rungs", ",".join(map(str, choices["rungs"])) or "none"]
    for key, value in choices.get("settings", {}).items():
        arguments += ["--set", f"{key}={_yaml(value)}"]
    if "profile" in choices:
        arguments += ["--profile", choices["profile"]]
    if choices.get("skip_unknown"):
        arguments.append("--skip-unknown")
    return tuple(arguments)


def _yaml(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)


def command_line(verb: str, arguments: Sequence[str], store: Path) -> str:
    """Returns a command a person can paste, with the store where it is not the default one."""
    return shlex.join(["dit-ablate", verb, *arguments, *store_option(store)])


def store_option(store: Path) -> list[str]:
    """Returns the option that names a store, relative to here where that is shorter; nothing for the default."""
    here = Path.cwd()
    if store == here / "dit-ablate-store":
        return []
    return ["--store", str(store.relative_to(here) if store.is_relative_to(here) else store)]
