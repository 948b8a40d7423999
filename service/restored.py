"""A study as its records have it, ready to be read: its data need not be here."""

from __future__ import annotations

from dit_core.errors import UserError
from search_spaces.expand import expand
from service.policies import create
from service.preflight import Prepared
from service.records import study_files
from service.records.store import Store


def restore(store: Store, name: str) -> tuple[Prepared, study_files.Definition]:
    """Prepares a study from its recorded definition; identities are recorded, too.

    Raises:
        UserError: the store has no such study, or one that this version cannot read.
    """
    definition = study_files.read_definition(store, name)
    expansion = expand(definition.study)
    missing = [trial.name for trial in expansion.trials if trial.name not in definition.train_ids]
    if missing:
        raise UserError(
            f"study: {name!r} was recorded by another version, which called its trials differently "
            f"({missing[0]!r} is not among them); run it again"
        )
    policy = create(definition.study.policy)
    return Prepared(expansion, policy, definition.train_ids, {}, plan_digest=definition.analysis_plan), definition
