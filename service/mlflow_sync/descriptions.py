"""The Markdown that MLflow shows as the description of a study and of a trial."""

from __future__ import annotations

import math
from collections.abc import Mapping

from search_spaces.types import Expansion
from service.report.summary import ArmSummary, Summary
from service.status import TrialStatus


def describe_experiment(expansion: Expansion) -> str:
    """Returns the experiment's description: what the study asks and how to read the page."""
    study = expansion.study
    return (
        f"{_lead(expansion)}\n\n"
        f"The run called **{study.name}** is the study: open it for the results, the report and the figures. Its "
        "child runs are the trials, one arm with one seed each. Metrics are by training images seen. "
        f"`{study.primary_metric}_final` exists only for trials that ran to the budget of {study.budget_images:,} "
        "images: sort by it to compare. A trial that was stopped early is shown as killed, with the tag "
        "`status = stopped@<images>`, and its metrics end at that rung."
    )


def describe_study(expansion: Expansion, summary: Summary) -> str:
    """Returns the parent run's description: the study and a table of its arms."""
    study = expansion.study
    lines = [_lead(expansion), ""]
    lines += [
        f"Seeds {', '.join(map(str, study.seeds))}; {study.budget_images:,} training images per trial; "
        + (f"arms compared at {', '.join(f'{rung:,}' for rung in study.rungs)}; " if study.rungs else "")
        + f"policy `{study.policy.name}`. Lower `{study.primary_metric}` is better."
    ]
    floor = summary.floors.get(study.primary_metric)
    if floor is not None:
        lines.append(f"Floor (training against held-out images): {number(floor)}.")
    lines += [
        "",
        f"| arm | parameters | Gflops | {study.primary_metric} (mean of finished seeds) | status |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [_row(arm) for arm in summary.arms]
    lines += ["", "±: standard deviation over seeds. A stopped arm's value is that of its rung, never a final one."]
    if not summary.finished:
        lines += ["", "The study is not finished."]
    return "\n".join(lines)


def describe_trial(
    expansion: Expansion, summary: ArmSummary, status: TrialStatus, sources: Mapping[str, str], failure: str | None
) -> str:
    """Returns a child run's description.

    Args:
        expansion: the study.
        summary: the trial's arm.
        status: where the trial stands.
        sources: Markdown links (or names) of the runs that measurements were reused from -> what was reused.
        failure: the error of a trial that was given up.
    """
    study = expansion.study
    arm = status.trial.arm
    if arm.is_baseline:
        what = f"The baseline of study *{study.name}*, seed {status.trial.seed}."
    else:
        delta = ", ".join(f"`{axis}` = `{value}`" for axis, value in arm.delta.items())
        what = f"The baseline with {delta}, seed {status.trial.seed}; study *{study.name}*."
    lines = [what]
    if arm.ablations:
        lines.append(f"Asked for by: {', '.join(arm.ablations)}.")
    if status.metric is not None:
        floor = f" (floor {number(status.metric.floor)})" if status.metric.floor is not None else ""
        kind = "Final" if status.is_final else "So far"
        lines.append(
            f"{kind}: `{status.metric.name}` {number(status.metric.value)}{floor} at {status.images:,} images."
        )
    if status.state.startswith("stopped@") and summary.stop is not None:
        lines.append(f"Stopped at {summary.stop.images:,} of {study.budget_images:,} images: {summary.stop.reason}.")
    elif failure is not None:
        lines.append(f"Given up: {failure}")
    else:
        lines.append(f"Status: {status.state}.")
    lines += [f"Reused, not run again: {what} from {source}." for source, what in sources.items()]
    return "\n\n".join(lines)


def number(value: float) -> str:
    """Returns a metric for people: four significant digits."""
    return f"{value:.4g}" if math.isfinite(value) else str(value)


def _lead(expansion: Expansion) -> str:
    study = expansion.study
    asked = ", ".join(view.name for view in expansion.ablations)
    what = f"{len(expansion.arms)} arms x {len(study.seeds)} seeds" + (f" ({asked})" if asked else "")
    return f"{study.description}\n\n{what}." if study.description else f"{what}."


def _row(arm: ArmSummary) -> str:
    value = "–"
    if arm.final is not None:
        sd = f" ± {number(arm.final.sd)}" if arm.final.sd is not None else ""
        value = f"{number(arm.final.mean)}{sd} (n={arm.final.n})"
    status = arm.status
    if arm.ended_early and arm.stop is not None:
        status += f", {number(arm.stop.value)} there"
    name = f"**{arm.arm.name}**" if arm.arm.is_baseline else arm.arm.name
    return f"| {name} | {arm.cost.params:,} | {arm.cost.gmacs:.4g} | {value} | {status} |"
