"""``dit-ablate rm``."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from dit_core.errors import UserError
from service.cli.asking import at_terminal
from service.cli.console import err, out
from service.cli.exit_codes import INTERRUPTED
from service.cli.options import STORE_DEFAULT, JsonOption, StoreOption


def remove(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A study in the store.", show_default=False)],
    store: StoreOption = STORE_DEFAULT,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove it without asking.")] = False,
    json: JsonOption = False,
) -> None:
    """Remove a study, and the weights and measurements that no other study needs. It cannot be undone.

    What other studies of the store share with it stays. Its pages in MLflow stay, too. A study that is being run is
    not removed. `dit-ablate bundle` keeps a copy.

    [bold]Example[/]

    dit-ablate rm my-first-try
    """
    from service.analysis import numbers
    from service.client import Client

    def tell(text: str) -> None:
        err().print(text, soft_wrap=True, markup=False)

    client = Client(store=store)
    planned = client.remove(study, dry_run=True, tell=tell)
    room = "" if planned.size is None else f", {numbers.room(planned.size)}"
    what = f"study {study} and {numbers.plural(len(planned.weights), 'trained trial')}{room}"
    if not yes:
        if not at_terminal():
            raise UserError(f"rm: this would remove {what}, and nobody can be asked; say --yes")
        if planned.kept:
            tell(f"{numbers.plural(len(planned.kept), 'trial')} stay: other studies need them")
        if not typer.confirm(f"Remove {what}? It cannot be undone.", err=True):
            tell("Nothing was removed.")
            raise typer.Exit(INTERRUPTED)
    done = client.remove(study, tell=tell)
    if json:
        typer.echo(json_text.dumps(done.to_json(), indent=2))
        return
    out().print(f"Removed {what}.", soft_wrap=True, markup=False)
    if done.kept:
        studies = sorted({name for names in done.kept.values() for name in names})
        kept = numbers.plural(len(done.kept), "trial")
        out().print(f"Kept {kept} that {', '.join(studies)} also needs.", soft_wrap=True, markup=False)
