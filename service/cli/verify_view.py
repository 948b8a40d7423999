"""How what is damaged looks, and what was made again."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from service.analysis import numbers
from service.command_text import command_line, from_here
from service.records.store import Store
from service.verify.finding import Finding, Remedy
from service.verify.inspect import Verdict


def show(verdict: Verdict, store: Store, console: Console) -> None:
    """Prints a line for everything damaged, with its cost, and how to go on."""
    damaged = [finding for finding in verdict.findings if finding.counts]
    others = [finding for finding in verdict.findings if not finding.counts]
    for finding in damaged:
        _line(finding, "bold yellow", console)
    if others:
        console.print(Text("Nothing rests on these:", style="dim"))
        for finding in others:
            _line(finding, "dim", console)
    read = ", ".join(
        (
            numbers.plural(len(verdict.studies), "study").replace("studys", "studies"),
            numbers.plural(verdict.trials, "trial"),
            numbers.plural(verdict.checkpoints, "sound checkpoint"),
        )
    )
    if not damaged:
        console.print(f"Sound: {read} read.")
    else:
        console.print(f"{numbers.plural(len(damaged), 'thing')} damaged; {read} read.")
    if any(finding.remedy in (Remedy.RECORD, Remedy.EVALUATE, Remedy.TRAIN) for finding in verdict.findings):
        command = from_here(command_line("repair", verdict.studies if len(verdict.studies) == 1 else [], store.place))
        console.print(f"Make it again: {command}", soft_wrap=True, markup=False)


def _line(finding: Finding, style: str, console: Console) -> None:
    text = Text.assemble(("- ", style), finding.damage.text, "\n    to make it again: ", finding.cost)
    console.print(text, soft_wrap=True)
