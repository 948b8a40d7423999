"""What stands between a study that was opened and its run: its identities, its store, its preview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dit_core.errors import UserError
from search_spaces.expand import expand
from service.choices import Choices
from service.cost.check import cap_too_low
from service.phases import preview_of
from service.preflight import prepare
from service.records.kinds import GivenUp
from service.records.place import Place
from service.records.store import Store
from service.sources import Opened

if TYPE_CHECKING:
    from service.session import Session


def session_of(
    opened: Opened,
    existing: Store | None,
    place: Place,
    tracking_uri: str | None,
    address: str | None,
    *,
    recorded_command: str = "",
    leave: tuple[GivenUp, ...] = (),
) -> Session:
    """Checks everything that can be checked before the first trial.

    Args:
        opened: the study.
        existing: the store, where there is one.
        place: where it is made otherwise.
        tracking_uri: MLflow's address as it was given.
        address: a Ray cluster's address as it was given.
        recorded_command: the command that the session is known by; empty for that of ``opened``.
        leave: trials that an earlier run has given up and this one leaves out.

    Raises:
        UserError: the study cannot run, in one sentence.
    """
    from service.session import Session  # what runs and draws a study, which a plan does not need

    prepared = prepare(expand(opened.study))
    store = existing or Store(place)  # made only now: a mistake leaves no folder behind
    if existing is None:
        store.require_writable()
    _identified(store)
    shown = preview_of(opened, prepared.expansion, prepared, store, None)
    if (too_low := cap_too_low(shown.estimate)) is not None:
        raise UserError(too_low)
    return Session(store, opened, prepared, shown, tracking_uri, address, recorded_command, leave)


def _identified(store: Store) -> None:
    """Finds out now whether the store is a copy, so that this is said before the run."""
    try:
        _ = store.id
    except OSError as error:
        raise UserError(f"store: cannot write to {store.place} ({error.strerror or error})") from None


def require_complete(opened: Opened, choices: Choices) -> None:
    """Makes sure that an imported plan was understood whole, or may be run without the rest."""
    if opened.imported is not None:
        opened.imported.require_complete(choices.get("skip_unknown", False))
