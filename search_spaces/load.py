"""Where studies come from: a preset's name, a YAML file, or a written plan; and how one is written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dit_core.errors import UserError, nearest, parse
from dit_core.paths import expanded
from search_spaces.expand import expand
from search_spaces.plan_files import is_plan_file
from search_spaces.plan_suffixes import PLANS_ARE
from search_spaces.study import Study
from search_spaces.text_files import read_text, read_yaml, write_value, write_yaml
from search_spaces.types import Expansion

_PRESETS = Path(__file__).parent / "presets"
_STUDY_FILES = (".yaml", ".yml")
MOST_ARMS = 10_000
MOST_TRIALS = 100_000
"""What a study may ask for before its plan takes minutes; nobody has had a tenth of it."""


def presets() -> tuple[str, ...]:
    """Returns the names of the studies that come with the package."""
    return tuple(sorted(path.stem for path in _PRESETS.glob("*.yaml")))


def is_plan(source: str | Path) -> bool:
    """Returns whether ``source`` names a written plan rather than a preset or a study file."""
    return is_plan_file(Path(source))


def load_study(source: str | Path | Study, *, skip_unknown: bool = False, profile: str = "digits") -> Study:
    """Loads a study and checks that it expands, so that what is wrong is known at once.

    Args:
        source: a preset's name, a YAML file, a plan file (Markdown, JSON, JSON lines), or a ``Study``.
        skip_unknown: leave out what a plan says and nobody understands, instead of refusing it.
        profile: the baseline of a plan, which names none.

    Raises:
        UserError: in one sentence, opened by the file's name, what is wrong.
    """
    if isinstance(source, Study):
        expand(source)
        return source
    if is_plan(source):
        from search_spaces.plan_import import import_plan  # see search_spaces.plan_files

        return import_plan(source, profile=profile).require_complete(skip_unknown)
    return study_from_data(read_study_file(source), str(source))


def read_study_file(source: str | Path) -> dict[str, Any]:
    """Reads a preset or a study file as the plain data that it holds, before anything of it is checked.

    Raises:
        UserError: there is no such file, or it is not YAML, or no mapping.
    """
    return _read_data(read_text(_resolve(source)), str(source))


def study_from_yaml(text: str, where: str = "study") -> Study:
    """Builds and checks a study from YAML text; ``where`` opens every error."""
    return study_from_data(_read_data(text, where), where)


def study_from_data(data: Mapping[str, Any], where: str = "") -> Study:
    """Builds a study from plain data and checks that it expands; ``where`` opens every error."""
    study = parse(Study, data, where)
    try:
        _refuse_too_many(expand(study))
    except UserError as error:
        raise UserError(f"{where}: {error}" if where else str(error)) from None
    return study


def _refuse_too_many(expansion: Expansion) -> None:
    study, arms = expansion.study, len(expansion.arms)
    if arms > MOST_ARMS:
        raise UserError(f"the study has {arms:,} arms; allowed: at most {MOST_ARMS:,}")
    if arms * len(study.seeds) > MOST_TRIALS:
        raise UserError(
            f"seeds: {len(study.seeds):,} seeds of {arms:,} arms are {arms * len(study.seeds):,} trials; allowed: at "
            f"most {MOST_TRIALS:,}"
        )


def _read_data(text: str, where: str) -> dict[str, Any]:
    data = read_yaml(text, where)
    if not isinstance(data, dict):
        raise UserError(
            f"{where}: not a study but {_found(data, text)}; a study file is a mapping with name, baseline and "
            "ablations, grid or ladder"
        )
    return {"name": Path(where).stem, **data}


def _found(data: Any, text: str) -> str:
    """What stands in a file instead of a mapping."""
    if data is None:
        lines = (line.strip() for line in text.splitlines())
        return "null" if any(line and not line.startswith(("#", "---")) for line in lines) else "an empty file"
    if isinstance(data, list):
        return f"a list of {len(data):,}"
    if isinstance(data, str):
        return f"the text {data!r:.60}"
    return write_value(data) if isinstance(data, bool) else f"the number {data}"


def dump_study(study: Study, comments: Iterable[str] = ()) -> str:
    """Returns a study as YAML that loads as an equal study.

    Args:
        study: the study.
        comments: sentences to put on top, such as what of a plan is missing from it.
    """
    data = study.model_dump(mode="json")
    if data["checkpoint_images"] is None:
        del data["checkpoint_images"]  # a study that says its budget has no other
    for key in ("description", "ablations", "grid", "ladder", "search", "tune", "plugins"):
        if not data[key]:
            del data[key]
    for spec in (data.get("search", {}), data.get("tune", {})):
        for key, plain in (("around", "baseline"), ("finalists", 0), ("images", None)):
            if key in spec and spec[key] == plain:
                del spec[key]
    if "finalists" not in data.get("search", {}):
        data.get("search", {}).pop("final_seeds", None)
    if not data["baseline"]["overrides"]:
        del data["baseline"]["overrides"]
    if data["baseline"]["point"] == "profile":
        del data["baseline"]["point"]
    for ablation in data.get("ablations", ()):
        if not ablation["name"]:
            del ablation["name"]
        if not ablation["values"]:
            del ablation["values"]
        if ablation["controls"] == "none":
            del ablation["controls"]
        if ablation["grid"] or ablation["zip"] or ablation["leave_one_out"]:
            del ablation["axis"], ablation["action"]
        for key in ("grid", "effects", "generators", "when", "sample", "draw", "zip", "leave_one_out", "within"):
            if not ablation[key]:
                del ablation[key]
    data["policy"] = {"name": study.policy.name, **data["policy"]["options"]}
    head = "".join(f"# {' '.join(str(comment).split())}\n" for comment in comments)
    return head + write_yaml(data)


def _resolve(source: str | Path) -> Path:
    if not str(source).strip():
        raise UserError(f"no study given; give a study file, a plan or a preset: {', '.join(presets())}")
    preset = _PRESETS / f"{source}.yaml"
    if isinstance(source, str) and source in presets():
        return preset
    path = expanded(source)
    if path.is_dir():
        raise UserError(f"{source}: is a folder; give a study file (.yaml), a plan or a preset; {PLANS_ARE}")
    if not path.exists():
        known = presets()
        guess = nearest(source, known)
        hint = f"; did you mean {guess!r}?" if guess else ""
        raise UserError(f"{source}: no such study file or preset; presets: {', '.join(known)}{hint}")
    if path.suffix.lower() not in _STUDY_FILES:
        raise UserError(f"{source}: unknown kind of file; a study file ends in .yaml, and {PLANS_ARE}")
    return path
