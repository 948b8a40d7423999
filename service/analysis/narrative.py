"""What the study shows, in sentences built from its results, with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dit_core.metrics import direction
from search_spaces.types import AblationView, Expansion
from service.analysis.numbers import NOTHING, MetricFormat, plural
from service.analysis.paper_figures import paper_figures
from service.analysis.sentences import listing
from service.analysis.statistics import EXPLORATORY_SEEDS, MIN_TEST_SEEDS, PairedDifference
from service.analysis.status import StateKind
from service.analysis.summary import ArmSummary, Summary


@dataclass(frozen=True)
class Finding:
    """One ablation's result.

    Attributes:
        name: the ablation.
        text: sentences.
    """

    name: str
    text: str


def metric_format(summary: Summary) -> MetricFormat:
    """Returns the decimals in which all of a study's measurements are shown."""
    values = [value for arm in summary.arms for seeds in arm.measured.values() for value in seeds.values()]
    return MetricFormat.for_values(values)


def state_of(summary: Summary) -> str | None:
    """Says what is missing when the study is not finished, else None."""
    if summary.finished:
        return None
    parts = []
    if summary.plan.wanted:
        trials = {trial.name for trial, _ in summary.plan.wanted}
        missing, noun = plural(len(summary.plan.wanted), "measurement"), plural(len(trials), "trial")
        parts.append(f"{missing} of {noun} still to be made before the next comparison")
    if summary.plan.questions:
        parts.append(f"{plural(len(summary.plan.questions), 'question')} for new arms without an answer")
    if summary.failures:
        parts.append(f"{plural(len(summary.failures), 'trial')} given up after errors")
    return f"This study is not finished: {listing(parts)}. What follows describes the records so far and may change."


def opening(expansion: Expansion, summary: Summary, shown: MetricFormat) -> list[str]:
    """The opening paragraphs: the best arm, how sure that is, and what was stopped."""
    study, metric = summary.study, summary.study.primary_metric
    finished = sorted((arm for arm in summary.arms if arm.final is not None), key=lambda arm: _rank(arm, metric))
    scale = (
        f"{plural(len(summary.arms), 'arm')} with {plural(len(study.seeds), 'seed')} each were compared on {metric} "
        f"({direction.better(metric)} is better{_floor(summary, shown)})."
    )
    if not finished:
        return [f"{scale} No trial has reached the budget of {study.budget_images:,} images yet."]
    return [
        f"{scale} {_best(finished, summary, shown)}",
        _certainty(summary, shown),
        *_endings(summary, shown),
    ]


def findings(expansion: Expansion, summary: Summary, shown: MetricFormat) -> list[Finding]:
    """One paragraph per ablation."""
    return [Finding(view.name, _finding(view, summary, shown)) for view in expansion.ablations]


def _best(finished: Sequence[ArmSummary], summary: Summary, shown: MetricFormat) -> str:
    best, baseline = finished[0], summary.baseline
    metric, at = summary.study.primary_metric, f"after {summary.study.budget_images:,} images"
    if best.final is None:
        return ""
    seeds = plural(best.final.n, "seed")
    if best.arm.is_baseline:
        runner = f"; the closest is {_against(finished[1], shown)}" if len(finished) > 1 else ""
        return (
            f"No other arm that finished had a {direction.better(metric)} mean than the baseline, "
            f"{shown.spread(best.final)} over {seeds} {at}{runner}."
        )
    lead = f"{best.arm.name} had the {direction.best(metric)} mean {at}, {shown.spread(best.final)} over {seeds}"
    if baseline.final is None or best.difference is None:
        return f"{lead}; the baseline has no finished trial to compare it with."
    gap = _difference(best.difference, shown)
    return f"{lead}; the baseline had {shown.spread(baseline.final)}, a difference of {gap}."


