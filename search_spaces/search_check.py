"""Whether a search can propose anything that runs, and tuning leaves something to ask: known before the first trial."""

from __future__ import annotations

from typing import Any

from dit_core.errors import UserError, unknown
from search_spaces.arms import Arms
from search_spaces.domain import Domain
from search_spaces.fields import PATHS, flat, with_fields
from search_spaces.overrides import fields_of, read_settings, refuse_two_names
from search_spaces.search_space import GFLOPS, Proposing, SearchSpec
from search_spaces.tuning import TuneSpec


def check_search(search: Proposing, arms: Arms, where: str = "search") -> None:
    """Tries the ends and the middle of every range, and every value of a choice, on top of the baseline.

    Args:
        search: what values are proposed from.
        arms: the study's arms.
        where: the field of the study that says so; opens every error.

    Raises:
        UserError: an unknown axis or field, two names for one field, a value outside the field's limits, or an
            objective that nobody measures.
    """
    refuse_two_names(search.values, where)
    measured = (*arms.baseline.evaluation.metrics, GFLOPS)
    for objective in search.objectives if isinstance(search, SearchSpec) else ():
        if objective not in measured:
            raise unknown(f"{where}.objectives", objective, measured)
    for name, domain in search.values.items():
        if name in PATHS:
            raise UserError(f"{where}.{name}: a file or folder is not proposed; give axes or fields with values")
        tried = _probes(domain)
        errors = [error for value in tried if (error := _error(name, value, arms, where)) is not None]
        if errors and (len(errors) == len(tried) or domain.kind in ("uniform", "loguniform", "choice")):
            none = f"no value of {domain.text} can run, e.g.: " if len(errors) == len(tried) else ""
            raise UserError(f"{where}.{name}: {none}{errors[0]}")


def check_tuned(tune: TuneSpec, arms: Arms) -> None:
    """Refuses to tune what an arm is there to ask about.

    Args:
        tune: the tuning.
        arms: the study's arms.

    Raises:
        UserError: an arm differs from the baseline in nothing but what is tuned.
    """
    tuned = {field: name for name in tune.values for field in fields_of(name, "tune")}
    before = flat(arms.baseline)
    for arm in arms.found.values():
        changed = [field for field, value in flat(arm.config).items() if value != before[field]]
        if changed and all(field in tuned for field in changed):
            name = tuned[changed[0]]
            raise UserError(
                f"tune.{name}: arm {arm.name!r} differs from the baseline in {name} alone, which would be chosen for "
                "it; ask about it or tune it, not both"
            )


def _probes(domain: Domain) -> tuple[Any, ...]:
    if domain.kind == "choice":
        return domain.values
    if domain.finite is not None:
        values = domain.finite
        return tuple(dict.fromkeys((values[0], values[len(values) // 2], values[-1])))
    middle = (domain.low * domain.high) ** 0.5 if domain.is_log else (domain.low + domain.high) / 2
    return tuple(map(domain.canonical, (domain.low, middle, domain.high)))


def _error(name: str, value: Any, arms: Arms, where: str) -> str | None:
    try:
        with_fields(arms.baseline, read_settings({name: value}, arms.baseline, arms.profile, where))
    except UserError as error:
        return str(error).removeprefix(f"{where}: ")
    return None
