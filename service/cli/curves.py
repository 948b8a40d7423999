"""``dit-ablate curves``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dit_core.errors import UserError
from service.cli.console import err
from service.cli.options import STORE_DEFAULT, StoreOption, StudyArgument
from service.cli.written import ToOption, write_text


class CurvesFormat(StrEnum):
    """How the curves are written."""

    csv = "csv"
    parquet = "parquet"


def curves(
    study: StudyArgument,
    form: Annotated[CurvesFormat, typer.Option("--format", help="csv, or parquet (needs --to).")] = CurvesFormat.csv,
    to: ToOption = None,
    store: StoreOption = STORE_DEFAULT,
) -> None:
    """Write every trial's curves as data: training loss and metrics by images seen, with what each arm changes.

    One row per trial, images and quantity.

    [bold]Examples[/]

    dit-ablate curves dit-digits --to curves.csv

    dit-ablate curves dit-digits --format parquet --to curves.parquet
    """
    from service.client import Client
    from service.paper.curves import write_curves

    if form is CurvesFormat.parquet and to is None:
        raise UserError("--to: missing; parquet is no text, so say into which file it goes")
    frame = Client(store=store).curves(study)
    if to is None:
        write_text(frame.to_csv(index=False), None, err())
        return
    write_curves(frame, form.value, to)
    err().print(f"Wrote {to}: {len(frame):,} rows", soft_wrap=True, markup=False)
