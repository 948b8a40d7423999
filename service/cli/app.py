"""The commands, put together. Every command lives in a file of its own, which is imported when it is asked for.

A command imports inside its function what needs torch, pandas, Ray or MLflow: ``--help``, and a mistake in an option,
must not wait seconds for them. Everything else is imported at the top.
"""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from service.cli.console import LogToTerminal
from service.cli.usage import Commands

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
    for name in ("dit_core.data", "service.mlflow_sync", "service.engine.watch"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        if not logger.handlers:
            logger.addHandler(LogToTerminal())
    if version:
        from importlib.metadata import version as installed_version

        typer.echo(f"dit-ablate {installed_version('dit-ablate')}")
        raise typer.Exit
