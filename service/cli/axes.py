"""``dit-ablate axes``."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from service.cli.console import out
from service.cli.options import JsonOption


def axes(
    name: Annotated[
        str | None, typer.Argument(metavar="[AXIS]", help="One axis; without it, all of them.", show_default=False)
    ] = None,
    profile: Annotated[str, typer.Option("--profile", metavar="NAME", help="Whose values to list.")] = "digits",
    json: JsonOption = False,
) -> None:
    """List what can be varied, by group: axes, their values, where they come from; with AXIS, all about one.

    [bold]Examples[/]

    dit-ablate axes

    dit-ablate axes decoder --profile paper
    """
    from dit_core.plugins.installed import load_installed
    from search_spaces.axes import all_axes, find_axis
    from search_spaces.profiles import PROFILES
    from service.analysis.axis_facts import describe
    from service.cli.axes_view import render, render_list

    load_installed()
    chosen = PROFILES.get(profile, "--profile")
    listed = (find_axis(name),) if name is not None else all_axes()
    if json:
        typer.echo(json_text.dumps([describe(axis, chosen) for axis in listed], indent=2))
        return
    out().print(render_list(listed, chosen) if name is None else render(listed[0], chosen))
