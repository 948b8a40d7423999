"""How the numbers came about: metric, data, training, comparison, statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.events import MetricResult
from dit_core.metrics.direction import better
from dit_core.parts import METRICS
from service.analysis import copies
from service.analysis.details import count
from service.analysis.floors import floor_of
from service.analysis.numbers import MetricFormat, compute, duration, percent, plural, significant
from service.analysis.summary import Summary
from service.preflight import Prepared
from service.provenance.environment import machine, versions
from service.provenance.runs import origin_sentences
from service.records.kinds import RunRecord
from service.records.store import Store
from service.report import recipe


@dataclass(frozen=True)
class Fact:
    """A term and what is to be known about it."""

    term: str
    text: str


def facts(prepared: Prepared, summary: Summary, store: Store, shown: MetricFormat) -> list[Fact]:
    """Everything a reader needs to judge the numbers or to make them again."""
    config, study = prepared.expansion.baseline.config, summary.study
    found = [Fact("Metric", _metric(name, summary, shown)) for name in config.evaluation.metrics]
    found += [
        *([Fact("Memorisation", told)] if (told := copies.told(copies.copies(summary))) else []),
        Fact("Samples", recipe.sampling(config, study.budget_images)),
        Fact("Data", _data(config, summary)),
        Fact("Baseline", recipe.model(config)),
        Fact("Training", recipe.training(config)),
        Fact("Budget", _budget(summary)),
        Fact("Seeds", f"{', '.join(map(str, study.seeds))}. {_SEEDS}"),
        Fact("Gflops", _GFLOPS),
        Fact("Uncertainty", _uncertainty(summary)),
    ]
    if any(arm.config.training != config.training for arm in prepared.expansion.arms):
        found.append(
            Fact("Note", "Arms that change training differ from the training described here; see their names.")
        )
    if spent := _runs(list(store.runs(study.name).values())):
        found.append(Fact("Runs", spent))
    listed = ", ".join(f"{name} {number}" for name, number in versions().items())
    found.append(Fact("Environment", f"This report was made with {listed}, on {machine()}."))
    found += [Fact("Provenance", sentence) for sentence in origin_sentences(store, study.name)]
    return found


_SEEDS = (
    "All arms share them: a seed fixes initialisation, data order, timesteps, training noise and evaluation noise, so "
    "arms are compared seed by seed."
)
_GFLOPS = (
    "Multiply-adds of one forward pass of the network over one image, one multiply-add counted as one, as in the DiT "
    "paper. Training compute is that times images seen times 3."
)


def _uncertainty(summary: Summary) -> str:
    """How verdicts come about, and how much results vary."""
    verdicts, variance = summary.verdicts, summary.verdicts.variance
    share = percent(1 - verdicts.level)
    logged = "the logarithm of the metric, so means are geometric and differences are ratios in the metric's unit"
    text = (
        "± is the standard deviation over seeds. Arms and seeds are fitted together by one linear model of "
        f"{logged if verdicts.scale == 'log' else 'the metric'}; means are at equal seeds. "
        f"Intervals and p values are simultaneous over {plural(len(verdicts.verdicts), 'comparison')} (max-t): with "
        f"{share} confidence all intervals hold the true differences. A difference is clear where its interval leaves "
        "out zero. Undecided says that the seeds do not resolve a difference, not that there is none."
    )
    if (margin := summary.study.equivalence_margin) is not None:
        text += f" Equivalent: two one-sided tests place the difference within {percent(margin, 1)} of the reference."
    else:
        text += " The study names no equivalence margin, so nothing is called too small to matter."
    if variance.pooled_sd is not None:
        relative = verdicts.scale == "log"
        own = percent(variance.pooled_sd, 1) if relative else significant(variance.pooled_sd)
        text += f" A measurement varies by {own} (standard deviation, {plural(variance.df, 'degree')} of freedom)"
        if variance.seed_sd is not None:
            shared = percent(variance.seed_sd, 1) if relative else significant(variance.seed_sd)
            text += f", beside {shared} that a seed does to all arms alike and comparisons take out"
        if variance.evaluation_sd is not None:
            part = percent(variance.evaluation_sd, 1) if relative else significant(variance.evaluation_sd)
            text += f"; evaluating the same weights again alone varies by {part}"
        text += "."
    return (
        f"{text} Stopped arms have no final value and are in no comparison at full length, which makes averages over "
        "the arms that are left optimistic."
    )


def _metric(name: str, summary: Summary, shown: MetricFormat) -> str:
    example = _example(name, summary)
    text = f"{name}: {METRICS.about(name).description}; {better(name)} is better."
    if example is None:
        return text
    known: Mapping[str, Any] = example.details
    samples, compared = count(known, "samples"), count(known, "reference_images")
    if samples is not None and compared is not None:
        reference = "training images" if known.get("reference") == "train" else f"images of {known.get('reference')}"
        text += f" {samples:,} generated images against {compared:,} {reference}."
    if (floor := floor_of(example)) is not None:
        text += f" Floor: {floor.text(shown)}."
        if floor.extrapolated and (held_out := count(known, "held_out_images")) is not None:
            text += (
                f" It is extrapolated from subsets of {held_out:,} held-out images by a straight line "
                f"in 1/N (Chong & Forsyth, arXiv 1911.07023); all of them score {shown.value(example.floor or 0)}."
            )
        elif not floor.at_samples and floor.images is not None:
            text += " Fewer images score higher, so it is not that of as many images as there are samples."
    hidden = {"samples", "reference_images", "held_out_images", "floor_at_samples", "floor_extrapolated"}
    hidden |= {key for key in known if key.startswith("data_copying")}
    hidden |= {"reference"} if "reference_images" in known else set()
    rest = [
        f"{key.replace('_', ' ')}: {_plain(value)}"
        for key, value in known.items()
        if key not in hidden and value is not False
    ]
    return f"{text} {'; '.join(rest)}." if rest else text


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return significant(value) if isinstance(value, float) else str(value)


def _example(name: str, summary: Summary) -> MetricResult | None:
    for result in summary.results.values():
        for metrics in result.evaluations.values():
            if name in metrics:
                return metrics[name]
    return None


def _data(config: TrialConfig, summary: Summary) -> str:
    data = config.data
    flips = "random horizontal flips" if data.random_flip else "no flips"
    example = _example(config.evaluation.metrics[0], summary)
    details = example.details if example is not None else {}
    images = ""
    training, held_out = count(details, "reference_images"), count(details, "held_out_images")
    if details.get("reference") == "train" and training is not None and held_out is not None:
        images = f" {training:,} images for training, {held_out:,} held out;"
    where = f" ({data.path})" if data.path else ""
    number = config.model.num_classes
    classes = {0: "unlabelled", 1: "1 class"}.get(number, f"{number:,} classes")
    return (
        f"{data.name}{where}, {data.image_size} x {data.image_size} pixels, {classes};"
        f"{images} split seed {data.split_seed}, {flips}."
    )


def _budget(summary: Summary) -> str:
    study = summary.study
    options = ", ".join(f"{key} {value}" for key, value in study.policy.options.items())
    policy = f"policy {study.policy.name}" + (f" ({options})" if options else "")
    if not study.rungs:
        return f"{study.budget_images:,} training images per trial, no rungs; {policy}."
    rungs = ", ".join(f"{rung:,}" for rung in study.rungs)
    return (
        f"{study.budget_images:,} training images per trial, conclusions {summary.compared.text}; for stopping, rungs "
        f"at {rungs} images: {summary.prepared.policy.comparison}; {policy}; the baseline is never stopped."
    )


def _runs(runs: list[RunRecord]) -> str:
    """Lane time of the runs of this study, from what the engine recorded."""
    lanes = [run for run in runs if run.lane_seconds]
    if not lanes:
        return ""
    spent: dict[str, float] = {}
    for run in lanes:
        for name, seconds in run.spent.items():
            spent[name] = spent.get(name, 0.0) + seconds
    parts = ", ".join(f"{name} {duration(seconds)}" for name, seconds in spent.items() if seconds > 0)
    elapsed = duration(sum(run.elapsed for run in lanes))
    up = duration(sum(run.lane_seconds for run in lanes))
    return f"{plural(len(lanes), 'run')}, {elapsed} of wall-clock, {up} of lanes: {parts}."


def saved(summary: Summary) -> str | None:
    """Says how much training the stopping policy left out; None when nothing was stopped."""
    full, less = left_out(summary)
    if not less:
        return None
    return (
        f"Training every arm to the budget would have taken {compute(full)}; stopping left out {compute(less)} of "
        f"that ({percent(less / full)})."
    )


def left_out(summary: Summary) -> tuple[float, float]:
    """Returns what training every arm to the budget takes, and what stopping has left out of it, in GMACs."""
    stopped = [arm for arm in summary.arms if arm.ended_early and not arm.diverged]
    seeds, budget = len(summary.study.seeds), summary.study.budget_images
    ends = {arm.arm.name: arm.stop.images for arm in stopped if arm.stop is not None}
    full = less = 0.0
    for arm in summary.arms:
        name = arm.arm.name
        if name in summary.weights_of:
            continue
        sharing = [name, *(other for other, weights in summary.weights_of.items() if weights == name)]
        cost = arm.cost.trained_gmacs * 3 * seeds
        full += cost * budget
        less += cost * (budget - max(ends.get(other, budget) for other in sharing))
    return full, less
