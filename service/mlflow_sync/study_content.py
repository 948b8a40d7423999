"""What a study's experiment and parent run say, as plain data computed from the store's records. No MLflow here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from search_spaces.types import Expansion
from service.again import again_recorded
from service.analysis import verdict_text
from service.analysis.arm_costs import arm_costs
from service.analysis.summary import Summary
from service.mlflow_sync import descriptions, figures, tables, view
from service.mlflow_sync.answers import answers
from service.mlflow_sync.content import in_words
from service.mlflow_sync.runs import NOTE_TAG
from service.mlflow_sync.tracked_run import Row, milliseconds, now
from service.provenance.runs import provenance
from service.records.kinds import Claim, RunRecord
from service.records.store import Store
from service.records.study_files import is_defined
from service.statistics.verdict import Verdicts


@dataclass(frozen=True)
class ParentContent:
    """What the parent run holds.

    Attributes:
        rows: its metrics.
        params: its parameters.
        tags: its tags.
        tables: name -> content of its tables.
    """

    rows: tuple[Row, ...]
    params: Mapping[str, object]
    tags: Mapping[str, object]
    tables: Mapping[str, bytes]


def parent_content(
    summary: Summary, store: Store, known: Mapping[str, str], *, ended: bool, capped: str = ""
) -> ParentContent:
    """Returns what the parent run says.

    Args:
        summary: the study.
        store: where its records are.
        known: the tags that it has.
        ended: whether no run of it goes on: then it also has the study's figures, and tables.
        capped: the sentence on what a cap has left; empty where none has ended the newest run.
    """
    if not ended:
        return ParentContent((), {}, tags(summary, known, "running", capped, descriptions.describe_study(summary)), {})
    name = summary.study.name
    costs = arm_costs(summary, store)
    command = again_recorded(store, name) if is_defined(store, name) else ""
    head = answers(summary, costs, command)
    said = tags(summary, known, _status(summary), capped, descriptions.describe_study(summary, capped, head))
    made = tables.tables(summary, costs)
    time = ended_at(store, name) or now()
    rows = tuple(figures.figures(summary, costs, time))
    return ParentContent(rows, params(summary), {**said, **tables.tables_tag(tuple(made))}, made)


def experiment_tags(
    expansion: Expansion, varied: Sequence[str], experiment_id: str, parent: str, store_id: str
) -> dict[str, str]:
    """Returns what the experiment says, and the prepared view of a store's study (``view``).

    Args:
        expansion: the study.
        varied: the parameters that differ between its arms.
        experiment_id: of the experiment.
        parent: id of the run that stands for the study.
        store_id: ``id`` of the store.
    """
    return {
        NOTE_TAG: descriptions.describe_experiment(expansion, experiment_id, store_id, parent),
        f"{view.VIEW_TAG}{view.key_of(store_id)}": view.view_of(expansion.study, varied, parent),
        "study": expansion.study.name,
        "mlflow.experimentKind": "custom_model_development",
    }


def params(summary: Summary) -> dict[str, object]:
    """Returns the parameters of the parent run, which never change: what a longer budget or another seed leaves."""
    study = summary.study
    return {"profile": study.baseline.profile, "primary_metric": study.primary_metric}


def tags(summary: Summary, known: Mapping[str, str], status: str, capped: str, note: str) -> dict[str, object]:
    """Returns the tags of the parent run.

    Args:
        summary: the study.
        known: the tags that it has.
        status: where the study stands.
        capped: the sentence on what a cap has left; empty where none has ended the newest run.
        note: its description.
    """
    study = summary.study
    states = Counter(in_words(status.state, study) for status in summary.statuses)
    said = {
        "kind": "study",
        "arm": "the study",  # its row in a table by arm
        "status": status,
        "trials": ", ".join(f"{number} {state}" for state, number in states.items()),
        "primary_metric": study.primary_metric,
        "policy": study.policy.name,
        "profile": study.baseline.profile,
        "seeds": ", ".join(map(str, study.seeds)),
        "budget_images": study.budget_images,
        "rungs": ", ".join(map(str, study.rungs)) or "none",
        "capped": capped or "no",
        **_verdicts(summary.verdicts),
        **figures.verdict_tags(summary),
        NOTE_TAG: note,
    }
    return {**said, **figures.no_longer_asked(known, said)}


def _verdicts(verdicts: Verdicts) -> dict[str, str]:
    """What the study says, in tags that the run table can show; the whole of it is in ``report/verdicts.json``."""
    named = [f"{v.contrast.name}: {verdict_text.word(v)}" for v in verdicts.clear()]
    best = verdicts.best
    return {
        "verdicts": verdict_text.counted(verdicts) or "nothing compared",
        "clear": "; ".join(named) or "none",
        "best": "none yet" if best is None else best.arm,
        "may_be_best": "none yet" if best is None else "; ".join(best.candidates),
    }


def _status(summary: Summary) -> str:
    if summary.failures:
        return f"{len(summary.failures)} trials failed"
    return "finished" if summary.finished else "not finished"


def run_status(summary: Summary) -> str:
    """Returns MLflow's status of a study of which no run goes on."""
    if summary.failures:
        return "FAILED"
    return "FINISHED" if summary.finished else "KILLED"


def began(store: Store, study: str) -> int | None:
    """Returns when the study's first run began, in milliseconds, None where that is not recorded."""
    claims = store.records.numbered(Claim.folder(study), Claim).found
    return milliseconds(claims[min(claims)].written) if claims else None


def ended_at(store: Store, study: str) -> int | None:
    """Returns when the study's last run ended, in milliseconds, None where that is not recorded: it was killed."""
    sealed = store.records.find(RunRecord.key(study, store.last_run(study)), RunRecord)
    return None if sealed is None else milliseconds(sealed.written)


def files(store: Store, study: str, *, report: bool) -> Iterator[tuple[str, bytes]]:
    """Yields the name and the content of what the store keeps for people: its definition, plan, report, and origin."""
    folder = f"studies/{study}/"
    keys = [f"{folder}study.yaml", f"{folder}preview.txt"]
    keys += [key for key in store.records.names(f"{folder}plan/") if key.rpartition("/")[2][:1].isdigit()]
    if report:
        keys += [*store.records.names(f"{folder}report/"), *store.records.names(f"{folder}report/figures/")]
    if origins := provenance(store, study):
        yield "provenance.json", json.dumps(origins, indent=2, sort_keys=True).encode()
    for key in keys:
        data = store.records.backend.get(key)
        if data:  # a folder has none
            yield key.removeprefix(folder), data
