"""A study's results as pandas frames: what ``Client.run``, ``status`` and ``report`` return."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from search_spaces.study import Study
from service.analysis.damage import Damage, study_damage
from service.analysis.narrative import metric_format
from service.analysis.numbers import MetricFormat
from service.analysis.statistics import paired_difference
from service.analysis.status import StateKind
from service.analysis.summary import ArmSummary, Summary
from service.records.decisions import Stop
from service.records.store import Store

TRIAL_COLUMNS = ["arm", "seed", "status", "images", "metric", "gflops", "params", "seconds", "weights_of", "train_id",
                 "error", "cause"]  # fmt: skip
EVALUATION_COLUMNS = ["arm", "seed", "images", "metric", "value", "floor", "sample_seconds", "score_seconds", "study"]
ARM_COLUMNS = ["arm", "status", "seeds", "images", "mean", "spread", "difference", "gflops", "params"]


@dataclass(frozen=True)
class StudyResult:
    """What a study has shown so far.

    Attributes:
        study: the study.
        trials: one row per trial: ``arm``, ``seed``, ``status``, ``images`` (at the last evaluation), ``metric``,
            ``gflops``, ``params``, ``seconds`` (training wall-clock), ``weights_of`` (the arm whose weights it
            evaluates and whose row has the seconds; empty where it is trained for itself), ``train_id``, ``error`` and
            ``cause`` (the kind of failure) of a trial that was given up.
        evaluations: one row per trial, milestone and metric: ``arm``, ``seed``, ``images``, ``metric``, ``value``,
            ``floor``, ``sample_seconds``, ``score_seconds``, ``study`` (who paid for it).
        arms: one row per arm: ``arm``, ``status``, ``seeds`` (measured), ``images``, ``mean``, ``spread`` (standard
            deviation over seeds, NaN for one), ``difference`` (mean over shared seeds, minus the baseline at the
            same images), ``gflops``, ``params``.
        ablations: the rows of ``arms`` per ablation: ``ablation``, ``value``, then as ``arms``.
        stops: the arms that were not continued, with the comparison.
        other_plans: what was decided under other plans or policies and is not acted on, a sentence each.
        done: whether nothing is left to run; a trial that was given up is, since the next run tries it again.
        interrupted: whether the run was asked to stop before it was done.
        running: whether a run of it is going on.
        waiting: what that run waits for while it trains nothing; empty otherwise.
        store: the store's folder, or its address on S3.
        shown: the decimals in which the primary metric is shown, as in the report.
        tracking_uri: where MLflow keeps the study; None when it was not asked for.
        report_markdown: path of the report (its address in a store on S3), None before there is one.
        report_html: path (or address) of the report as one self-contained HTML file.
        damage: what of the records is damaged, missing or has a hole; ``dit-ablate verify`` says what mending costs.
        warnings: what went wrong beside the trials, e.g. MLflow could not be reached at the end.
        resume_command: the command that continues or repeats the study.
    """

    study: Study
    trials: pd.DataFrame
    evaluations: pd.DataFrame
    arms: pd.DataFrame
    ablations: pd.DataFrame
    stops: tuple[Stop, ...]
    done: bool
    interrupted: bool
    store: Path | str
    shown: MetricFormat
    other_plans: tuple[str, ...] = ()
    tracking_uri: str | None = None
    report_markdown: Path | str | None = None
    report_html: Path | str | None = None
    damage: tuple[Damage, ...] = ()
    warnings: tuple[str, ...] = ()
    resume_command: str = ""
    running: bool = False
    waiting: str = ""

    @property
    def failed(self) -> pd.DataFrame:
        """The trials that ended in an error (divergence is a result, not an error)."""
        return self.trials[self.trials["status"] == str(StateKind.FAILED)]

    def to_json(self) -> dict[str, Any]:
        """Returns the result as plain JSON data; NaN becomes null."""
        return {
            "study": self.study.name,
            "done": self.done,
            "interrupted": self.interrupted,
            "running": self.running,
            "waiting": self.waiting,
            "primary_metric": self.study.primary_metric,
            "budget_images": self.study.budget_images,
            "trials": _records(self.trials),
            "arms": _records(self.arms),
            "ablations": _records(self.ablations),
            "stops": [{"arm": stop.arm, "images": stop.images, "reason": stop.reason} for stop in self.stops],
            "other_plans": list(self.other_plans),
            "store": str(self.store),
            "tracking_uri": self.tracking_uri,
            "report": {"markdown": _text(self.report_markdown), "html": _text(self.report_html)},
            "damage": [damage.text for damage in self.damage],
            "warnings": list(self.warnings),
            "resume_command": self.resume_command,
        }


def study_result(
    summary: Summary,
    store: Store,
    *,
    interrupted: bool = False,
    tracking_uri: str | None = None,
    report_markdown: Path | str | None = None,
    report_html: Path | str | None = None,
    warnings: tuple[str, ...] = (),
    resume_command: str = "",
    running: bool = False,
    waiting: str = "",
) -> StudyResult:
    """Lays a study's summary out as frames. The arguments are ``StudyResult``'s attributes."""
    arms = pd.DataFrame([_arm(arm, summary) for arm in summary.arms], columns=ARM_COLUMNS)
    return StudyResult(
        study=summary.study,
        trials=_trials(summary, store),
        evaluations=_evaluations(summary),
        arms=arms,
        ablations=_ablations(summary, arms),
        stops=summary.stops,
        other_plans=tuple(other.text for other in summary.elsewhere),
        done=summary.finished,
        interrupted=interrupted,
        store=store.shown(""),
        damage=study_damage(summary.expansion, summary.results, store),
        tracking_uri=tracking_uri,
        report_markdown=report_markdown,
        report_html=report_html,
        warnings=warnings,
        resume_command=resume_command,
        running=running,
        waiting=waiting,
        shown=metric_format(summary),
    )


def _trials(summary: Summary, store: Store) -> pd.DataFrame:
    causes = store.given_up_causes(summary.study.name) if summary.failures else {}
    rows = [
        {
            "arm": arm.arm.name,
            "seed": status.trial.seed,
            "status": str(status.state),
            "images": status.images,
            "metric": float("nan") if status.metric is None else status.metric.value,
            "gflops": arm.cost.gmacs,
            "params": arm.cost.params,
            "seconds": 0.0 if shared else sum(stretch.seconds for stretch in store.curve(status.train_id)),
            "weights_of": shared or "",
            "train_id": status.train_id,
            "error": summary.failures.get(status.trial.name),
            "cause": causes.get(status.trial.name, ""),
        }
        for arm in summary.arms
        for shared in (summary.weights_of.get(arm.arm.name),)
        for status in arm.statuses
    ]
    return pd.DataFrame(rows, columns=TRIAL_COLUMNS)


def _evaluations(summary: Summary) -> pd.DataFrame:
    rows = [
        {
            "arm": result.trial.arm.name,
            "seed": result.trial.seed,
            "images": images,
            "metric": name,
            "value": metric.value,
            "floor": float("nan") if metric.floor is None else metric.floor,
            "sample_seconds": getattr(metric, "sample_seconds", float("nan")),
            "score_seconds": getattr(metric, "score_seconds", float("nan")),
            "study": getattr(metric, "study", None),
        }
        for result in summary.results.values()
        for images in summary.study.milestones
        for name, metric in result.evaluations.get(images, {}).items()
    ]
    return pd.DataFrame(rows, columns=EVALUATION_COLUMNS)


def _arm(arm: ArmSummary, summary: Summary) -> dict[str, Any]:
    # where every seed that got furthest stands; a stopped arm's is its rung
    images = arm.last_images
    here = arm.at(images)
    difference = paired_difference(arm.measured.get(images, {}), summary.baseline.measured.get(images, {}))
    return {
        "arm": arm.arm.name,
        "status": arm.status,
        "seeds": 0 if here is None else here.n,
        "images": images,
        "mean": float("nan") if here is None else here.mean,
        "spread": float("nan") if here is None or here.sd is None else here.sd,
        "difference": float("nan") if difference is None else difference.mean,
        "gflops": arm.cost.gmacs,
        "params": arm.cost.params,
    }


def _ablations(summary: Summary, arms: pd.DataFrame) -> pd.DataFrame:
    by_name = {row["arm"]: row for row in arms.to_dict("records")}
    rows = [
        {"ablation": view.name, "value": label, **by_name[arm]}
        for view in summary.expansion.ablations
        for label, arm in view.arms
    ]
    return pd.DataFrame(rows, columns=["ablation", "value", *ARM_COLUMNS])


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(key): None if isinstance(value, float) and value != value else value for key, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _text(path: Path | str | None) -> str | None:
    return None if path is None else str(path)
