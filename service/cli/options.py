"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dit_core.errors import UserError
from search_spaces.plan_suffixes import PLANS_ARE
from service.default_store import DEFAULT_STORE, STORE_VARIABLE

StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A preset (dit-digits, dit-paper, dit-modern), a study file (.yaml), a written plan, "
        f"or the name of a study that the store holds; {PLANS_ARE}.",
        show_default=False,
    ),
]
StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        envvar=STORE_VARIABLE,
        help="Folder, or s3://BUCKET/PREFIX, for checkpoints and records; shared by any number of studies.",
    ),
]
TrackingOption = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        envvar="MLFLOW_TRACKING_URI",
        help="MLflow tracking URI.  \\[default: SQLite inside the store]",
        show_default=False,
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        envvar="RAY_ADDRESS",
        help="Ray cluster to run on.  \\[default: a Ray of its own on this machine]",
        show_default=False,
    ),
]
SeedsOption = Annotated[
    str | None, typer.Option("--seeds", metavar="0,1,2", help="Training seeds; every arm runs with each.")
]
BudgetOption = Annotated[
    int | None,
    typer.Option(
        "--budget", metavar="IMAGES", help="Training images of a finished trial; rungs beyond it are dropped."
    ),
]
RungsOption = Annotated[
    str | None,
    typer.Option("--rungs", metavar="N,M", help="Images at which arms are compared; 'none' for no rungs."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change the baseline (an axis: size=S; a config field: data.path=/images) "
        "or the study (policy=none, resources.workers=2). Repeat as needed.",
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile", metavar="NAME", help="Baseline profile, e.g. digits, paper or pixels-32.", show_default=False
    ),
]
SkipUnknownOption = Annotated[
    bool,
    typer.Option("--skip-unknown", help="Leave out what could not be understood in a plan (it is listed) and go on."),
]
AcceptGuessesOption = Annotated[
    bool,
    typer.Option("--accept-guesses", help="Take the best reading of what a plan leaves open (it is listed) and go on."),
]
PluginOption = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        help="A Python file, or a package's folder, that registers parts of your own; naming it here lets it run. "
        "Repeat as needed.",
    ),
]
TrustOption = Annotated[
    bool, typer.Option("--trust", help="Let the code that the study names run on this machine, now and later.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]

STORE_DEFAULT = DEFAULT_STORE


def refuse_dashboard(address: str | None, command: str) -> None:
    """Refuses a dashboard where the cluster's own address is needed.

    Raises:
        UserError: what to give, and what to do from where only the dashboard can be reached.
    """
    if not address or not address.startswith(("http://", "https://")):
        return
    if command == "run":
        instead = "which takes jobs: use `dit-ablate submit`"
    else:
        instead = f"from there use `ray job submit --address {address} -- dit-ablate {command} --address auto`"
    raise UserError(
        f"address: {address} is a dashboard, {instead}; `{command}` needs the cluster's own address, e.g. head:6379"
    )


def choices(
    *,
    seeds: str | None = None,
    budget: int | None = None,
    rungs: str | None = None,
    settings: list[str] | None = None,
    profile: str | None = None,
    skip_unknown: bool = False,
    accept_guesses: bool = False,
    plugins: list[str] | None = None,
    trust: bool = False,
) -> dict[str, Any]:
    """Turns the options' text into the keyword arguments of ``Client.plan``, ``run`` and ``submit``.

    Raises:
        UserError: an option cannot be read.
    """
    from service.command_text import parse_settings

    found: dict[str, Any] = {}
    if seeds is not None:
        found["seeds"] = _seeds(seeds)
    if budget is not None:
        found["budget_images"] = budget
    if rungs is not None:
        found["rungs"] = () if rungs.strip().lower() == "none" else _integers("--rungs", rungs, "12800,25600, or none")
    if settings:
        found["settings"] = parse_settings(settings)
    if profile is not None:
        found["profile"] = profile
    if skip_unknown:
        found["skip_unknown"] = True
    if accept_guesses:
        found["accept_guesses"] = True
    if plugins:
        found["plugins"] = tuple(plugins)
    if trust:
        found["trust"] = True
    return found


def _seeds(text: str) -> tuple[int, ...]:
    """Reads seeds. One number above 0 might be how many are meant, or which; with a comma behind it, it is which."""
    found = _integers("--seeds", text, "0,1,2")
    if len(found) == 1 and found[0] > 0 and "," not in text:
        from search_spaces.seeds import so_many

        raise UserError(
            f"--seeds: {text} given; write {so_many(found[0], ',')}, or {text}, (with the comma) for seed number {text}"
        )
    return found


def _integers(option: str, text: str, like: str) -> tuple[int, ...]:
    try:
        parts = text.replace("_", "").split(",")
        return tuple(int(part) for part in (parts if parts[-1].strip() else parts[:-1]))  # a comma may end it
    except ValueError:
        raise UserError(f"{option}: {text!r} is not a list of whole numbers; write it like {like}") from None
