"""``dit-ablate mirror``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import out
from service.cli.options import STORE_DEFAULT, StoreOption, StudyArgument


def mirror(
    study: StudyArgument,
    to: Annotated[
        str, typer.Option("--to", metavar="NAME", help="tensorboard or wandb (Weights & Biases).", show_default=False)
    ],
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="Where it lies.  \\[default: mirrors/NAME]", show_default=False),
    ] = None,
    store: StoreOption = STORE_DEFAULT,
) -> None:
    """Copy a study's curves, metrics, sample grids and verdicts for TensorBoard or Weights & Biases.

    Everything comes from the store's records, also while the study runs. The same command again adds what is new, and
    nothing twice. MLflow and the report do not need it.

    [bold]Examples[/]

    dit-ablate mirror dit-digits --to tensorboard

    dit-ablate mirror dit-digits --to wandb --folder my-wandb
    """
    from service.analysis.numbers import plural
    from service.client import Client
    from service.mirrors.mirroring import mirror_study

    where = folder if folder is not None else Path("mirrors") / to
    done = mirror_study(Client(store=store), study, to, where)
    new = done.added
    parts = [plural(count, one) for count, one in ((new.points, "value"), (new.grids, "sample grid"),
                                                   (new.texts, "text or table")) if count]  # fmt: skip
    said = f"{', '.join(parts)} added" if parts else "nothing is new"
    again = "; the study is running: the same command adds what comes" if done.running else ""
    out().print(f"{plural(done.runs, 'run')} in {where}, {said}{again}", soft_wrap=True, markup=False)
    out().print(done.look[0].upper() + done.look[1:], soft_wrap=True, markup=False)
