"""The rows of a study's table as plain data: one per arm of a question, and one per further comparison in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dit_core.errors import unknown
from service.analysis.numbers import MINUS
from service.analysis.study_result import StudyResult
from service.analysis.verdict_text import word
from service.statistics.contrast import Kind
from service.statistics.verdict import Mean, Verdict

_TITLES = {
    Kind.STEP: f"{{label}} {MINUS} the step before",
    Kind.CONTROL: f"{{label}} {MINUS} its control",
    Kind.INTERACTION: "{label}: interaction",
    Kind.MAIN: "{label}: main effect",
    Kind.BESIDE: f"{{label}} {MINUS} {{reference}}",
}


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        question: the question that it belongs to.
        label: what it is called there.
        arm: the arm's row of ``StudyResult.ablations``; None for a comparison of other arms than the baseline.
        mean: the arm's mean at the budget; None where it has none.
        verdict: the arm against the baseline, or the comparison itself; None for the baseline.
        kind: what the comparison answers.
    """

    question: str
    label: str
    arm: dict[str, Any] | None
    mean: Mean | None
    verdict: Verdict | None
    kind: Kind = Kind.ARM


def rows_of(result: StudyResult, questions: Sequence[str] = ()) -> tuple[Row, ...]:
    """Returns the rows of a study, or of some of its questions, in the order of the report.

    Raises:
        UserError: there is no such question.
    """
    known = list(dict.fromkeys(map(str, result.ablations["ablation"])))
    for name in questions:
        if name not in known:
            raise unknown("question", name, known)
    found: list[Row] = []
    for question in questions or known:
        for own in result.ablations[result.ablations["ablation"] == question].to_dict("records"):
            label, arm = str(own["value"]), {str(key): value for key, value in own.items()}
            verdict = result.verdicts.at(question, label)
            found.append(Row(question, label, arm, result.verdicts.means.get(arm["arm"]), verdict))
        for verdict in result.verdicts.question(question):
            for place in verdict.contrast.places:
                if place.question == question and place.kind is not Kind.ARM:
                    reference = " + ".join(verdict.contrast.reference)
                    title = _TITLES[place.kind].format(label=place.label, reference=reference)
                    found.append(Row(question, title, None, None, verdict, place.kind))
    return tuple(found)


def config_fields(rows: Sequence[Row], result: StudyResult) -> tuple[str, ...]:
    """Returns the fields in which the arms of these rows differ."""
    arms = [row.arm for row in rows if row.arm is not None]
    return tuple(field for field in result.config_fields if any(arm[field] != arms[0][field] for arm in arms))


def secondary_metrics(result: StudyResult) -> tuple[str, ...]:
    """Returns the metrics that are measured beside the primary one."""
    return tuple(str(name) for name in result.arms.columns if f"{name}_spread" in result.arms.columns)


def record(row: Row, result: StudyResult, fields: Sequence[str]) -> dict[str, Any]:
    """Returns a row as plain data for CSV and JSON; what is not known is None."""
    arm, verdict, metric = row.arm or {}, row.verdict, result.study.primary_metric
    mean = row.mean
    found: dict[str, Any] = {"question": row.question, "row": row.label, "kind": str(row.kind)}
    found["arm"] = arm.get("arm") or (verdict.contrast.arm if verdict is not None else "")
    found["reference"] = " + ".join(verdict.contrast.reference) if verdict is not None else ""
    found |= {field: arm.get(field) for field in fields}
    found |= {"parameters": arm.get("params"), "gflops": arm.get("gflops")}
    found |= {
        metric: arm.get("mean") if mean is None else mean.value,
        f"{metric}_sd": arm.get("spread") if mean is None else mean.sd,
        "seeds": arm.get("seeds") if mean is None else mean.seeds,
        "images": arm.get("images"),
    }
    for name in secondary_metrics(result):
        found |= {name: arm.get(name), f"{name}_sd": arm.get(f"{name}_spread")}
    for name in ("difference", "low", "high", "p"):
        found[name] = None if verdict is None else getattr(verdict, name)
    found |= {"verdict": word(verdict), "status": arm.get("status", "")}
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in found.items()}
