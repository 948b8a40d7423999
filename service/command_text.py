"""Commands as text: options that are read, and commands that reproduce a run when they are pasted, from any folder."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dit_core.errors import UserError
from dit_core.paths import expanded
from search_spaces.fields import PATHS, kinds_of
from search_spaces.plain_data import plain
from search_spaces.study import Study
from search_spaces.text_files import read_value, write_value
from service.choices import Choices, plugins_of
from service.default_store import STORE_VARIABLE
from service.redact import has_secret

TRACKING_REFERENCE = "$MLFLOW_TRACKING_URI"
_VARIABLE = re.compile(r"\$[A-Z][A-Z0-9_]*")


def parse_setting(text: str) -> tuple[str, Any]:
    """Reads ``name=value``; a field of text takes its value as typed, others as a study file would read it.

    Raises:
        UserError: there is no ``=``, or quotes or brackets are not closed.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise UserError(f"--set: {text!r} is not NAME=VALUE, e.g. --set size=S or --set data.path=/images")
    try:
        found = read_value(value)
    except UserError as error:
        raise UserError(f"--set {name}: {error}") from None
    return name, value if _takes_text(name) and isinstance(found, int | float) else found


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Reads several ``name=value``.

    Raises:
        UserError: one of them cannot be read, or a name is given twice.
    """
    found: dict[str, Any] = {}
    for name, value in map(parse_setting, texts):
        if name in found:
            raise UserError(f"--set {name}: given twice; keep one of them")
        found[name] = value
    return found


def setting_argument(name: str, value: Any) -> str:
    """Returns ``name=value`` so that ``parse_setting`` reads the same value."""
    value = plain(value, name)
    if isinstance(value, str):
        try:
            if parse_setting(f"{name}={value}") == (name, value):
                return f"{name}={value}"
        except UserError:
            pass  # it needs quotes
    return f"{name}={write_value(value)}"


def _takes_text(name: str) -> bool:
    """Whether a setting is of a field that holds text alone, so that ``2024`` is a name there and no number."""
    if name in Study.model_fields:
        return name in ("name", "description", "primary_metric")
    kinds = kinds_of(name)
    return str in kinds and kinds <= {str, type(None)}


def arguments_of(source: str, choices: Choices, *, paths_here: bool = True) -> tuple[str, ...]:
    """Returns the command-line arguments that open the same study again.

    Args:
        source: what opens it, from any folder.
        choices: what was chosen.
        paths_here: whether paths in the choices are of this machine: relative ones then become absolute.
    """
    arguments = [source]
    if "seeds" in choices:
        seeds = _listed(choices["seeds"])
        arguments += ["--seeds", seeds if "," in seeds or seeds == "0" else f"{seeds},"]  # 3 might mean three seeds
    if "budget_images" in choices:
        arguments += ["--budget", str(choices["budget_images"])]
    if "rungs" in choices:
        arguments += ["--rungs", _listed(choices["rungs"]) or "none"]
    for name, value in choices.get("settings", {}).items():
        arguments += ["--set", setting_argument(name, _from_anywhere(name, value) if paths_here else value)]
    if "profile" in choices:
        arguments += ["--profile", choices["profile"]]
    if choices.get("skip_unknown"):
        arguments.append("--skip-unknown")
    if choices.get("accept_guesses"):
        arguments.append("--accept-guesses")
    for plugin in plugins_of(choices):
        arguments += ["--plugin", str(expanded(plugin, "--plugin").absolute()) if paths_here else plugin]
    if choices.get("trust") and not paths_here:
        arguments.append("--trust")  # there nobody is asked, and nothing is remembered
    return tuple(arguments)


def _listed(numbers: Sequence[int] | int) -> str:
    return ",".join(map(str, [numbers] if isinstance(numbers, int) else numbers))


def _from_anywhere(name: str, value: Any) -> Any:
    """A relative path as it is from any folder; a hub name, which no file is called here, stays."""
    if name.removeprefix("baseline.") not in PATHS or not isinstance(value, str | Path):
        return value
    path = expanded(value, name)
    return str(path.absolute()) if path.exists() else value


def tracking_argument(uri: str) -> str:
    """Returns what a command that is shown or recorded may say for a tracking URI: no password.

    One with a password is left to the shell's variable, from which MLflow reads it as well.
    """
    return TRACKING_REFERENCE if has_secret(uri) else uri


def command_line(verb: str, arguments: Sequence[str], store: str | Path) -> str:
    """Returns a command that a person can paste, whatever the folder and the environment it is pasted in.

    Args:
        verb: the command, e.g. ``run``.
        arguments: what comes after it; ``$NAME`` alone is left to the shell.
        store: the store; a folder becomes absolute, an address stays.
    """
    return join(
        ["dit-ablate", verb, *arguments, "--store", str(store if "://" in str(store) else Path(store).absolute())]
    )


def join(words: Iterable[str]) -> str:
    """Quotes words for a shell as far as they need it; a word that is a variable, ``$NAME``, stays one."""
    return " ".join(f'"{word}"' if _VARIABLE.fullmatch(word) else shlex.quote(word) for word in words)


def from_here(command: str) -> str:
    """Returns a command of ``command_line`` without the store where this shell takes it in any folder.

    The environment may name it. The default store is another one in every folder, so it is written out.
    """
    words = shlex.split(command)
    named = os.environ.get(STORE_VARIABLE)
    if named and words[1:2] != ["submit"] and "--store" in words[:-1]:
        place = words.index("--store")
        if words[place + 1] == named or Path(words[place + 1]) == Path(named).expanduser():
            del words[place : place + 2]
    return join(words)
