"""The commands, put together. Every command lives in a file of its own.

A command imports inside its function what needs torch, pandas, Ray or MLflow: ``--help``, and a mistake in an option,
must not wait seconds for them. Everything else is imported at the top.
"""

from __future__ import annotations

import errno
import functools
import logging
from collections.abc import Callable
from typing import Annotated, Any

import typer

from dit_core.errors import UserError
from service.cli.axes import axes
from service.cli.bundle import bundle, import_bundle
from service.cli.cache_latents import cache_latents
from service.cli.compare import compare
from service.cli.console import LogToTerminal, say_error
from service.cli.curves import curves
from service.cli.doctor import doctor
from service.cli.exit_codes import INCOMPLETE, KILLED, USER_ERROR
from service.cli.export import export
from service.cli.garbage import garbage
from service.cli.import_plan import import_plan
from service.cli.init import init
from service.cli.interrupt import signals_interrupt
from service.cli.mcp import mcp
from service.cli.mirror import mirror
from service.cli.plan import plan
from service.cli.promote import promote
from service.cli.prompt import prompt
from service.cli.queue import queue
from service.cli.remove import remove
from service.cli.repair import repair
from service.cli.report import report
from service.cli.retry import retry
from service.cli.run import run
from service.cli.simulate import simulate
from service.cli.status import status
from service.cli.stop import stop
from service.cli.submit import submit
from service.cli.sync import sync
from service.cli.table import table
from service.cli.ui import ui
from service.cli.usage import Commands
from service.cli.verify import verify

app = typer.Typer(
    name="dit-ablate",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done · 1 trials failed · 2 a mistake in what was given · 3 stopped, ready to continue · "
    "4 a plan that is not understood whole · 130 ended by a second Ctrl-C",
)


@app.callback(invoke_without_command=True)
def _head(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Find out what matters in a Diffusion Transformer.

    Write down what to vary, look at the plan, run it, read the report:

    [bold]dit-ablate plan dit-digits[/]   what would run, and what it costs

    [bold]dit-ablate run dit-digits[/]    run it (again: continue where it stopped)

    [bold]dit-ablate ui[/]                look at every trial in MLflow
    """
    for name in ("dit_core.data", "service.mlflow_sync"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        if not logger.handlers:
            logger.addHandler(LogToTerminal())
    if version:
        from importlib.metadata import version as installed_version

        typer.echo(f"dit-ablate {installed_version('dit-ablate')}")
        raise typer.Exit


def _friendly(command: Callable[..., Any]) -> Callable[..., Any]:
    """One sentence for a user's mistake; an unexpected bug keeps its traceback."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            with signals_interrupt():
                return command(*args, **kwargs)
        except KeyboardInterrupt:
            raise typer.Exit(KILLED) from None
        except UserError as error:
            say_error(str(error))
            raise typer.Exit(INCOMPLETE if error.incomplete else USER_ERROR) from None
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                sentence = f"cannot write {error.filename or 'a file'} ({error.strerror}); what is recorded is kept"
            elif error.errno == errno.ENAMETOOLONG:
                sentence = f"{str(error.filename)[:60]}...: a file's name cannot be that long"
            else:
                raise
        say_error(sentence)
        raise typer.Exit(USER_ERROR)

    return wrapped


_commands: tuple[Callable[..., Any], ...] = (
    init, plan, simulate, run, retry, status, stop, queue, report, table, curves, compare, export, promote, bundle,
    submit, sync, mirror, ui, axes, prompt, mcp, doctor,
)  # fmt: skip
for _command in _commands:
    app.command(_command.__name__)(_friendly(_command))
app.command("verify")(_friendly(verify))
app.command("repair")(_friendly(repair))
app.command("import")(_friendly(import_plan))
app.command("import-bundle")(_friendly(import_bundle))
app.command("rm")(_friendly(remove))
app.command("gc")(_friendly(garbage))
app.command("cache-latents")(_friendly(cache_latents))
