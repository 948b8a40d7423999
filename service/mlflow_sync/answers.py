"""The five questions that a reader of a study has, each answered in a line: the head of the parent run's page."""

from __future__ import annotations

from collections.abc import Sequence

from service.analysis import numbers, verdict_text
from service.analysis.arm_costs import ArmCost, total
from service.analysis.narrative import metric_format
from service.analysis.sentences import listing
from service.analysis.summary import Summary
from service.records.decisions import Stop
from service.report.method import saved

_NAMED = 6


def answers(summary: Summary, costs: Sequence[ArmCost], command: str) -> list[str]:
    """Returns Markdown lines: the best arm, by how much, what was stopped, what it took, and how to have it again.

    Args:
        summary: the study.
        costs: what its arms took; empty where nobody has added it up.
        command: repeats the study; empty where it is not recorded.
    """
    lines = _best(summary)
    if costs:
        spent = total(costs)
        seconds = spent.train_seconds + spent.sample_seconds + spent.score_seconds
        took = f"{numbers.duration(seconds)} of device time, {numbers.compute(spent.gmacs)} of training"
        lines.append(f"- **What it took:** {took}. {saved(summary) or ''}".rstrip())
    if command:
        lines.append(f"- **Again:** `{command}`; what the store holds is not run again.")
    return [*lines, *_stopped(summary)]


def _best(summary: Summary) -> list[str]:
    best, shown, metric = summary.verdicts.best, metric_format(summary), summary.study.primary_metric
    if best is None:
        return []
    own = ", the baseline" if best.arm == summary.baseline.arm.name else ""
    text = f"{best.arm}{own}, {metric} {shown.value(best.mean)}"
    verdict = summary.verdicts.of(best.arm)
    if verdict is not None and verdict.difference is not None:
        text += f", {shown.difference(verdict)} against the baseline: {verdict_text.word(verdict)}"
        text += "" if verdict.p is None else f" (corrected p {verdict_text.p_value(verdict)})"
    others = best.candidates[1:]
    named = listing(others) if len(others) <= _NAMED else numbers.plural(len(others), "other arm")
    return [f"- **Best arm:** {text}." + (f" As good, as far as these seeds tell: {named}." if others else "")]


def _stopped(summary: Summary) -> list[str]:
    stopped = [(arm.arm.name, arm.stop) for arm in summary.arms if arm.ended_early and arm.stop is not None]
    if not stopped:
        return ["- **Stopped early:** no arm."] if summary.finished else []
    named = [f"{name} at {numbers.whole(stop.images)} images ({why(name, stop)})" for name, stop in stopped[:_NAMED]]
    if len(stopped) > _NAMED:
        named.append(numbers.plural(len(stopped) - _NAMED, "other arm"))
    return [f"- **Stopped early, by {summary.study.policy.name}:** {'; '.join(named)}."]


def why(arm: str, stop: Stop) -> str:
    """Returns the reason of a stop, without the arm's name in front of it."""
    return stop.reason.removeprefix(f"{arm}: ")
