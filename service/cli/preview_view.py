"""How a preview looks in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from search_spaces.plan_import import NotUnderstood, Phrase
from service.analysis import preview_text
from service.analysis.preview import Preview
from service.analysis.preview_text import ABLATION_COLUMNS, ARM_COLUMNS, ARM_NUMBERS, LEGEND, STORE_COLUMN


def render(preview: Preview) -> Group:
    """Lays a preview out: head, questions, arms, totals, then sentences."""
    parts: list[RenderableType] = [_head(preview), Text(), _ablations(preview)]
    parts += [Text(f"  {ablation.name}: {note}") for ablation in preview.ablations for note in ablation.notes]
    parts += [Text(), _arms(preview), Text(), Text(preview_text.totals(preview), style="bold")]
    parts += [Text(line) for line in preview_text.left_to_run(preview)]
    parts.append(Text(LEGEND, style="dim"))
    parts += understanding(preview.understood, preview.not_understood)
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
    for column in columns:
        table.add_column(column, justify="right" if column in ARM_NUMBERS else "left", overflow="fold")
    for arm in preview.arms:
        name, *cells = map(Text, preview_text.arm_row(arm, preview))
        if arm.is_baseline:
            name.stylize("bold")
        table.add_row(name, *cells)
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def understanding(understood: Sequence[Phrase], missed: Sequence[NotUnderstood]) -> list[RenderableType]:
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
                said = f'"{phrase.text}"' if phrase.text else "left out"
                table.add_row(phrase.field, Text(said), Text(phrase.meaning))
        parts += [Text(f"  {ablation}"), Padding(table, (0, 0, 0, 4))]
    if missed:
        parts += [Text(), Text("Not understood", style="bold yellow")]
        parts += [Text(f"  - {item}", style="yellow") for item in missed]
    return parts
