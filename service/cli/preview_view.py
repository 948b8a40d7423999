"""How a preview looks."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from search_spaces.plan_import import NotUnderstood, Phrase
from service.analysis.preview import AblationPreview, ArmPreview, Preview
from service.analysis.status import StateKind
from service.cli import format as fmt


def render(preview: Preview) -> Group:
    """Lays a preview out: head, questions, arms, totals, then sentences."""
    parts: list[RenderableType] = [_head(preview), Text(), _ablations(preview)]
    parts += [Text(f"  {ablation.name}: {note}") for ablation in preview.ablations for note in ablation.notes]
    parts += [Text(), _arms(preview), Text()]
    parts.append(_totals(preview))
    parts += understanding(preview.understood, preview.not_understood)
    if preview.notes:
        parts += [Text(), Text("Notes", style="bold"), *(Text(f"  - {note}") for note in preview.notes)]
    if preview.blocker is not None:
        parts += [Text(), Text.assemble(("Not ready to run: ", "bold yellow"), _blocker(preview.blocker))]
    return Group(*parts)


def _head(preview: Preview) -> Text:
    rungs = ", ".join(map(fmt.images, preview.rungs)) or "none"
    seeds = ", ".join(map(str, preview.seeds))
    head = Text.assemble(("Study ", "bold"), (preview.study, "bold cyan"))
    if preview.description:
        head.append(f" — {preview.description}")
    head.append(
        f"\nprofile {preview.profile}; seeds {seeds}; budget {fmt.images(preview.budget_images)} images; "
        f"rungs {rungs}; compared on {preview.primary_metric}; policy {preview.policy}"
    )
    return head


def _ablations(preview: Preview) -> Table:
    table = Table(title="Ablations", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("ablation", "axis", "action", "values", "new arms"):
        table.add_column(column, overflow="fold")
    for ablation in preview.ablations:
        table.add_row(
            ablation.name, ablation.axis, ablation.action, _values(preview, ablation), str(len(ablation.adds))
        )
    return table


def _values(preview: Preview, ablation: AblationPreview) -> str:
    baseline = preview.arms[0].name
    return ", ".join(f"{label}*" if arm == baseline else label for label, arm in ablation.arms)


def _arms(preview: Preview) -> Table:
    table = Table(title="Arms", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("arm", overflow="fold")
    for column in ("parameters", "Gflops", "tokens", "trials", "training compute"):
        table.add_column(column, justify="right")
    known = preview.segments is not None
    if known:
        table.add_column("in the store", overflow="fold")
    for arm in preview.arms:
        name = Text(arm.name, style="bold") if arm.is_baseline else Text(arm.name)
        table.add_row(
            name,
            fmt.count(arm.params),
            fmt.gflops(arm.gflops),
            str(arm.tokens),
            str(len(preview.seeds)),
            "evaluates only" if arm.weights_of else fmt.compute(arm.training_gmacs),
            *([_held(arm)] if known else []),
        )
    return table


def _held(arm: ArmPreview) -> str:
    ended = sorted({str(state) for state in arm.states if state.kind in (StateKind.STOPPED, StateKind.DIVERGED)})
    if arm.held == 0 and not ended:
        return "nothing"
    if arm.held == arm.wanted:
        return "all of it"
    text = f"{arm.held} of {arm.wanted} evaluations"
    return f"{text} ({', '.join(ended)})" if ended else text


def _totals(preview: Preview) -> Text:
    text = Text.assemble(
        (fmt.plural(len(preview.arms), "arm"), "bold"),
        " x ",
        fmt.plural(len(preview.seeds), "seed"),
        " = ",
        (fmt.plural(preview.trials, "trial"), "bold"),
        f": {fmt.plural(preview.trainings, 'training')}, {fmt.plural(preview.evaluations, 'evaluation')}"
        f"; training them all to the budget takes {fmt.compute(preview.training_gmacs)} (forward pass x 3).",
    )
    if preview.segments is None or preview.remaining_gmacs is None:
        text.append(
            "\nWhat the store already holds cannot be told yet: a trial is known by its data, which is not ready."
        )
    elif preview.segments == 0:
        text.append("\nThe store holds all of it: a run would go straight to the report.")
    else:
        at_most = "at most " if preview.policy != "none" and preview.rungs else ""
        text.append(
            f"\nLeft to run: {at_most}{fmt.plural(preview.segments, 'segment')} "
            f"(one trial up to its next rung each), {fmt.compute(preview.remaining_gmacs)}."
        )
    for weights in dict.fromkeys(arm.weights_of for arm in preview.arms if arm.weights_of):
        names = ", ".join(arm.name for arm in preview.arms if arm.weights_of == weights)
        text.append(f"\nEvaluates only: no training for {names}; the weights are those of {weights}.")
    text.append("\n* the baseline's own value; arms that several ablations share are trained once.", style="dim")
    return text


def _blocker(sentence: str) -> str:
    """Adds how to settle it, where an option does."""
    return f"{sentence} (give it with --set data.path=FOLDER)" if sentence.startswith("data.path") else sentence


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
                table.add_row(phrase.field, f'"{phrase.text}"' if phrase.text else "left out", phrase.meaning)
        parts += [Text(f"  {ablation}"), Padding(table, (0, 0, 0, 4))]
    if missed:
        parts += [Text(), Text("Not understood", style="bold yellow")]
        parts += [Text(f"  - {item}", style="yellow") for item in missed]
    return parts
