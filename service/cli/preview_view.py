"""How a preview looks in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from service.analysis import preview_text
from service.analysis.preview import Preview
from service.analysis.preview_text import ABLATION_COLUMNS, ARM_COLUMNS, ARM_NUMBERS, LEGEND, STORE_COLUMN

if TYPE_CHECKING:
    from search_spaces.plan_import import NotUnderstood, Phrase, Question

LONGEST_WORD = 36
"""Characters of an arm's name that are never broken, however narrow the terminal is."""


def render(preview: Preview) -> Group:
    """Lays a preview out: head, questions, arms, totals, then sentences."""
    parts: list[RenderableType] = [_head(preview), Text(), _ablations(preview)]
    for ablation in preview.ablations:
        parts += [Text(f"  {ablation.name}: {note}") for note in ablation.notes]
        parts += [Text(f"  {ablation.name}: {what}", style="yellow") for what in ablation.differs]
    parts += [Text(), _arms(preview), Text(), Text(preview_text.totals(preview), style="bold")]
    parts += [Text(line) for line in preview_text.left_to_run(preview)]
    parts.append(Text(LEGEND, style="dim"))
    parts += understanding(preview.understood, preview.not_understood, preview.questions, preview.guesses)
    if preview.notes:
        parts += [Text(), Text("Notes", style="bold"), *(Text(f"  - {note}") for note in preview.notes)]
    if preview.blocker is not None:
        how = preview_text.how_to_settle(preview.blocker)
        parts += [Text(), Text.assemble(("Not ready to run: ", "bold yellow"), how)]
    return Group(*parts)


def _head(preview: Preview) -> Text:
    head = Text.assemble(("Study ", "bold"), (preview.study, "bold cyan"))
    if preview.description:
        head.append(f" — {preview.description}")
    return head.append(f"\n{preview_text.settings(preview)}")


def _ablations(preview: Preview) -> Table:
    table = _table("Ablations")
    for column in ABLATION_COLUMNS:
        table.add_column(column, overflow="fold")
    for ablation in preview.ablations:
        table.add_row(*map(Text, preview_text.ablation_row(ablation, preview)))
    return table


def _arms(preview: Preview) -> Table:
    table = _table("Arms")
    columns = ARM_COLUMNS if preview.segments is None else (*ARM_COLUMNS, STORE_COLUMN)
    longest = max((len(word) for arm in preview.arms for word in arm.name.split()), default=0)
    table.add_column(columns[0], overflow="fold", min_width=min(longest, LONGEST_WORD))
    for column in columns[1:]:
        table.add_column(column, justify="right" if column in ARM_NUMBERS else "left", overflow="fold")
    for arm in preview.arms:
        name, *cells = map(Text, preview_text.arm_row(arm, preview))
        if arm.is_baseline:
            name.stylize("bold")
        table.add_row(name, *cells)
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def one_line(said: object) -> str:
    """Returns what is said, or quoted of a plan, with every stretch of white space in it as one space."""
    return " ".join(str(said).split())


def understanding(
    understood: Sequence[Phrase],
    missed: Sequence[NotUnderstood],
    questions: Sequence[Question] = (),
    guesses: Sequence[Question] = (),
) -> list[RenderableType]:
    """Lays out how the phrases of a written plan were understood, ablation by ablation, and what was not."""
    parts: list[RenderableType] = []
    if understood:
        parts += [Text(), Text("How the plan was understood", style="bold")]
    for ablation in dict.fromkeys(phrase.ablation for phrase in understood):
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold", max_width=40)
        table.add_column(overflow="fold")
        for phrase in understood:
            if phrase.ablation == ablation:
                said = f'"{one_line(phrase.text)}"' if phrase.text else "left out"
                table.add_row(one_line(phrase.field), Text(said), Text(one_line(phrase.meaning)))
        parts += [Text(f"  {one_line(ablation)}"), Padding(table, (0, 0, 0, 4))]
    if missed:
        parts += [Text(), Text("Not understood", style="bold yellow")]
        parts += [Text(f"  - {one_line(item)}", style="yellow") for item in missed]
    for title, asked in (("To settle", questions), ("Guesses that were accepted", guesses)):
        if asked:
            parts += [
                Text(),
                Text(title, style="bold yellow"),
                *(Text(f"  - {one_line(item)}", style="yellow") for item in asked),
            ]
    return parts
