"""What a ``Client`` does with studies that a store holds already."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dit_core.errors import UserError, unknown
from search_spaces.study import Study
from service.again import again
from service.analysis.study_result import StudyResult
from service.mlflow_sync.address import absolute, default_tracking_uri
from service.plugins import use_recorded
from service.records.place import Place
from service.records.store import Store
from service.records.study_files import read_definition
from service.restored import restore
from service.sources import open_recorded

if TYPE_CHECKING:
    import pandas as pd

    from dit_core.config import TrialConfig
    from dit_core.model.dit import DiT
    from service.keeping.bundle import Manifest
    from service.keeping.compare import Comparison
    from service.keeping.garbage import Garbage
    from service.keeping.promote import Promoted
    from service.keeping.remove import Removal
    from service.keeping.take_in import TakenIn
    from service.session import Session

Tell = Callable[[str], None]


def _silent(text: str) -> None:
    """Tells nobody."""


class Keeping(ABC):
    """Reads, compares, shares, tries again and removes studies of a store; a part of ``Client``."""

    store_place: Place
    tracking_uri: str | None
    address: str | None

    @abstractmethod
    def require_store(self) -> Store:
        """Returns the store, which must be there."""

    @abstractmethod
    def status(self, study: Study | str | Path) -> StudyResult:
        """Returns where a study stands."""

    @abstractmethod
    def report(self, study: Study | str | Path) -> StudyResult:
        """Writes the report anew and returns the results."""

    @abstractmethod
    def sync(self, study: str | None = None) -> dict[str, str | None]:
        """Brings MLflow up to date."""

    @abstractmethod
    def elsewhere(self, store: str) -> Keeping:
        """Returns a client of another store."""

    def curves(self, study: Study | str | Path) -> pd.DataFrame:
        """Returns the curves of all trials in one long frame; see ``service.paper.curves``."""
        from service.paper.curves import curves  # pandas: see the top of ``service.client``

        return curves(self.status(study), self.require_store())

    def compare(self, *studies: str) -> Comparison:
        """Lays several studies side by side; see ``service.keeping.compare``.

        Args:
            *studies: names of studies in the store, or ``STORE/STUDY`` for one in another store.

        Raises:
            UserError: fewer than two are given, or one of them is not there.
        """
        from service.keeping.compare import compare, studies_to_compare  # see the top of ``service.client``

        return compare(studies_to_compare(studies, self))

    def retry(self, study: str, arm: str | None = None, *, trust: bool = False) -> Session | None:
        """Prepares a run that tries the study's failed trials again; None where none has failed.

        It is the study as its newest run had it. What else it lacks is run, too.

        Args:
            study: the study's name.
            arm: try only this arm's; those of the others stay given up.
            trust: let the code that the study names run on this machine.

        Raises:
            UserError: there is no such study or arm, or the study cannot run.
        """
        from service.starting import session_of  # see the top of ``service.client``

        store = self.require_store()
        store.require_writable()
        definition = read_definition(store, study)
        failed = store.given_up_records(study)
        if arm is not None:
            use_recorded(store, study)
            names = list(self.status(study).arms["arm"])
            if arm not in names:
                raise unknown("arm", arm, names)
        leave = tuple(record for record in failed if arm is not None and not _is_of(record.trial, arm))
        if len(leave) == len(failed):
            return None
        opened = open_recorded(store, study, trust=trust)
        return session_of(
            opened,
            store,
            self.store_place,
            self.tracking_uri,
            self.address,
            recorded_command=again(store, study, definition.command),
            leave=leave,
        )

    def remove(self, study: str, *, dry_run: bool = False, tell: Tell = _silent) -> Removal:
        """Removes a study and the weights that no other study needs.

        Args:
            study: the study's name.
            dry_run: only say what would be removed.
            tell: told when there is something to wait for.

        Raises:
            UserError: there is no such study, it is being run, or what another study needs is not known.
        """
        from service.keeping.remove import planned_removal, remove_study  # see the top of ``service.client``

        return (planned_removal if dry_run else remove_study)(self.require_store(), study, tell)

    def collect_garbage(
        self, keep: str = "final", study: str | None = None, *, dry_run: bool = True, tell: Tell = _silent
    ) -> Garbage:
        """Frees checkpoints that are not needed; only says which, unless ``dry_run`` is false.

        Args:
            keep: ``final``, ``best`` or ``none``; see ``service.keeping.garbage``.
            study: of this study only.
            dry_run: touch nothing.
            tell: told when there is something to wait for.

        Raises:
            UserError: there is no such study, or what a study needs is not known.
        """
        from service.keeping.garbage import collect_garbage, planned_garbage  # see the top of ``service.client``

        return (planned_garbage if dry_run else collect_garbage)(self.require_store(), keep, study, tell)

    def promote(
        self, study: str, *, arm: str | None = None, seed: int | None = None, model: str | None = None
    ) -> Promoted:
        """Registers the weights of the arm that a study settles on with MLflow, as safetensors.

        Args:
            study: the study's name.
            arm: an arm's name; the best arm of a finished study unless given.
            seed: which of its seeds; the first that ran to the budget unless given.
            model: the registered model's name; the study's unless given.

        Raises:
            UserError: the study settles on no arm yet, there is no such trial or checkpoint, or MLflow cannot be
                written to now.
        """
        from service.keeping.promote import promote  # PyTorch: see the top of ``service.client``
        from service.mlflow_sync.connection import connect

        store = self.require_store()
        if problem := self.sync(study)[study]:
            raise UserError(f"study: {problem}")
        use_recorded(store, study)
        prepared, _ = restore(store, study)
        client = connect(self._tracking(store), store)
        return promote(prepared, store, client, arm=arm, seed=seed, model=model)

    def load_promoted(self, model: str, version: str | None = None) -> tuple[DiT, TrialConfig]:
        """Returns a network that was promoted, ready to sample, and its configuration.

        Args:
            model: the registered model's name: a study's, where none was given.
            version: its number; the version that was promoted last unless given.

        Raises:
            UserError: there is none.
        """
        from service.keeping.promote import load  # PyTorch: see the top of ``service.client``
        from service.mlflow_sync.connection import connect

        store = self.require_store()
        return load(connect(self._tracking(store), store), model, version)

    def _tracking(self, store: Store) -> str:
        return absolute(self.tracking_uri or default_tracking_uri(store))

    def bundle(self, study: str, to: str | Path, *, weights: bool = False) -> Manifest:
        """Writes one file of a study for a colleague: report, records, configurations.

        Args:
            study: the study's name.
            to: a new file.
            weights: with the last checkpoint of every trial.

        Raises:
            UserError: there is no such study, or the file cannot be written.
        """
        to = Path(to).expanduser()
        if to.exists():
            raise UserError(f"bundle: {to} is there already; give a new file")
        self.report(study)
        from service.keeping.bundle import write_bundle  # PyTorch: see the top of ``service.client``

        return write_bundle(self.require_store(), study, to, weights=weights)

    def import_bundle(self, file: str | Path) -> TakenIn:
        """Takes a bundle into the store, which is made where there is none.

        Raises:
            UserError: the file is no sound bundle, or the store has a study of that name.
        """
        path = Path(file).expanduser()
        if not path.is_file():
            raise UserError(f"bundle: there is no file {path}")
        from service.keeping.take_in import import_bundle  # PyTorch: see the top of ``service.client``

        return import_bundle(self.store_place, path)


def _is_of(trial: str, arm: str) -> bool:
    return trial.rpartition(" seed=")[0] == arm
