"""Tables of a study as MLflow shows them: what its ``log_table`` writes, made again whole each time. No MLflow here.

``log_table`` adds rows to a table that is there, so that a sync which is repeated would double them. Here a table is an
artifact like any other, in the same form, and the tag that makes the page show it as one is written beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces.types import AblationView
from service.analysis import numbers, verdict_text
from service.analysis.arm_costs import ArmCost
from service.analysis.cells import final
from service.analysis.cells import status as arm_status
from service.analysis.narrative import metric_format
from service.analysis.summary import Summary
from service.mlflow_sync.content import in_words
from service.statistics.verdict import Verdict

TABLES_TAG = "mlflow.loggedArtifacts"
"""Tag of a run: which of its artifacts are tables."""
_ARMS, _QUESTIONS, _TRIALS = "tables/arms.json", "tables/questions.json", "tables/trials.json"


def tables(summary: Summary, costs: Sequence[ArmCost]) -> dict[str, bytes]:
    """Returns the name and the content of every table: arms, questions with their verdicts, trials.

    Args:
        summary: the study.
        costs: what its arms took.
    """
    spent = {cost.arm: cost.train_seconds + cost.sample_seconds + cost.score_seconds for cost in costs}
    made = {_ARMS: _arms(summary, spent), _QUESTIONS: _questions(summary), _TRIALS: _trials(summary)}
    return {name: _split(rows) for name, rows in made.items() if rows}


def tables_tag(named: Sequence[str]) -> dict[str, str]:
    """Returns the tag that says which artifacts are tables."""
    return {TABLES_TAG: json.dumps([{"path": name, "type": "table"} for name in sorted(named)])} if named else {}


def _arms(summary: Summary, spent: Mapping[str, float]) -> list[dict[str, Any]]:
    shown, metric = metric_format(summary), summary.study.primary_metric
    order = sorted(summary.arms, key=lambda arm: (arm.final is None, not arm.arm.is_baseline))
    return [
        {
            "arm": arm.arm.name,
            "parameters": numbers.short(arm.cost.params),
            "Gflops": numbers.gflops(arm.cost.gmacs),
            metric: final(arm, summary, shown),
            **_compared(summary.verdicts.of(arm.arm.name), summary),
            "status": arm_status(arm, shown),
            "device time": numbers.duration(spent.get(arm.arm.name, 0.0)),
        }
        for arm in order
    ]


def _questions(summary: Summary) -> list[dict[str, Any]]:
    return [
        {"question": view.name, "compared": label, **_compared(verdict, summary)}
        for view in summary.expansion.ablations
        for label, verdict in _verdicts(view, summary)
    ]


def _verdicts(view: AblationView, summary: Summary) -> list[tuple[str, Verdict]]:
    return [
        (place.label, verdict)
        for verdict in summary.verdicts.question(view.name)
        for place in verdict.contrast.places
        if place.question == view.name
    ]


def _trials(summary: Summary) -> list[dict[str, Any]]:
    shown, metric = metric_format(summary), summary.study.primary_metric
    return [
        {
            "arm": status.trial.arm.name,
            "seed": status.trial.seed,
            "status": in_words(status.state, summary.study),
            "images": status.images,
            metric: numbers.NOTHING if status.metric is None else shown.value(status.metric.value),
        }
        for status in summary.statuses
    ]


def _compared(verdict: Verdict | None, summary: Summary) -> dict[str, str]:
    shown = metric_format(summary)
    return {
        "difference": numbers.NOTHING if verdict is None else shown.difference(verdict),
        "p": verdict_text.p_value(verdict),
        "verdict": verdict_text.word(verdict),
    }


def _split(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The form in which ``log_table`` writes a frame."""
    columns = list(rows[0])
    return json.dumps({"columns": columns, "data": [[row[name] for name in columns] for row in rows]}).encode()
