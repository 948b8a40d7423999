"""A study as its records have it, ready to be read: its data need not be here."""

from __future__ import annotations

from dit_core.errors import UserError
from dit_core.plugins.active import declare
from search_spaces.expand import expand
from service.policies import create
from service.policies.not_run import NotRunPolicy
from service.preflight import Prepared
from service.records import study_files
from service.records.network_counts import tell_counts
from service.records.store import Store
from service.search import policy_of


def restore(store: Store, name: str) -> tuple[Prepared, study_files.Definition]:
    """Prepares a study from its recorded definition; identities are recorded, too.

    Raises:
        UserError: the store has no such study, or one that this version cannot read.
    """
    definition = study_files.read_definition(store, name)
    tell_counts(store, name)
    for bundle in definition.plugins:
        declare(bundle)  # whoever runs another study at this moment has that one's plugins in use
    expansion = expand(definition.study)
    missing = [trial.name for trial in expansion.trials if trial.name not in definition.train_ids]
    if missing:
        raise UserError(
            f"study: {name!r} was recorded by another version, which called its trials differently "
            f"({missing[0]!r} is not among them); run it again"
        )
    stopping = create(definition.study.policy)
    if isinstance(stopping, NotRunPolicy):
        stopping = NotRunPolicy(stopping.name, stopping.recorded_options, definition.policy_digest)
    policy = policy_of(definition.study, stopping)
    return Prepared(expansion, policy, definition.train_ids, {}, plan_digest=definition.analysis_plan), definition
