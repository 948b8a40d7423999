"""What the study shows, in sentences built from its results, with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dit_core.metrics import direction
from search_spaces.types import AblationView, Expansion
from service.analysis import verdict_text
from service.analysis.cells import own_label
from service.analysis.contrasts import repeated
from service.analysis.numbers import MetricFormat, plural
from service.analysis.paper_figures import paper_figures
from service.analysis.sentences import listing, sentence
from service.analysis.status import StateKind
from service.analysis.summary import Summary
from service.statistics.contrast import Kind
from service.statistics.verdict import Verdict, Verdicts


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
    """The opening paragraphs: what was compared, what may be concluded of it, the best arm, and what was stopped."""
    study, metric, verdicts = summary.study, summary.study.primary_metric, summary.verdicts
    scale = (
        f"{plural(len(summary.arms), 'arm')} with {plural(len(study.seeds), 'seed')} each were compared on {metric} "
        f"({direction.better(metric)} is better{_floor(summary, shown)}) {summary.compared.text}."
    )
    concluded = " ".join(
        part
        for part in (
            verdict_text.overall(verdicts),
            verdict_text.best_arm(verdicts, shown, direction.best(metric), expansion.baseline.name),
            verdict_text.power(verdicts, shown),
        )
        if part
    )
    return [f"{scale} {concluded}", *verdicts.notes, *_endings(summary, shown)]


def findings(expansion: Expansion, summary: Summary, shown: MetricFormat) -> list[Finding]:
    """One paragraph per ablation."""
    return [Finding(view.name, _finding(view, summary, shown)) for view in expansion.ablations]


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
    verdicts, own = summary.verdicts, summary.baseline.arm.name
    baseline = next((own_label(label) for label, arm in view.arms if arm == own), "the baseline")

    def against(kind: Kind, than: str) -> list[str]:
        named = _effects(view, verdicts) if view.references else [label for label, _ in view.arms]
        found = [(label, v) for label in named if (v := verdicts.at(view.name, label, kind)) is not None]
        if kind is not Kind.STEP:  # the best first; steps keep the order in which they are taken
            found.sort(key=lambda pair: direction.cost(verdicts.metric, pair[1].difference or 0.0))
        return verdict_text.answer(found, than, shown, without) if found else []

    def without(label: str, verdict: Verdict) -> str:
        return _without(dict(view.arms).get(label, verdict.contrast.arm), verdict, summary, shown)

    text = [] if verdicts.question(view.name) else [_compares_nothing(view, summary)]
    if view.action == "LADDER":
        text += against(Kind.STEP, "the step before")
        whole = [(label, verdicts.at(view.name, label)) for label, _ in view.arms]
        last = next(((label, v) for label, v in reversed(whole) if v is not None and v.difference is not None), None)
        if last is not None and last[1] is not None:
            whole_ladder = [(f"the whole ladder, up to {last[0]}", last[1])]
            text += map(sentence, verdict_text.answer(whole_ladder, baseline, shown, without))
    else:
        text += against(Kind.ARM, baseline)
    text += against(Kind.CONTROL, "the control of equal Gflops")
    text += against(Kind.BESIDE, _beside(view))
    text += [f"Main effects: {part}" for part in against(Kind.MAIN, "the axis's reference value")]
    text += [f"Interactions: {part}" for part in against(Kind.INTERACTION, "the sum of the changes alone")]
    return " ".join((*text, *_paper_order(view, summary)))


def _beside(view: AblationView) -> str:
    """What arms are compared with that are compared with another arm than the baseline."""
    if view.action == "TUNE":
        return "the same arm untuned"
    full = "the full system" if view.action == "LEAVE-ONE-OUT" else "its own outer value's arm"
    if not view.tuned_from:
        return full
    return "the tuned baseline" if len(set(view.beside.values())) < 2 else f"{full} or the tuned baseline"


def _effects(view: AblationView, verdicts: Verdicts) -> list[str]:
    """The labels of a factorial's effects, which are no arm's."""
    return [p.label for v in verdicts.question(view.name) for p in v.contrast.places if p.question == view.name]


def _compares_nothing(view: AblationView, summary: Summary) -> str:
    if view.action == "TUNE":
        return "Every arm keeps its own values, which were the best of what was tried."
    if any(arm in repeated(summary.expansion) for _, arm in view.arms):
        return "It measures the same weights again, which tells how much of the noise is that of the evaluation."
    return "It compares nothing."


def _without(arm: str, verdict: Verdict, summary: Summary, shown: MetricFormat) -> str:
    """Why an arm was not measured; of one that was stopped, what it had at its last rung, which is no final value."""
    found, reason = summary.arm(arm), verdict.reason or "no result"
    if not found.ended_early or found.diverged or found.stop is None:
        return reason
    baseline = summary.baseline.at(found.stop.images)
    beside = f", baseline {shown.value(baseline.mean)}" if baseline is not None else ""
    there = found.at(found.stop.images)
    return f"{reason}, there {shown.value(found.stop.value if there is None else there.mean)}{beside}"


def _paper_order(view: AblationView, summary: Summary) -> list[str]:
    """Compares the order of our finished arms with the paper's; the figures themselves do not compare."""
    metric, arms = summary.study.primary_metric, [(label, summary.arm(name)) for label, name in view.arms]
    figures = {label: paper_figures(arm, summary) for label, arm in arms}
    known = {label: float(found["fid50k_400k"]) for label, found in figures.items() if found is not None}
    if len(known) < 2:
        return []
    means = {label: direction.cost(metric, arm.final.mean) for label, arm in arms if arm.final is not None}
    ours = sorted((label for label in means if label in known), key=means.__getitem__)
    paper = sorted(known, key=known.__getitem__)
    text = f"The paper's order, best first: {', '.join(paper)}"
    if len(ours) < 2:
        return [f"{text}."]
    agrees = ours == [label for label in paper if label in ours]
    return [f"{text}; that of our means, among the arms that finished, is {'the same' if agrees else ', '.join(ours)}."]


def _floor(summary: Summary, shown: MetricFormat) -> str:
    floor = summary.floors.get(summary.study.primary_metric)
    return f"; {floor.text(shown)}" if floor is not None else ""


def _was(items: Sequence[object]) -> str:
    return "was" if len(items) == 1 else "were"
