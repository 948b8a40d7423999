"""Makes records again that follow from what is there."""

from __future__ import annotations

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.load import study_from_yaml
from service.analysis.damage import Damage
from service.analysis.standing import Standing, books
from service.command_text import command_line
from service.preflight import prepare
from service.records.envelope import CorruptRecord, moved
from service.records.kinds import DefinitionRecord, TrialRecord
from service.records.network_counts import counts_record
from service.records.store import Store
from service.verify.scan import first_of


def mend_orphan(store: Store, damage: Damage) -> None:
    """Puts a record that was made again where it is looked for.

    Raises:
        UserError: it is damaged, too.
    """
    base = first_of(damage.key)
    try:
        data = moved(store.records.backend.get(damage.key) or b"", damage.key, base)
    except CorruptRecord as error:
        raise UserError(str(error)) from None
    store.records.backend.put(base, data)


def mend_configuration(store: Store, damage: Damage, known: Standing) -> None:
    """Records a trial's configuration as the study's definition has it."""
    trial = known.prepared.expansion.trial(damage.trials[0])
    store.records.put(damage.key, TrialRecord(config=trial.config.model_dump(mode="json")))


def mend_definition(store: Store, damage: Damage) -> None:
    """Records a study's definition anew from its ``study.yaml``, which is kept for people.

    Raises:
        UserError: that file is gone, damaged or of another study, or its data is not here.
    """
    name, key = damage.study, f"studies/{damage.study}/study.yaml"
    data = store.records.backend.get(key)
    again = "run the study again from its file, and nothing that is recorded runs twice"
    if not data:
        raise UserError(f"{key} is missing; {again}")
    try:
        study = study_from_yaml(data.decode(), key)
    except UnicodeDecodeError:
        raise UserError(f"{key} is damaged; {again}") from None
    if study.name != name:
        raise UserError(f"{key} is of the study {study.name!r}; {again}")
    prepared = prepare(expand(study))
    record = DefinitionRecord(
        study=study.model_dump(mode="json"),
        train_ids=dict(prepared.train_ids),
        analysis_plan=prepared.plan_digest,
        source="study.yaml",
        command=command_line("run", [name], store.place),
    )
    store.records.put(damage.key, record)


def mend_counts(store: Store, damage: Damage, known: Standing) -> None:
    """Records anew what the networks of a study cost: all of them, whatever the damaged record held."""
    store.records.put(damage.key, counts_record(known.prepared.expansion.arms))


def mend_decision(store: Store, damage: Damage, known: Standing) -> None:
    """Records a decision again as it follows from the records, under the study's present plan and policy.

    Raises:
        UserError: it was made under another plan or policy.
    """
    book, _ = books(known.prepared, store)
    if damage.key.removesuffix(".json").split("/")[3] != book.scope:
        raise UserError("it was made under another plan or policy, under which nothing is acted on any more")
    look = damage.key.rpartition("/")[2].removesuffix(".json")
    for decision in known.decisions:
        if decision.look == look or (look == book.scope and decision.look not in known.foreseen):
            book.put(decision)
            return
    raise UserError("the records that it was made from are missing, too; the study's next run decides again")