def _certainty(summary: Summary, shown: MetricFormat) -> str:
    differences = [arm.difference for arm in summary.arms if arm.difference is not None]
    if not differences:
        return "No arm besides the baseline has finished, so nothing can be compared at full length."
    fewest = min(difference.n for difference in differences)
    extreme = direction.best(summary.study.primary_metric)
    selection = f"The {extreme} of several means is also optimistic: confirm it with new seeds."
    if fewest == 1:
        return (
            "At least one comparison rests on a single seed, for which no uncertainty can be given: read every "
            f"difference as exploratory. {selection}"
        )
    resolved = [arm.arm.name for arm in summary.arms if arm.difference is not None and arm.difference.resolved]
    detectable = sorted(d.detectable for d in differences if d.detectable is not None)
    typical = detectable[len(detectable) // 2]
    power = f"at this spread and number of seeds a typical comparison finds differences of about {shown.value(typical)}"
    if fewest <= EXPLORATORY_SEEDS:
        told = (
            f"The 95 % interval leaves out zero for {listing(resolved)}, before any correction for "
            f"{plural(len(differences), 'comparison')}"
            if resolved
            else "No finished arm's 95 % interval leaves out zero, which says that the study is underpowered, not that "
            "the arms are equal"
        )
        return f"With {plural(fewest, 'seed')} this is exploratory. {told}; {power} with power 0.8. {selection}"
    significant = [a.arm.name for a in summary.arms if a.p_holm is not None and a.p_holm <= 0.05]
    tested = sum(arm.p_holm is not None for arm in summary.arms)
    told = (
        f"After Holm's correction over {tested} arms, {listing(significant)} differ from the baseline at the 0.05 level"
        if significant
        else f"After Holm's correction over {tested} arms none differs from the baseline at the 0.05 level, which "
        "says that the study is underpowered, not that the arms are equal"
    )
    return f"{told} (exact sign-flip test on {plural(fewest, 'seed')} or more); {power} with power 0.8. {selection}"


def _endings(summary: Summary, shown: MetricFormat) -> list[str]:
    """What did not run to the budget, and what was not run at all."""
    sentences = []
    stopped = [arm for arm in summary.arms if arm.ended_early and not arm.diverged]
    for images in sorted({arm.stop.images for arm in stopped if arm.stop is not None}):
        names = [arm.arm.name for arm in stopped if arm.stop is not None and arm.stop.images == images]
        if names:
            sentences.append(f"{listing(names)} {_was(names)} stopped at {images:,} images")
    text = []
    if sentences:
        text.append(f"{'; '.join(sentences)}: their values are those of that rung and say nothing about full length.")
    if summary.diverged:
        text.append(f"{listing(s.trial.name for s in summary.diverged)} diverged.")
    if failed := [status.trial.name for status in summary.statuses if status.state.kind is StateKind.FAILED]:
        text.append(f"{listing(failed)} failed and {_was(failed)} given up.")
    if reused := [status for status in summary.statuses if status.state.kind is StateKind.REUSED]:
        text.append(f"{plural(len(reused), 'trial')} had been run by another study and {_was(reused)} reused.")
    return [" ".join(text)] if text else []


def _finding(view: AblationView, summary: Summary, shown: MetricFormat) -> str:
    arms = [(label, summary.arm(name)) for label, name in view.arms]
    metric = summary.study.primary_metric
    finished = sorted(
        ((label, arm) for label, arm in arms if arm.final is not None), key=lambda pair: _rank(pair[1], metric)
    )
    stopped = [(label, arm) for label, arm in arms if arm.ended_early and not arm.diverged]
    diverged = [label for label, arm in arms if arm.diverged]
    others = [label for label, arm in arms if arm.final is None and not (arm.ended_early or arm.diverged)]
    text = []
    if finished:
        told = [f"{label}{_own(arm)}, {_spread(arm, shown)}{_to_baseline(arm, shown)}" for label, arm in finished]
        text.append(f"{direction.best(metric).capitalize()} at full length: {told[0]}.")
        if told[1:]:
            text.append(f"Then {'; '.join(told[1:])}.")
    elif arms:
        text.append("None of its arms has finished.")
    ends = []
    for label, arm in stopped:
        if arm.stop is not None:
            baseline = summary.baseline.at(arm.stop.images)
            beside = f", baseline {shown.value(baseline.mean)}" if baseline is not None else ""
            ends.append(f"{label} at {arm.stop.images:,} images (there {shown.value(arm.stop.value)}{beside})")
    if ends:
        text.append(f"Stopped: {listing(ends)}.")
    if diverged:
        text.append(f"Diverged: {listing(diverged)}.")
    if others:
        text.append(f"{listing(others)}: no result yet.")
    text += _paper_order(arms, finished, summary)
    return " ".join(text)


def _paper_order(
    arms: Sequence[tuple[str, ArmSummary]], finished: Sequence[tuple[str, ArmSummary]], summary: Summary
) -> list[str]:
    """Compares the order of our finished arms with the paper's; the figures themselves do not compare."""
    figures = {label: paper_figures(arm, summary) for label, arm in arms}
    known = {label: float(found["fid50k_400k"]) for label, found in figures.items() if found is not None}
    ours = [label for label, _ in finished if label in known]
    if len(known) < 2:
        return []
    paper = sorted(known, key=known.__getitem__)
    text = f"The paper's order, best first: {', '.join(paper)}"
    if len(ours) < 2:
        return [f"{text}."]
    agrees = ours == [label for label in paper if label in ours]
    return [f"{text}; ours, among the arms that finished, is {'the same' if agrees else ', '.join(ours)}."]


def _spread(arm: ArmSummary, shown: MetricFormat) -> str:
    return shown.spread(arm.final) if arm.final is not None else NOTHING


def _to_baseline(arm: ArmSummary, shown: MetricFormat) -> str:
    return f" ({_difference(arm.difference, shown, ' to the baseline')})" if arm.difference is not None else ""


def _own(arm: ArmSummary) -> str:
    return " (the baseline)" if arm.arm.is_baseline else ""


def _against(arm: ArmSummary, shown: MetricFormat) -> str:
    return f"{arm.arm.name}, {_spread(arm, shown)}{_to_baseline(arm, shown)}"


def _difference(difference: PairedDifference, shown: MetricFormat, whereto: str = "") -> str:
    mean = shown.signed(difference.mean) + whereto
    interval = shown.interval(difference)
    test = f", p = {difference.p:.2g}" if difference.p is not None and difference.n >= MIN_TEST_SEEDS else ""
    return f"{mean}, 95 % interval {interval}{test}" if interval else mean


def _floor(summary: Summary, shown: MetricFormat) -> str:
    floor = summary.floors.get(summary.study.primary_metric)
    return f"; training against held-out images score {shown.value(floor)}" if floor is not None else ""


def _rank(arm: ArmSummary, metric: str) -> float:
    return direction.cost(metric, arm.final.mean) if arm.final is not None else float("inf")


def _was(items: Sequence[object]) -> str:
    return "was" if len(items) == 1 else "were"
