"""The Python API: everything that ``dit-ablate`` can do, with a result of pandas frames."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from dit_core.errors import UserError
from dit_core.interop.export import Exported
from search_spaces.expand import expand
from search_spaces.load import presets
from search_spaces.study import Study
from search_spaces.types import Expansion
from service.analysis.preview import Preview, preview
from service.analysis.study_result import StudyResult
from service.choices import Choices, refuse_unknown
from service.command_text import arguments_of, join, tracking_argument
from service.default_store import DEFAULT_STORE, no_store
from service.engine import Snapshot, read_live, request_stop
from service.export import ExportChoices, export_trial
from service.jobs.job import Job
from service.jobs.submit import submit
from service.jobs.tracking import for_job
from service.mlflow_sync import MlflowSync
from service.mlflow_sync.origins import origins_for_mlflow
from service.preflight import Prepared, prepare
from service.records import study_files
from service.records.place import place_of
from service.records.store import Store
from service.report import build_report
from service.restored import restore
from service.session import Session, result_of
from service.sources import Opened, open_study
from service.verify.inspect import Verdict, verify
from service.verify.repair import Repaired, repair


class Client:
    """Plans, runs, submits and reads studies.

    A study is a preset's name (``dit-digits``, ``dit-paper``), a study file, a written plan, the name of a study
    that the store holds, or a ``Study`` object. The keyword arguments in ``Choices`` change it on the way.

    Args:
        store: folder for checkpoints and records, or ``s3://BUCKET/PREFIX``; made when it does not exist; shared by any
            number of studies. For ``submit`` as the cluster sees it; None there leaves it to the cluster's
            ``DIT_ABLATE_STORE``.
        tracking_uri: MLflow's address; None records in a SQLite file inside the store, or, for a store on S3, in this
            machine's cache.
        address: a Ray cluster's address; None starts a Ray of its own on this machine.

    Example::

        client = Client(store="my-store")
        print(client.plan("dit-digits"))
        result = client.run("dit-digits", seeds=(0, 1, 2))
        print(result.arms)
    """

    def __init__(
        self, store: str | Path | None = None, tracking_uri: str | None = None, address: str | None = None
    ) -> None:
        self.given_store = None if store is None else str(store)
        self.store_place = place_of(DEFAULT_STORE if store is None else store)
        self.tracking_uri = tracking_uri
        self.address = address

    # -- before ---------------------------------------------------------------------------------

    def plan(self, study: Study | str | Path, **choices: Unpack[Choices]) -> Preview:
        """Returns what a study would cost and what the store already holds; nothing runs, nothing is written.

        Works without the study's data: the preview then says in ``blocker`` what ``run`` will need.

        Raises:
            UserError: the study itself makes no sense.
        """
        store = self._existing_store()
        opened = open_study(study, choices, store)
        opened = replace(opened, notes=(*opened.notes, *(store.notes if store is not None else ())))
        expansion = expand(opened.study)
        prepared: Prepared | None = None
        blocker: str | None = None
        try:
            prepared = prepare(expansion)
            if store is not None:
                known = study_files.recorded_identities(store, expansion)
                prepared = replace(prepared, train_ids={**prepared.train_ids, **known})
                store.require_writable()
            _complete(opened, choices)
        except UserError as error:
            blocker = str(error)
        return _preview(opened, expansion, prepared, store, blocker)

    # -- running --------------------------------------------------------------------------------

    def run(
        self,
        study: Study | str | Path,
        *,
        executor: str = "ray",
        on_update: Callable[[Snapshot], None] | None = None,
        ray_temp_dir: str | None = None,
        **choices: Unpack[Choices],
    ) -> StudyResult:
        """Runs what the store does not hold yet and returns the study's results.

        Run it again after a crash, a stop, a longer budget or one more seed: only what is missing runs.

        Args:
            study: the study.
            executor: ``ray``, or ``local`` for this process without Ray.
            on_update: called with a ``Snapshot`` whenever something has changed.
            ray_temp_dir: where a Ray of its own keeps its session files.
            **choices: changes to the study, see ``Choices``.

        Raises:
            UserError: before the first trial, in one sentence, what is wrong.
        """
        return self.start(study, **choices).run(executor=executor, on_update=on_update, ray_temp_dir=ray_temp_dir)

    def start(self, study: Study | str | Path, **choices: Unpack[Choices]) -> Session:
        """Checks everything that can be checked before the first trial; ``Session.run`` then runs it."""
        existing = self._existing_store()
        if existing is not None:
            existing.require_writable()
        opened = open_study(study, choices, existing)
        _complete(opened, choices)
        prepared = prepare(expand(opened.study))
        store = existing or Store(self.store_place)  # made only now: a mistake leaves no folder behind
        if existing is None:
            store.require_writable()
        _identified(store)
        shown = _preview(opened, prepared.expansion, prepared, store, None)
        return Session(store, opened, prepared, shown, self.tracking_uri, self.address)

    def submit(self, study: str | Path, *, executor: str = "ray", **choices: Unpack[Choices]) -> Job:
        """Submits a study to the cluster at ``address`` as a Ray job and returns the job.

        The study's file travels with the job, and Python files beside it. Store, data and tracking URI are meant as the
        cluster sees them, and nothing of them is looked for here. A name that is neither a file nor a preset is a
        study of the cluster's store.

        Raises:
            UserError: the study makes no sense, or no cluster answers.
        """
        if isinstance(study, Study):
            raise UserError(
                f"study: {study.name!r} is a Study, which does not travel with a job; write it to a file with "
                "search_spaces.load.dump_study and submit that"
            )
        refuse_unknown(choices, Choices)
        store = self._store_on_cluster()
        path: Path | None = None
        name = source = os.fspath(study)
        if Path(name).suffix or os.sep in name or name in presets() or Path(name).exists():
            opened = open_study(study, choices)
            _complete(opened, choices)
            expand(opened.study)
            path, name = opened.path, opened.study.name
        arguments = list(arguments_of(source, choices, paths_here=False)[1:])
        if store is not None:
            arguments += ["--store", store]
        again = ["dit-ablate", "submit", str(path.absolute()) if path is not None else source, *arguments]
        if self.tracking_uri is not None:
            again += ["--tracking-uri", tracking_argument(self.tracking_uri)]
        return submit(
            [path.name if path is not None else source, *arguments, "--executor", executor],
            address=self.address,
            study_file=path,
            study=name,
            again=join(again),
            environment=for_job(self.tracking_uri),
        )

    def _store_on_cluster(self) -> str | None:
        store = self.given_store
        if store is None or store.startswith(("/", "~")) or "://" in store:
            return store
        raise UserError(
            f"store: {store} is relative to a folder of this machine, which the cluster does not see; give an absolute "
            "path there or an s3:// address, or leave it out for the cluster's own DIT_ABLATE_STORE"
        )

    # -- meanwhile and afterwards ---------------------------------------------------------------

    def status(self, study: Study | str | Path) -> StudyResult:
        """Returns where a study stands, from the store alone: a run may be going on anywhere."""
        store = self.require_store()
        name = self._name(study, store)
        prepared, definition = restore(store, name)
        live = read_live(store, name)
        running = frozenset(item.trial for item in live.running) if live is not None else frozenset()
        ended = store.runs(name).get(store.last_run(name)) if live is None else None
        return result_of(
            store,
            prepared,
            definition.command,
            running=running,
            failures=store.given_up(name),
            interrupted=ended is not None and ended.interrupted,
            tracking_uri=self.tracking_uri,
            live=live,
        )

    def report(self, study: Study | str | Path) -> StudyResult:
        """Writes the report anew from the store's records and returns the results with its path.

        Raises:
            UserError: the store has no such study, or the report cannot be written.
        """
        store = self.require_store()
        name = self._name(study, store)
        prepared, definition = restore(store, name)
        try:
            report = build_report(prepared, store, command=definition.command)
        except OSError as error:
            where = error.filename or store.shown(f"studies/{name}/report")
            raise UserError(f"report: cannot write {where} ({error.strerror or error})") from None
        failures, files = store.given_up(name), report.shown
        uri = self.tracking_uri
        return result_of(store, prepared, definition.command, failures=failures, report=files, tracking_uri=uri)

    def export(self, study: Study | str | Path, to: str | Path, **which: Unpack[ExportChoices]) -> Exported:
        """Writes a trial's weights so that the paper's code or diffusers opens them.

        Args:
            study: the study.
            to: the file (``official``) or folder (``diffusers``) to write.
            **which: the layout and which weights, see ``ExportChoices``.

        Raises:
            UserError: there is no such trial or checkpoint, or the layout cannot hold the network.
        """
        from service.analysis.standing import standing

        refuse_unknown(which, ExportChoices, required=("layout",))
        store = self.require_store()
        prepared, _ = restore(store, self._name(study, store))
        prepared = standing(prepared, store).prepared  # with the arms that were proposed while it ran
        return export_trial(prepared, store, Path(to), **which)

    def sync(self, study: str | None = None) -> dict[str, str | None]:
        """Brings MLflow up to date from the store's records alone; a run may be going on anywhere.

        Args:
            study: a study's name; None takes all of the store's.

        Returns:
            Study name -> one sentence on why MLflow is not up to date, None where it is.

        Raises:
            UserError: the store has no such study, or MLflow's address can never work.
        """
        store = self.require_store()
        store.require_writable()
        if study is not None:
            study_files.read_definition(store, study)  # says that it is not there, and what is
        found: dict[str, str | None] = {}
        for name in (study,) if study is not None else (*self.studies(), *self.unreadable()):
            try:
                prepared, _ = restore(store, name)
            except UserError as error:
                found[name] = str(error)
                continue
            sync = MlflowSync(self.tracking_uri, prepared, store, about=origins_for_mlflow(store))
            live, failures = read_live(store, name), store.given_up(name)
            if live is None:
                found[name] = sync.finish(failures)
            else:
                found[name] = None if sync.sync(live.running, failures) else sync.problem
        return found

    def verify(self, study: str | None = None) -> Verdict:
        """Reads a store's records, sample grids and checkpoints, and says what is damaged; nothing is written.

        Args:
            study: read this study and its trials only.

        Raises:
            UserError: there is no store, or no such study in it.
        """
        return verify(self.require_store(), study)

    def repair(
        self, study: str | None = None, *, train: bool = False, tell: Callable[[str], None] | None = None
    ) -> Repaired:
        """Makes again what ``verify`` finds damaged.

        Args:
            study: mend this study and its trials only.
            train: train again where that is needed.
            tell: told what is done, a line each.

        Raises:
            UserError: there is no store, it has format 1 or no such study, or a run of the study is going on.
        """
        return repair(self.require_store(), study, train=train, tell=tell)

    def stop(self, study: Study | str | Path) -> bool:
        """Asks a running study to checkpoint and end; returns whether a run was going on."""
        store = self.require_store()
        name = self._name(study, store)
        return read_live(store, name) is not None and request_stop(store, name)

    def studies(self) -> list[str]:
        """Returns the names of the studies in the store."""
        store = self._existing_store()
        return [] if store is None else study_files.defined_studies(store)

    def unreadable(self) -> list[str]:
        """Returns the names of the studies in the store whose definition is damaged; running them again mends it."""
        store = self._existing_store()
        return [] if store is None else study_files.unreadable_studies(store)

    # -- the store ------------------------------------------------------------------------------

    def _existing_store(self) -> Store | None:
        """The store if there is one; looking never makes a folder."""
        return Store.existing(self.store_place)

    def require_store(self) -> Store:
        """Returns the store, which must be there.

        Raises:
            UserError: it is not.
        """
        store = self._existing_store()
        if store is None:
            raise no_store(self.store_place)
        return store

    def _name(self, study: Study | str | Path, store: Store) -> str:
        if isinstance(study, str) and study_files.is_defined(store, study):
            return study
        if isinstance(study, str) and not Path(study).exists() and study not in presets():
            study_files.read_definition(store, study)  # says that it is not there, and what is
        return open_study(study, {}, store).study.name


def _preview(
    opened: Opened, expansion: Expansion, prepared: Prepared | None, store: Store | None, blocker: str | None
) -> Preview:
    return preview(
        expansion, prepared=prepared, store=store, blocker=blocker, imported=opened.imported, notes=opened.notes
    )


def _identified(store: Store) -> None:
    """Finds out now whether the store is a copy, so that this is said before the run."""
    try:
        _ = store.id
    except OSError as error:
        raise UserError(f"store: cannot write to {store.place} ({error.strerror or error})") from None


def _complete(opened: Opened, choices: Choices) -> None:
    if opened.imported is not None:
        opened.imported.require_complete(choices.get("skip_unknown", False))
