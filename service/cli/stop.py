"""``dit-ablate stop``."""

from __future__ import annotations

from service.cli.console import out
from service.cli.options import STORE_DEFAULT, StoreOption, StudyArgument


def stop(study: StudyArgument, store: StoreOption = STORE_DEFAULT) -> None:
    """Ask a running study to checkpoint and end; running it again continues.

    [bold]Example[/]

    dit-ablate stop dit-digits
    """
    from service.client import Client

    running = Client(store=store).stop(study)
    if running:
        out().print("Asked to stop: the trials in flight write a checkpoint first; the same run command continues.")
    else:
        out().print("Nothing to stop: no run of this study is going on.")
