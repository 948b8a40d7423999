"""The Markdown that MLflow shows as the description of a study and of a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search_spaces.types import Expansion
from service.analysis import numbers, secondary, verdict_text
from service.analysis.cells import final
from service.analysis.cells import status as status_in_words
from service.analysis.floors import floor_of
from service.analysis.narrative import metric_format, opening, state_of
from service.analysis.numbers import MetricFormat
from service.analysis.status import StateKind, TrialStatus
from service.analysis.summary import ArmSummary, Summary
from service.mlflow_sync.answers import why
from service.mlflow_sync.names import final as final_name
from service.mlflow_sync.pages import run_page, study_page
from service.mlflow_sync.view import key_of


def describe_experiment(expansion: Expansion, experiment_id: str, store_id: str, parent: str) -> str:
    """Returns the experiment's description: what the study asks and how to read the page.

    Args:
        expansion: the study.
        experiment_id: of the experiment.
        store_id: ``id`` of the store.
        parent: id of the run that stands for the study.
    """
    study = expansion.study
    table, charts = (study_page(experiment_id, key_of(store_id), charts=charts) for charts in (False, True))
    return (
        f"{_lead(expansion)}\n\n"
        f"[The table, by arm]({table}) and [the charts and samples]({charts}) are prepared views. An average over a "
        "group is MLflow's own: the study's means, differences and verdicts are those of its statistical model, and in "
        "the run of the study.\n\n"
        f"The run called [{study.name}]({run_page(experiment_id, parent)}) is the study: open it for the results, the "
        "tables, the report and the figures. Its "
        "child runs are the trials, one arm with one seed each. Metrics are by training images seen. "
        f"`{final_name(study.primary_metric)}` exists only for trials that ran to the budget of "
        f"{study.budget_images:,} images: sort by it to compare. A trial that was stopped early has the tag "
        f"`status` = `stopped: {study.policy.name} at ... images`, and its evaluations end there. MLflow has no word "
        "for that and shows it as killed: it ended on purpose, and is not finished."
    )


def describe_study(summary: Summary, capped: str = "", head: Sequence[str] = ()) -> str:
    """Returns the parent run's description: what the study shows so far, and a table of its arms.

    Args:
        summary: the study.
        capped: the sentence on what a cap has left; empty where none has ended the newest run.
        head: lines that come first; see ``answers``.
    """
    expansion, study = summary.expansion, summary.study
    shown = metric_format(summary)
    unfinished = state_of(summary)
    lines = [line for said in (unfinished, capped) if said for line in (f"**{said}**", "")]
    lines += [*head, ""] if head else []
    for paragraph in opening(expansion, summary, shown):
        lines += [paragraph, ""]
    others = secondary.names(summary)
    columns = (
        "arm",
        "parameters",
        "Gflops",
        study.primary_metric,
        "difference to baseline",
        "verdict",
        *others,
        "status",
    )
    lines += [
        f"| {' | '.join(columns)} |",
        f"|---|---:|---:|---:|---:|---|{'---:|' * len(others)}---|",
        *(_row(arm, summary, shown) for arm in summary.arms),
        "",
        f"{study.primary_metric}: mean ± standard deviation over the seeds that ran to the budget, "
        f"{summary.compared.text}. Differences with their simultaneous 95 % interval. A stopped arm's value is that of "
        "its rung, never a final one.",
    ]
    if study.description:
        lines += ["", f"*{study.description}*"]
    return "\n".join(lines)


def describe_trial(
    expansion: Expansion,
    summary: ArmSummary,
    status: TrialStatus,
    sources: Mapping[str, str],
    failure: str | None,
    cap: str = "",
) -> str:
    """Returns a child run's description.

    Args:
        expansion: the study.
        summary: the trial's arm.
        status: where the trial stands.
        sources: Markdown links (or names) of the runs that measurements were reused from -> what was reused.
        failure: the error of a trial that was given up.
        cap: the cap that has left the trial unfinished; empty for none.
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
        lines[0] += f" Asked for by: {', '.join(arm.ablations)}."
    if status.metric is not None:
        known = floor_of(status.metric)
        floor = "" if known is None else f" (floor {numbers.significant(known.value)})"
        kind = "Final" if status.is_final else "So far"
        value = numbers.significant(status.metric.value)
        lines.append(f"{kind}: `{status.metric.name}` {value}{floor} at {status.images:,} images.")
    if status.state.kind is StateKind.STOPPED and summary.stop is not None:
        lines.append(
            f"Stopped at {summary.stop.images:,} of {study.budget_images:,} images: {why(arm.name, summary.stop)}."
        )
    elif failure is not None:
        lines.append(f"Given up: {failure}")
    elif cap:
        lines.append(f"Not finished: the study is capped by {cap}; a higher cap continues the trial.")
    else:
        lines[-1] += f" Status: {status.state}."
    if (weights := expansion.weights_of.get(arm.name)) is not None:
        lines.append(
            f"Evaluates the weights of `{weights} seed={status.trial.seed}`: the training curve is in its run."
        )
    lines += [f"Reused, not run again: {what} from {source}." for source, what in sources.items()]
    return "\n\n".join(lines)


def _lead(expansion: Expansion) -> str:
    study = expansion.study
    asked = ", ".join(view.name for view in expansion.ablations)
    what = f"{len(expansion.arms)} arms x {len(study.seeds)} seeds" + (f" ({asked})" if asked else "")
    return f"{study.description}\n\n{what}." if study.description else f"{what}."


def _row(arm: ArmSummary, summary: Summary, shown: MetricFormat) -> str:
    name = f"**{arm.arm.name}**" if arm.arm.is_baseline else arm.arm.name
    verdict = summary.verdicts.of(arm.arm.name)
    difference = numbers.NOTHING if verdict is None else shown.difference(verdict)
    cells = (name, numbers.short(arm.cost.params), numbers.gflops(arm.cost.gmacs), final(arm, summary, shown))
    told = (difference, verdict_text.word(verdict), *secondary.cells(arm, summary), status_in_words(arm, shown))
    return f"| {' | '.join((*cells, *told))} |"
