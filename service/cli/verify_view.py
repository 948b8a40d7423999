"""How what is damaged looks, and what was made again."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from service.again import again_recorded
from service.analysis import numbers
from service.analysis.damage import DamageKind
from service.cli.program import as_called
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
        command = command_line("repair", verdict.studies if len(verdict.studies) == 1 else [], store.place)
        console.print(f"Make it again: {as_called(from_here(command))}", soft_wrap=True, markup=False)
    for study in dict.fromkeys(finding.damage.study for finding in damaged if _by_run(finding)):
        run = as_called(from_here(again_recorded(store, study)))
        console.print(f"The study's next run: {run}", soft_wrap=True, markup=False)


def _by_run(finding: Finding) -> bool:
    """Whether the study's next run makes it, by the study's name; one without a definition needs its file."""
    return finding.remedy is Remedy.RUN and finding.damage.kind is not DamageKind.DEFINITION


def _line(finding: Finding, style: str, console: Console) -> None:
    text = Text.assemble(("- ", style), finding.damage.text, "\n    to make it again: ", finding.cost)
    console.print(text, soft_wrap=True)
