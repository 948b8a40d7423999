"""The figures of a study, as metrics and tags of the run that stands for it. No MLflow here."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence

from service.analysis import narrative
from service.analysis.arm_costs import ArmCost, total
from service.analysis.status import StateKind
from service.analysis.summary import Summary
from service.mlflow_sync.names import rounded
from service.mlflow_sync.tracked_run import Row
from service.report.method import left_out

_VERDICT = "verdict of "
_ODD = re.compile(r"[^\w.\- :/]")
"""What may not stand in the name of a tag."""


def figures(summary: Summary, costs: Sequence[ArmCost], time: int) -> Iterator[Row]:
    """Yields what a finished study came to, at the images of all its trials together.

    A metric keeps its first value at a step, and a study that goes on has seen more images. What changes without any
    new image, such as a verdict after another test was added, is in tags and tables.

    Args:
        summary: the study.
        costs: what its arms took.
        time: when it ended, in milliseconds.
    """
    if not summary.finished:
        return
    step = sum(status.images for status in summary.statuses)
    metric, best, baseline = summary.study.primary_metric, summary.verdicts.best, summary.baseline.final
    found: dict[str, float] = {"arms": len(summary.arms), "trials": len(summary.statuses)}
    if best is not None:
        found[f"best_{metric}"] = best.mean
    if baseline is not None:
        found[f"baseline_{metric}"] = baseline.mean
    if best is not None and baseline is not None:
        found[f"best_{metric}_vs_baseline"] = best.mean - baseline.mean
    stopped = sum(status.state.kind is StateKind.STOPPED for status in summary.statuses)
    found["trials_stopped"] = stopped
    spent = total(costs)
    found["device_hours"] = (spent.train_seconds + spent.sample_seconds + spent.score_seconds) / 3600
    found["training_gmacs"] = spent.gmacs
    full, saved = left_out(summary)
    found["training_saved_percent"] = 100 * saved / full if full else 0.0
    for name, value in found.items():
        yield (name, rounded(value), time, step)


def verdict_tags(summary: Summary) -> dict[str, str]:
    """Returns a tag per question: what the study says of it."""
    shown = narrative.metric_format(summary)
    found = narrative.findings(summary.expansion, summary, shown)
    return {f"{_VERDICT}{_ODD.sub('-', finding.name)}": finding.text for finding in found}


def no_longer_asked(tags: Iterable[str], now: Container[str]) -> dict[str, str]:
    """Returns what becomes of the tags on questions that the study does not ask any more: a tag cannot be taken off."""
    return {tag: "the study no longer asks it" for tag in tags if tag.startswith(_VERDICT) and tag not in now}
