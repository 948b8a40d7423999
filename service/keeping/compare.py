"""Several studies side by side: what differs between them, which trials they share, whether their verdicts agree.

A view of each study's own verdicts. Nothing is tested across studies: their seeds, corrections and baselines are their
own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dit_core.errors import UserError
from dit_core.identity import digest, sampling
from search_spaces.fields import flat
from service.analysis import verdict_text
from service.analysis.study_result import StudyResult
from service.keeping.uses import prepared_of
from service.preflight import Prepared
from service.statistics.verdict import Status, Verdict

if TYPE_CHECKING:
    from service.keeping.client import Keeping

_OF_STUDY = ("primary_metric", "budget_images", "seeds", "compare_at")


@dataclass(frozen=True)
class Compared:
    """One of the studies.

    Attributes:
        name: as it was given.
        result: its results.
        prepared: it, with its identities.
    """

    name: str
    result: StudyResult
    prepared: Prepared


@dataclass(frozen=True)
class Question:
    """A comparison that several studies make.

    Attributes:
        question: the question.
        label: the arm's label there.
        kind: what it answers.
        verdicts: study -> its verdict.
    """

    question: str
    label: str
    kind: str
    verdicts: Mapping[str, Verdict]

    @property
    def agreement(self) -> str:
        """Whether the studies say the same: ``agree``, ``contradict each other`` or ``do not all decide``."""
        decided = [v for v in self.verdicts.values() if v.status in (Status.CLEAR, Status.EQUIVALENT)]
        said = {(v.status, v.better if v.status is Status.CLEAR else None) for v in decided}
        if len(said) > 1:
            return "contradict each other"
        return "agree" if len(decided) == len(self.verdicts) else "do not all decide"


@dataclass(frozen=True)
class Comparison:
    """Studies side by side.

    Attributes:
        studies: the studies, in the order given.
        differences: what their baselines, or they themselves, differ in: field -> a value per study.
        same_scale: whether their metric's values may be compared with each other.
        notes: sentences on that, and on what they share.
        shared: arms whose weights and measurement are the same in several studies: arm in the first of them -> names.
        questions: what at least two of them ask.
    """

    studies: tuple[Compared, ...]
    differences: Mapping[str, tuple[Any, ...]]
    same_scale: bool
    notes: tuple[str, ...]
    shared: Mapping[str, tuple[str, ...]]
    questions: tuple[Question, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data."""
        return {
            "studies": [
                {
                    "study": item.name,
                    "done": item.result.done,
                    "metric": item.result.study.primary_metric,
                    "images": item.result.study.budget_images,
                    "seeds": list(item.result.study.seeds),
                    "best": None if item.result.verdicts.best is None else item.result.verdicts.best.arm,
                    "arms": {arm: vars(mean) for arm, mean in item.result.verdicts.means.items()},
                }
                for item in self.studies
            ],
            "differences": {field: list(values) for field, values in self.differences.items()},
            "same_scale": self.same_scale,
            "notes": list(self.notes),
            "shared": {arm: list(studies) for arm, studies in self.shared.items()},
            "questions": [
                {
                    "question": asked.question,
                    "value": asked.label,
                    "kind": asked.kind,
                    "agreement": asked.agreement,
                    "verdicts": {
                        name: {
                            "status": str(verdict.status),
                            "difference": verdict.difference,
                            "low": verdict.low,
                            "high": verdict.high,
                            "p": verdict.p,
                            "verdict": verdict_text.word(verdict),
                        }
                        for name, verdict in asked.verdicts.items()
                    },
                }
                for asked in self.questions
            ],
        }


def studies_to_compare(given: Sequence[str], here: Keeping) -> tuple[Compared, ...]:
    """Opens the studies to compare.

    Args:
        given: names of studies in the store, or ``STORE/STUDY``.
        here: the client of the store.

    Raises:
        UserError: fewer than two are given, one is given twice, or one is not there.
    """
    if len(given) < 2:
        raise UserError("compare: two studies or more are compared; give their names")
    twice = next((name for name in given if list(given).count(name) > 1), None)
    if twice is not None:
        raise UserError(f"compare: {twice!r} is given twice")
    found = []
    for name in given:
        place, _, study = name.rpartition("/")
        client = here.elsewhere(place) if place else here
        result = client.status(study)
        found.append(Compared(name, result, prepared_of(client.require_store(), study)))
    return tuple(found)


def compare(studies: Sequence[Compared]) -> Comparison:
    """Lays studies side by side."""
    differences = _differences(studies)
    same_scale, notes = _scale(studies)
    shared = _shared(studies)
    if shared:
        notes += [f"{len(shared)} of the arms are the same trials in several of the studies."]
    return Comparison(tuple(studies), differences, same_scale, tuple(notes), shared, _questions(studies))


def _differences(studies: Sequence[Compared]) -> dict[str, tuple[Any, ...]]:
    rows = []
    for item in studies:
        study = item.result.study
        own = {field: getattr(study, field) for field in _OF_STUDY}
        rows.append({**own, **flat(item.prepared.expansion.baseline.config)})
    fields = [field for field in rows[0] if field != "seed" and any(row[field] != rows[0][field] for row in rows)]
    return {field: tuple(_plain(row[field]) for row in rows) for field in fields}


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _measured_as(item: Compared) -> str:
    """What decides what a value of the metric means: the data, how it is sampled and scored, and when."""
    config, study = item.prepared.expansion.baseline.config, item.result.study
    data = config.data.model_dump(mode="json", exclude={"random_flip", "corrupt", "features"})
    own = {key: value for key, value in sampling(config).items() if key not in ("ema_decay", "ema_length")}
    return digest([data, own, study.primary_metric, study.budget_images, study.compare_at])


def _scale(studies: Sequence[Compared]) -> tuple[bool, list[str]]:
    if len({item.result.study.primary_metric for item in studies}) > 1:
        return False, ["The studies measure different metrics: compare their verdicts, not their values."]
    if len({_measured_as(item) for item in studies}) > 1:
        return False, ["The studies differ in data, sampling or budget: compare their verdicts, not their values."]
    baselines: dict[str, set[str]] = {}
    for item in studies:
        for trial in item.prepared.expansion.trials_of[item.prepared.expansion.baseline.name]:
            said = digest(trial.config.model_dump(mode="json"))
            baselines.setdefault(said, set()).add(item.prepared.train_ids[trial.name])
    if any(len(found) > 1 for found in baselines.values()):
        return False, [
            "Equal configurations have different identities: the studies saw other images, or other numerics; compare "
            "their verdicts, not their values."
        ]
    return True, ["The studies measure the same: their values may be compared, but no test is made across studies."]


def _shared(studies: Sequence[Compared]) -> dict[str, tuple[str, ...]]:
    """Arms that are the same trials, measured alike."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for item in studies:
        for trial in item.prepared.expansion.trials:
            key = (item.prepared.train_ids[trial.name], digest(sampling(trial.config)))
            found.setdefault(key, {}).setdefault(item.name, trial.arm.name)
    return {next(iter(arms.values())): tuple(arms) for arms in found.values() if len(arms) > 1}


def _questions(studies: Sequence[Compared]) -> tuple[Question, ...]:
    asked: dict[tuple[str, str, str], dict[str, Verdict]] = {}
    for item in studies:
        for verdict in item.result.verdicts.verdicts:
            for place in verdict.contrast.places:
                key = (place.question, place.label, str(place.kind))
                asked.setdefault(key, {})[item.name] = verdict
    return tuple(Question(*key, verdicts) for key, verdicts in asked.items() if len(verdicts) > 1)
