"""What a preview says, in sentences and in plain columns; the command line lays the same words out in colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from service.analysis import numbers
from service.analysis.numbers import plural, whole
from service.analysis.status import StateKind
from service.cost.text import device_hours, estimate_text

if TYPE_CHECKING:
    from service.analysis.preview import AblationPreview, ArmPreview, Preview

ABLATION_COLUMNS = ("ablation", "axis", "action", "values", "new arms")
ARM_COLUMNS = ("arm", "parameters", "Gflops", "tokens", "trials", "training compute")
STORE_COLUMN = "in the store"
ARM_NUMBERS = frozenset(ARM_COLUMNS[1:])
LEGEND = "* the baseline's own value; arms that several ablations share are trained once."


def plain_text(preview: Preview) -> str:
    """Returns a preview as plain text."""
    return "\n".join(line.rstrip() for line in _lines(preview)) + "\n"


def settings(preview: Preview) -> str:
    """One line on how the study runs."""
    rungs = ", ".join(map(whole, preview.rungs)) or "none"
    equal = "" if preview.compare_at == "images" else f" at equal {preview.compare_at.replace('-', ' ')}"
    return (
        f"profile {preview.profile}; seeds {', '.join(map(str, preview.seeds))}; budget "
        f"{whole(preview.budget_images)} images; rungs {rungs}; compared on {preview.primary_metric}{equal}; "
        f"policy {preview.policy}"
    )


def ablation_row(ablation: AblationPreview, preview: Preview) -> tuple[str, ...]:
    """An ablation's cells, in the order of ``ABLATION_COLUMNS``; a star marks the baseline's value."""
    baseline = preview.arms[0].name
    values = ", ".join(f"{label}*" if arm == baseline else label for label, arm in ablation.arms)
    return ablation.name, ablation.axis, ablation.action, values, str(len(ablation.adds))


def arm_row(arm: ArmPreview, preview: Preview) -> tuple[str, ...]:
    """An arm's cells, in the order of ``ARM_COLUMNS``, and what the store holds of it where that is known."""
    cells = (
        arm.name,
        numbers.short(arm.params),
        numbers.gflops(arm.gflops),
        whole(arm.tokens),
        whole(len(preview.seeds)),
        "evaluates only" if arm.weights_of else numbers.compute(arm.training_gmacs),
    )
    return cells if preview.segments is None else (*cells, _held(arm))


def totals(preview: Preview) -> str:
    """How many trials, trainings and evaluations there are, and what training them takes."""
    return (
        f"{plural(len(preview.arms), 'arm')} x {plural(len(preview.seeds), 'seed')} = "
        f"{plural(preview.trials, 'trial')}: {plural(preview.trainings, 'training')}, "
        f"{plural(preview.evaluations, 'evaluation')}; training them all to the budget takes "
        f"{numbers.compute(preview.training_gmacs)} (forward pass x 3)."
    )


def left_to_run(preview: Preview) -> Iterator[str]:
    """Sentences on what the store holds and what a run would do."""
    if preview.segments is None or preview.remaining_gmacs is None:
        yield "What the store already holds cannot be told yet: a trial is known by its data, which is not ready."
    elif preview.segments == 0:
        yield "The store holds all of it: a run would go straight to the report."
    else:
        at_most = "at most " if preview.policy != "none" and preview.rungs else ""
        yield (
            f"Left to run: {at_most}{plural(preview.segments, 'segment')} (one trial up to its next rung each), "
            f"{numbers.compute(preview.remaining_gmacs)}."
        )
    yield from estimate_text(preview.estimate, preview.resources, done=preview.segments == 0)
    yield from with_others(preview)
    for weights in dict.fromkeys(arm.weights_of for arm in preview.arms if arm.weights_of):
        names = ", ".join(arm.name for arm in preview.arms if arm.weights_of == weights)
        yield f"Evaluates only: no training for {names}; the weights are those of {weights}."


def with_others(preview: Preview) -> Iterator[str]:
    """Sentences on the studies that run with this one, and what all of them take."""
    for other in preview.also:
        segments = "" if other.segments is None else f"{plural(other.segments, 'segment')}, "
        left = "nothing is left" if other.segments == 0 else segments + device_hours(other.estimate.ahead.total)
        yield f"With it runs study {other.study} ({other.description}): {left}."
    if preview.also:
        yield f"All together: {device_hours(preview.ahead)}."
        limit = preview.estimate.limit
        if limit is not None:
            yield f"{limit.text} is for all of it together."


def how_to_settle(blocker: str) -> str:
    """Says why a run would not start, and how to settle it where an option does."""
    wanted = blocker.startswith("data.path: required")
    return f"{blocker} (give it with --set data.path=FOLDER)" if wanted else blocker


def _held(arm: ArmPreview) -> str:
    ended = sorted({str(state) for state in arm.states if state.kind in (StateKind.STOPPED, StateKind.DIVERGED)})
    if arm.held == 0 and not ended:
        return "nothing"
    if arm.held == arm.wanted:
        return "all of it"
    text = f"{arm.held} of {arm.wanted} evaluations"
    return f"{text} ({', '.join(ended)})" if ended else text


def _lines(preview: Preview) -> Iterator[str]:
    yield f"Study {preview.study}" + (f" — {preview.description}" if preview.description else "")
    yield settings(preview)
    yield ""
    yield "Ablations"
    yield from _table(ABLATION_COLUMNS, [ablation_row(item, preview) for item in preview.ablations], frozenset())
    for ablation in preview.ablations:
        yield from (f"  {ablation.name}: {note}" for note in (*ablation.notes, *ablation.differs))
    yield ""
    yield "Arms"
    columns = ARM_COLUMNS if preview.segments is None else (*ARM_COLUMNS, STORE_COLUMN)
    yield from _table(columns, [arm_row(arm, preview) for arm in preview.arms], ARM_NUMBERS)
    yield ""
    yield totals(preview)
    yield from left_to_run(preview)
    yield LEGEND
    if preview.understood:
        yield from ("", "How the plan was understood", *(f"  - {phrase}" for phrase in preview.understood))
    if preview.not_understood:
        yield from ("", "Not understood", *(f"  - {item}" for item in preview.not_understood))
    if preview.questions:
        yield from ("", "To settle", *(f"  - {item}" for item in preview.questions))
    if preview.guesses:
        yield from ("", "Guesses that were accepted", *(f"  - {item}" for item in preview.guesses))
    if preview.notes:
        yield from ("", "Notes", *(f"  - {note}" for note in preview.notes))
    if preview.blocker is not None:
        yield from ("", f"Not ready to run: {how_to_settle(preview.blocker)}")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[str]) -> Iterator[str]:
    widths = [max(len(cell) for cell in cells) for cells in zip(columns, *rows, strict=True)]
    for row in (columns, ["-" * width for width in widths], *rows):
        yield "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
