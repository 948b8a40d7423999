"""The report's section on tuned arms: what each chose, tuned beside untuned, and whose optimum moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dit_core.metrics import direction
from search_spaces.axes.base import number
from search_spaces.tuned import TUNING
from service.analysis.cells import final
from service.analysis.numbers import NOTHING, MetricFormat, plural, significant
from service.analysis.sentences import listing
from service.analysis.summary import Summary
from service.analysis.tuned_arms import Choice, Moved
from service.report.style import BASELINE, MARKERS, OKABE_ITO, canvas, png
from service.report.tables import Column, Row, Table
from service.statistics.contrast import Kind
from service.tuning.candidates import mean_of


def sentences(found: Sequence[Choice], summary: Summary) -> list[str]:
    """Says how arms were tuned, whose optimum moves, what lies at an edge, and what all of it rests on."""
    study = summary.study
    tune = study.tune
    assert tune is not None
    text = [tune.text(study)]
    moved = [choice for choice in found if choice.moved is not None]
    text += [_moved(choice, summary) for choice in sorted(moved, key=lambda own: not _is_clear(own))]
    stays = [choice.tuned.arm for choice in found[1:] if choice.moved is None]
    if stays:
        have = "have their optimum" if len(stays) > 1 else "has its optimum"
        text.append(f"{listing(stays)} {have} where the baseline has it, among what was tried.")
    for choice in found:
        if choice.edges:
            told = listing(f"{name} {_shown(choice.chosen[name])}" for name in choice.edges)
            text.append(
                f"{choice.tuned.arm}: {told} lies at the edge of its range, so a better value may lie beyond it; a "
                "wider range tells."
            )
    if moved:
        text.append(
            f"That rests on {plural(len(tune.seeds), 'tuning seed')} and a rung of {tune.rung(study):,} images, and "
            "the best of several looks better than it is. What tuning brings, and whether it changes what is "
            "compared, is said on the study's own seeds."
        )
    return text


def table(found: Sequence[Choice], summary: Summary, shown: MetricFormat) -> Table:
    """Returns a row per arm: its own values and the chosen ones, tuned beside untuned."""
    study = summary.study
    tune, metric = study.tune, study.primary_metric
    assert tune is not None
    names = list(tune.values)
    columns = [Column("arm")]
    for name in names:
        columns += [Column(f"{name}, own", True), Column(f"{name}, chosen", True)]
    columns += [
        Column(f"{metric} at {tune.rung(study):,} with its own", True),
        Column("with the chosen", True),
        Column(f"untuned: {metric}", True),
        Column(f"tuned: {metric}", True),
        Column("tuned − untuned", True),
    ]
    rows = []
    for choice in found:
        arm, tuned = summary.arm(choice.tuned.arm), summary.arm(choice.tuned.name)
        verdict = summary.verdicts.at(TUNING, f"{arm.arm.name}, tuned", Kind.BESIDE)
        cells = [arm.arm.name]
        for name in names:
            edge = " (edge)" if name in choice.edges else ""
            cells += [_shown(choice.own[name]), f"{_shown(choice.chosen[name])}{edge}"]
        cells += [
            NOTHING if choice.before is None else significant(choice.before),
            NOTHING if choice.after is None else significant(choice.after),
            final(arm, summary, shown),
            final(tuned, summary, shown),
            "the same arm" if arm is tuned else NOTHING if verdict is None else shown.difference(verdict),
        ]
        rows.append(Row(tuple(cells), strong=arm.arm.is_baseline))
    tail = f"Values at {tune.rung(study):,} images are means over the tuning seeds, all others over the study's seeds."
    return Table(tuple(columns), tuple(rows), tail)


def figure(found: Sequence[Choice], summary: Summary) -> bytes | None:
    """Draws what every arm scored at the short rung by each tuned value, the chosen one filled; PNG bytes."""
    study = summary.study
    tune, metric = study.tune, study.primary_metric
    assert tune is not None
    if not any(mean_of(candidate) is not None for choice in found for candidate in choice.tuned.chosen_from):
        return None
    names = list(tune.values)
    with canvas(max(4.6, 3.4 * len(names)), 3.0, ncols=len(names), sharey=True, squeeze=False) as (picture, panels):
        for axes, name in zip(panels[0], names, strict=True):
            domain = tune.values[name]
            for place, choice in enumerate(found):
                colour = BASELINE if place == 0 else OKABE_ITO[(place - 1) % len(OKABE_ITO)]
                points = sorted(
                    (domain.values.index(value) if domain.kind == "choice" and value in domain.values else value, mean)
                    for candidate in choice.tuned.chosen_from
                    if (mean := mean_of(candidate)) is not None
                    for value in (candidate.values[name],)
                    if domain.kind != "choice" or value in domain.values
                )
                line = "-" if len(names) == 1 else ""
                axes.plot(
                    *zip(*points, strict=True) if points else ((), ()),
                    ls=line, marker=MARKERS[place % len(MARKERS)], ms=4, mfc="white", color=colour, lw=1.1,
                    label=choice.tuned.arm,
                )  # fmt: skip
                if choice.after is not None and (domain.kind != "choice" or choice.chosen[name] in domain.values):
                    own = choice.chosen[name]
                    x = domain.values.index(own) if domain.kind == "choice" else own
                    axes.plot([x], [choice.after], marker=MARKERS[place % len(MARKERS)], ms=8, color=colour, zorder=4)
            if domain.is_log:
                axes.set_xscale("log")
            if domain.kind == "choice":
                axes.set_xticks(range(len(domain.values)), map(str, domain.values))
            axes.set_xlabel(name.replace("_", " "))
        panels[0][0].set_ylabel(f"{metric} ({direction.better(metric)} is better)")
        panels[0][-1].legend(fontsize=7)
        return png(picture)


def data(found: Sequence[Choice], summary: Summary) -> dict[str, Any]:
    """Returns everything that the section shows, as plain JSON data."""
    tune = summary.study.tune
    assert tune is not None
    return {
        "tune": {**tune.model_dump(mode="json"), "images": tune.rung(summary.study)},
        "arms": [choice.to_json() for choice in found],
    }


def _is_clear(choice: Choice) -> bool:
    return choice.moved is not None and choice.moved.clear


def _moved(choice: Choice, summary: Summary) -> str:
    moved, tune, metric = choice.moved, summary.study.tune, summary.study.primary_metric
    assert moved is not None and tune is not None
    told = listing(
        f"{name} {_shown(own)}, where the baseline is best with {_shown(base)}{_times(own, base)}"
        for name, (own, base) in moved.values.items()
    )
    text = f"{'The optimum moves: ' if moved.clear else ''}{choice.tuned.arm} is best with {told}."
    if moved.shared is None:
        return f"{text} {_noise(moved, len(tune.seeds))}"
    seeds = "" if moved.seeds < 2 else f"; its own are better at {moved.better_seeds} of {moved.seeds} tuning seeds"
    return (
        f"{text} With the baseline's best it has {metric} {significant(moved.shared)} at {tune.rung(summary.study):,} "
        f"images, with its own {significant(moved.mean)}{seeds}. {_noise(moved, len(tune.seeds))}"
    )


def _noise(moved: Moved, seeds: int) -> str:
    """What the noise of a measurement has to do with it."""
    if moved.p is None:
        why = "with one tuning seed" if seeds == 1 else "since the two were not tried with each other's values"
        return f"Whether that is more than noise cannot be told, {why}."
    p = f"p {significant(moved.p, 2)}, corrected for all arms and pairs of values"
    return f"Noise does not explain that ({p})." if moved.clear else f"Noise explains that as well ({p})."


def _times(own: Any, base: Any) -> str:
    numbers = [value for value in (own, base) if isinstance(value, int | float) and value > 0]
    if len(numbers) < 2:
        return ""
    ratio = own / base
    return f" ({significant(ratio, 2)} times that)" if ratio >= 1 else f" ({significant(1 / ratio, 2)} times less)"


def _shown(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)
