"""A study's results as pandas frames: what ``Client.run``, ``status`` and ``report`` return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.study import Study
from service.analysis import secondary
from service.analysis.audits import audits_of
from service.analysis.config_columns import config_columns
from service.analysis.damage import Damage, study_damage
from service.analysis.details import number
from service.analysis.kept_means import Means, means_of
from service.analysis.narrative import metric_format
from service.analysis.numbers import MetricFormat
from service.analysis.rows import Rows
from service.analysis.status import StateKind, TrialStatus
from service.analysis.summary import ArmSummary, Summary
from service.analysis.verdict_text import word
from service.analysis.verdicts import study_measurements
from service.records.decisions import Stop
from service.records.store import Store
from service.statistics.verdict import Verdicts

if TYPE_CHECKING:
    import pandas as pd

TRIAL_COLUMNS = ["arm", "seed", "status", "images", "metric", "gflops", "params", "seconds", "weights_of", "train_id",
                 "error", "cause"]  # fmt: skip
EVALUATION_COLUMNS = ["arm", "seed", "images", "metric", "value", "floor", "floor_at_samples", "data_copying_statistic",
                      "data_copying_share", "sample_seconds", "score_seconds", "study"]  # fmt: skip
BESIDE = ("floor_at_samples", "data_copying_statistic", "data_copying_share")
"""Details of a measurement that have a column of their own."""
VERDICT_COLUMNS = ["question", "value", "kind", "contrast", "arm", "reference", "status", "verdict", "difference",
                   "low", "high", "ratio", "ratio_low", "ratio_high", "p", "better", "seeds", "detectable",
                   "more_seeds", "more_device_seconds", "differs", "confirmatory"]  # fmt: skip
ARM_COLUMNS = ["arm", "status", "seeds", "images", "mean", "spread", "difference", "gflops", "params", "low", "high",
               "p", "verdict"]  # fmt: skip


@dataclass(frozen=True)
class StudyResult:
    """What a study has shown so far.

    Attributes:
        study: the study.
        summary: all that is known of it, which the frames that few ask for are made from.
        trial_rows, arm_rows: the rows of ``trials`` and ``arms``.
        trials: one row per trial: ``arm``, ``seed``, ``status``, ``images`` (at the last evaluation), ``metric``,
            ``gflops``, ``params``, ``seconds`` (training wall-clock), ``weights_of`` (the arm whose weights it
            evaluates and whose row has the seconds; empty where it is trained for itself), ``train_id``, ``error`` and
            ``cause`` (the kind of failure) of a trial that was given up, then every secondary metric, then
            ``config_fields``.
        evaluations: one row per trial, milestone and metric: ``arm``, ``seed``, ``images``, ``metric``, ``value``,
            ``floor``, ``floor_at_samples`` (the floor at as many images as there are samples),
            ``data_copying_statistic`` and ``data_copying_share`` (see ``dit_core.metrics.copying``; NaN where they were
            not recorded), ``sample_seconds``, ``score_seconds``, ``study`` (who paid for it).
        arms: one row per arm: ``arm``, ``status``, ``seeds`` (measured), ``images``, ``mean``, ``spread`` (standard
            deviation over seeds, NaN for one), ``difference`` (its mean minus the baseline's at the same images),
            ``gflops``, ``params``, ``low`` and ``high`` (the simultaneous interval of its difference to the baseline),
            ``p`` and ``verdict`` (all four of its verdict; NaN and empty without one), then every secondary metric and
            its spread (``kid``, ``kid_spread``), then ``config_fields``. Means of the primary metric are at equal seeds
            for all arms (``Fit.mean``).
        config_fields: the fields in which the arms' configurations differ, e.g. ``model.patch_size``: columns of
            ``trials``, ``arms`` and ``ablations``.
        ablations: the rows of ``arms`` per ablation: ``ablation``, ``value``, then as ``arms``.
        stops: the arms that were not continued, with the comparison.
        other_plans: what was decided under other plans or policies and is not acted on, a sentence each.
        audits: what audited stops of the store's studies have shown of the policy, in a sentence; empty without any.
        done: whether nothing is left to run; a trial that was given up is, since the next run tries it again.
        interrupted: whether the run was asked to stop before it was done.
        capped: a sentence on what the study's cap has left missing; empty where it has ended nothing.
        running: whether a run of it is going on.
        waiting: what that run waits for while it trains nothing; empty otherwise.
        verdicts: what may be concluded, one verdict per contrast.
        contrasts: the verdicts as a frame, a row for every place where a question shows one: ``question``, ``value``
            (the label there), ``kind``, ``contrast``, ``arm``, ``reference``, ``status``, ``verdict`` (in words), then
            the attributes of ``Verdict``; NaN where there is none.
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
    summary: Summary
    trial_rows: Rows
    arm_rows: Rows
    stops: tuple[Stop, ...]
    done: bool
    interrupted: bool
    verdicts: Verdicts
    store: Path | str
    shown: MetricFormat
    config_fields: tuple[str, ...] = ()
    other_plans: tuple[str, ...] = ()
    tracking_uri: str | None = None
    report_markdown: Path | str | None = None
    report_html: Path | str | None = None
    damage: tuple[Damage, ...] = ()
    warnings: tuple[str, ...] = ()
    resume_command: str = ""
    running: bool = False
    waiting: str = ""
    capped: str = ""
    audits: str = ""

    @property
    def trials(self) -> pd.DataFrame:
        """One row per trial."""
        return self.trial_rows.frame

    @property
    def arms(self) -> pd.DataFrame:
        """One row per arm."""
        return self.arm_rows.frame

    @property
    def ablations(self) -> pd.DataFrame:
        """The rows of ``arms`` per ablation."""
        return self.ablation_rows.frame

    @cached_property
    def ablation_rows(self) -> Rows:
        """The rows of ``ablations``."""
        return _ablations(self.summary, self.arm_rows)

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        """One row per trial, milestone and metric."""
        return _evaluations(self.summary).frame

    @cached_property
    def contrasts(self) -> pd.DataFrame:
        """The verdicts, a row for every place where a question shows one."""
        return self.contrast_rows.frame

    @property
    def contrast_rows(self) -> Rows:
        """The rows of ``contrasts``."""
        return _contrasts(self.verdicts)

    @property
    def failed(self) -> pd.DataFrame:
        """The trials that ended in an error (divergence is a result, not an error)."""
        return self.trials[self.trials["status"] == str(StateKind.FAILED)]

    @property
    def failed_rows(self) -> list[dict[str, Any]]:
        """The rows of ``failed``."""
        return [row for row in self.trial_rows.rows if row["status"] == str(StateKind.FAILED)]

    def to_json(self) -> dict[str, Any]:
        """Returns the result as plain JSON data; NaN becomes null."""
        return {
            "study": self.study.name,
            "done": self.done,
            "interrupted": self.interrupted,
            "capped": self.capped,
            "running": self.running,
            "waiting": self.waiting,
            "primary_metric": self.study.primary_metric,
            "budget_images": self.study.budget_images,
            "trials": self.trial_rows.json(),
            "arms": self.arm_rows.json(),
            "ablations": self.ablation_rows.json(),
            "verdicts": self.verdicts.to_json(),
            "stops": [{"arm": stop.arm, "images": stop.images, "reason": stop.reason} for stop in self.stops],
            "other_plans": list(self.other_plans),
            "audits": self.audits,
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
    capped: str = "",
    damage: tuple[Damage, ...] | None = None,
) -> StudyResult:
    """Lays a study's summary out as frames. The arguments are ``StudyResult``'s attributes.

    Damage that was looked for just now is not looked for again.
    """
    means = _means(summary)
    beside = [column for name in secondary.names(summary) for column in (name, f"{name}_spread")]
    config = config_columns([arm.arm.config for arm in summary.arms])
    arms = Rows(
        [*ARM_COLUMNS, *beside, *config],
        [
            {**_arm(arm, summary, means), **{k: v[place] for k, v in config.items()}}
            for place, arm in enumerate(summary.arms)
        ],
        kept=tuple(config),
    )
    return StudyResult(
        study=summary.study,
        summary=summary,
        trial_rows=_trials(summary, store, arms, tuple(config)),
        arm_rows=arms,
        stops=summary.stops,
        other_plans=tuple(other.text for other in summary.elsewhere),
        audits=audited.text if (audited := audits_of(summary, store)) is not None else "",
        done=summary.finished,
        interrupted=interrupted,
        verdicts=summary.verdicts,
        store=store.shown(""),
        damage=study_damage(summary.expansion, summary.results, store) if damage is None else damage,
        tracking_uri=tracking_uri,
        report_markdown=report_markdown,
        report_html=report_html,
        warnings=warnings,
        resume_command=resume_command,
        running=running,
        waiting=waiting,
        capped="" if summary.finished or running else capped,
        shown=metric_format(summary),
        config_fields=tuple(config),
    )


def _trials(summary: Summary, store: Store, arms: Rows, config: tuple[str, ...]) -> Rows:
    of_arm = {row["arm"]: {field: row[field] for field in config} for row in arms.rows}
    causes = store.given_up_causes(summary.study.name) if summary.failures else {}
    rows = [
        {
            "arm": arm.arm.name,
            "seed": status.trial.seed,
            "status": str(status.state),
            "images": status.images,
            "metric": float("nan") if status.metric is None else status.metric.value,
            **_trial_beside(status, summary),
            "gflops": arm.cost.gmacs,
            "params": arm.cost.params,
            "seconds": 0.0 if shared else sum(stretch.seconds for stretch in store.spans(status.train_id)),
            "weights_of": shared or "",
            "train_id": status.train_id,
            "error": summary.failures.get(status.trial.name),
            "cause": causes.get(status.trial.name, ""),
            **of_arm[arm.arm.name],
        }
        for arm in summary.arms
        for shared in (summary.weights_of.get(arm.arm.name),)
        for status in arm.statuses
    ]
    return Rows([*TRIAL_COLUMNS, *secondary.names(summary), *config], rows, kept=config)


def _trial_beside(status: TrialStatus, summary: Summary) -> dict[str, float]:
    """A trial's secondary metrics at its last evaluation."""
    known = summary.results[status.trial.name].evaluations.get(status.images, {})
    return {name: known[name].value if name in known else float("nan") for name in secondary.names(summary)}


def _evaluations(summary: Summary) -> Rows:
    rows = [
        {
            "arm": result.trial.arm.name,
            "seed": result.trial.seed,
            "images": images,
            "metric": name,
            "value": metric.value,
            "floor": float("nan") if metric.floor is None else metric.floor,
            **{name: _or_nan(number(metric.details, name)) for name in BESIDE},
            "sample_seconds": getattr(metric, "sample_seconds", float("nan")),
            "score_seconds": getattr(metric, "score_seconds", float("nan")),
            "study": getattr(metric, "study", None),
        }
        for result in summary.results.values()
        for images in summary.study.milestones
        for name, metric in result.evaluations.get(images, {}).items()
    ]
    return Rows(EVALUATION_COLUMNS, rows)


def _means(summary: Summary) -> dict[int, Means]:
    """The arms' means at every milestone that some arm got to and no further."""
    found, baseline = {}, summary.baseline.arm.name
    for images in {arm.last_images for arm in summary.arms}:
        values = {arm.arm.name: arm.measured.get(images, {}) for arm in summary.arms}
        found[images] = means_of(study_measurements(summary.expansion, values), baseline, keep=summary.finished)
    return found


def _arm(arm: ArmSummary, summary: Summary, means: Mapping[int, Means]) -> dict[str, Any]:
    # where every seed that got furthest stands; a stopped arm's is its rung
    images = arm.last_images
    here = arm.at(images)
    mean = means[images].means.get(arm.arm.name)
    difference = means[images].differences.get(arm.arm.name)
    verdict = summary.verdicts.of(arm.arm.name)
    return {
        "arm": arm.arm.name,
        "status": arm.status,
        "seeds": 0 if here is None else here.n,
        "images": images,
        "mean": float("nan") if mean is None else mean,
        "spread": float("nan") if here is None or here.sd is None else here.sd,
        "difference": float("nan") if arm.arm.is_baseline or difference is None else difference,
        "gflops": arm.cost.gmacs,
        "params": arm.cost.params,
        **{name: _or_nan(None if verdict is None else getattr(verdict, name)) for name in ("low", "high", "p")},
        "verdict": word(verdict),
        **_beside(arm, summary, images),
    }


def _beside(arm: ArmSummary, summary: Summary, images: int) -> dict[str, float]:
    """An arm's secondary metrics, each with its spread."""
    found: dict[str, float] = {}
    for name in secondary.names(summary):
        own = secondary.mean(arm, summary, name, images)
        found[name] = _or_nan(None if own is None else own.mean)
        found[f"{name}_spread"] = _or_nan(None if own is None else own.sd)
    return found


def _ablations(summary: Summary, arms: Rows) -> Rows:
    by_name = {row["arm"]: row for row in arms.rows}
    rows = [
        {"ablation": view.name, "value": label, **by_name[arm]}
        for view in summary.expansion.ablations
        for label, arm in view.arms
    ]
    return Rows(["ablation", "value", *arms.columns], rows, kept=arms.kept)


def _contrasts(verdicts: Verdicts) -> Rows:
    rows = [
        {
            "question": place.question,
            "value": place.label,
            "kind": str(place.kind),
            "contrast": verdict.contrast.name,
            "arm": verdict.contrast.arm,
            "reference": " + ".join(verdict.contrast.reference),
            "status": str(verdict.status),
            "verdict": word(verdict),
            **{name: _or_nan(getattr(verdict, name)) for name in _NUMBERS},
            "better": verdict.better,
            "differs": "; ".join(verdict.differs),
            "confirmatory": verdict.contrast.confirmatory,
        }
        for verdict in verdicts.verdicts
        for place in verdict.contrast.places
    ]
    return Rows(VERDICT_COLUMNS, rows)


_NUMBERS = ("difference", "low", "high", "ratio", "ratio_low", "ratio_high", "p", "seeds", "detectable", "more_seeds",
            "more_device_seconds")  # fmt: skip


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _text(path: Path | str | None) -> str | None:
    return None if path is None else str(path)
