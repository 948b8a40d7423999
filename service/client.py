"""The Python API: everything that ``dit-ablate`` can do, with a result of pandas frames.

What trains, samples or rewrites weights imports PyTorch, which takes seconds; what draws, submits or simulates imports
other packages. Methods import that when they are called, so that whoever asks for a status does not wait for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dit_core.errors import UserError
from dit_core.plugins.bundle import Bundle
from dit_core.runtime.account import complete_environment
from search_spaces.expand import expand
from search_spaces.load import presets
from search_spaces.study import Study
from service import companions
from service.again import again
from service.analysis.pausing import no_collection
from service.analysis.standing import standing
from service.analysis.study_result import StudyResult
from service.choices import Choices, plugins_of, refuse_unknown
from service.command_text import arguments_of, join, tracking_argument
from service.default_store import DEFAULT_STORE, no_store
from service.engine import read_live, request_stop
from service.export_choices import ExportChoices
from service.keeping.client import Keeping
from service.plugins import named_plugins, use_recorded
from service.preflight import Prepared, prepare
from service.records import study_files
from service.records.place import place_of
from service.records.results import collect
from service.records.store import Store
from service.records.study_files import read_definition
from service.restored import restore
from service.result import result_of
from service.sources import open_study

if TYPE_CHECKING:
    from dit_core.interop.export import Exported
    from service.analysis.preview import Preview
    from service.engine import Snapshot
    from service.jobs.job import Job
    from service.session import Session
    from service.simulation.simulate import Simulated
    from service.verify.inspect import Verdict
    from service.verify.repair import Repaired


class Client(Keeping):
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

    Example:
        ```python
        client = Client(store="my-store")
        print(client.plan("dit-digits"))
        result = client.run("dit-digits", seeds=(0, 1, 2))
        print(result.arms)
        ```
    """

    def __init__(
        self, store: str | Path | None = None, tracking_uri: str | None = None, address: str | None = None
    ) -> None:
        complete_environment()
        self.given_store = None if store is None else str(store)
        self.store_place = place_of(DEFAULT_STORE if store is None else store)
        self.tracking_uri = tracking_uri
        self.address = address

    # -- before ---------------------------------------------------------------------------------

    def plan(
        self,
        study: Study | str | Path,
        *,
        measure: bool = False,
        tell: Callable[[str], None] = lambda text: None,
        **choices: Unpack[Choices],
    ) -> Preview:
        """Returns what a study would cost and what the store already holds; nothing is written to the store.

        Works without the study's data: the preview then says in ``blocker`` what ``run`` will need.

        Args:
            study: the study.
            measure: time a few steps of every arm whose speed is not known yet, and keep what was found in this
                machine's cache: in this process, or on a lane of Ray where an address was given or a lane has several
                workers. Nothing runs without it.
            tell: told what is being measured.
            **choices: changes to the study, see ``Choices``.

        Raises:
            UserError: the study itself makes no sense, or it is to be measured and cannot run.
        """
        from service.cost.check import cap_too_low
        from service.phases import preview_of
        from service.starting import require_complete

        store = self._existing_store()
        opened = open_study(study, choices, store, run=measure)
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
            require_complete(opened, choices)
        except UserError as error:
            blocker = getattr(error, "short", str(error))  # an IncompletePlan's, whose rest is shown anyway
        if measure:
            if prepared is None:
                raise UserError(f"measure: the study cannot run yet: {blocker}")
            from service.measuring import measure_arms  # PyTorch: see the top of this file

            measure_arms(prepared, store, self.address, tell)
        shown = preview_of(opened, expansion, prepared, store, blocker)
        return replace(shown, blocker=shown.blocker or cap_too_low(shown.estimate))

    def simulate(
        self,
        study: Study | str | Path,
        *,
        policies: tuple[str, ...] = (),
        curves: str = "generated",
        worlds: tuple[str, ...] = (),
        studies: int = 200,
        lanes: int = 1,
        seeds_used: str | None = None,
        draw: int = 0,
        **choices: Unpack[Choices],
    ) -> Simulated:
        """Replays many studies under stopping policies, on curves whose end is known; nothing trains.

        Args:
            study: the study: its arms and ablations, rungs and budget.
            policies: policies as ``NAME`` or ``NAME:OPTION=VALUE,...``; none asks for all.
            curves: ``generated``; ``recorded`` for the curves of ``dit-digits`` and ``dit-modern`` that come with the
                package; or the store in which every trial of the study was measured to the end.
            worlds: names of generated worlds; none takes a grid of them.
            studies: how many are drawn.
            lanes: segments that run side by side.
            seeds_used: how many seeds each drawn study has, e.g. ``3`` or ``1-8``; None takes the study's.
            draw: which studies are drawn; another number draws others.
            **choices: changes to the study, see ``Choices``.

        Raises:
            UserError: a policy, a world or the study makes no sense, or a recorded curve is not whole.
        """
        from service.simulation import sources
        from service.simulation.shipped import unpacked
        from service.simulation.simulate import simulate

        if curves == "recorded":
            name = study.name if isinstance(study, Study) else str(study)
            with unpacked(name) as folder:
                kept = read_definition(Client(store=folder).require_store(), name).study
                simulated = self.simulate(
                    kept,
                    policies=policies,
                    curves=str(folder),
                    worlds=worlds,
                    studies=studies,
                    lanes=lanes,
                    seeds_used=seeds_used,
                    draw=draw,
                    **choices,
                )
            return replace(simulated, curves="recorded curves of real runs")
        expansion = expand(open_study(study, choices, self._existing_store(), run=True).study)
        found = sources.policies_of(policies)
        counts = (len(expansion.study.seeds),) if seeds_used is None else sources.counts(seeds_used)
        if curves == "generated":
            names = worlds or sources.GRID
            drawn, told = sources.generated(expansion, names, counts), f"generated worlds ({', '.join(names)})"
        elif worlds:
            raise UserError("--world: it is for generated curves; leave it out, or leave --curves out")
        else:
            recorded = Client(store=curves).require_store()
            results = collect(expansion, recorded, prepare(expansion).train_ids)
            drawn, told = sources.from_records(expansion, results, counts), f"curves recorded in {curves}"
        return simulate(drawn, found, curves=told, studies=studies, lanes=lanes, seed=draw)

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
        from service.starting import require_complete, session_of

        existing = self._existing_store()
        if existing is not None:
            existing.require_writable()
        opened = open_study(study, choices, existing, run=True)
        require_complete(opened, choices)
        return session_of(opened, existing, self.store_place, self.tracking_uri, self.address)

    def submit(self, study: str | Path, *, executor: str = "ray", **choices: Unpack[Choices]) -> Job:
        """Submits a study to the cluster at ``address`` as a Ray job and returns the job.

        The study's file travels with the job, its plugins, and Python files beside it. Store, data and tracking URI are
        meant as the cluster sees them, and nothing of them is looked for here. A name that is neither a file nor a
        preset is a study of the cluster's store.

        Raises:
            UserError: the study makes no sense, or no cluster answers.
        """
        from service.jobs.luggage import packed_plugin
        from service.jobs.submit import submit
        from service.jobs.tracking import for_job
        from service.starting import require_complete

        if isinstance(study, Study):
            raise UserError(
                f"study: {study.name!r} is a Study, which does not travel with a job; write it to a file with "
                "search_spaces.load.dump_study and submit that"
            )
        refuse_unknown(choices, Choices)
        store = self._store_on_cluster()
        path: Path | None = None
        plugins: tuple[Bundle, ...] = ()
        name = source = os.fspath(study)
        if Path(name).suffix or os.sep in name or name in presets() or Path(name).exists():
            opened = open_study(study, choices, run=True)
            require_complete(opened, choices)
            expand(opened.study)
            path, name, plugins = opened.path, opened.study.name, opened.plugins
        elif "plugins" in choices:
            raise UserError(f"--plugin: {source} is a study of the cluster's store, which has its plugins with it")
        added = [named_plugins({"plugins": [plugin]}, None)[0] for plugin in plugins_of(choices)]
        own = [bundle for bundle in plugins if bundle not in added]
        there = dict(choices)
        if plugins:
            there |= {"plugins": [packed_plugin(index, bundle) for index, bundle in enumerate(added)], "trust": True}
        arguments = list(arguments_of(source, there, paths_here=False)[1:])  # type: ignore[arg-type]
        if store is not None:
            arguments += ["--store", store]
        here = {**choices, "plugins": [str(bundle.path) for bundle in added]}
        again = ["dit-ablate", "submit", str(path.absolute()) if path is not None else source]
        again += arguments_of(source, here, paths_here=False)[1:]  # type: ignore[arg-type]
        again += ["--store", store] if store is not None else []
        if self.tracking_uri is not None:
            again += ["--tracking-uri", tracking_argument(self.tracking_uri)]
        return submit(
            [path.name if path is not None else source, *arguments, "--executor", executor],
            address=self.address,
            study_file=path,
            own_plugins=own,
            added_plugins=added,
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

    @no_collection()
    def status(self, study: Study | str | Path) -> StudyResult:
        """Returns where a study stands, from the store alone: a run may be going on anywhere."""
        store = self.require_store()
        name = self._name(study, store)
        use_recorded(store, name)
        prepared, definition = restore(store, name)
        live = read_live(store, name)
        running = frozenset(item.trial for item in live.running) if live is not None else frozenset()
        ended = store.runs(name).get(store.last_run(name)) if live is None else None
        others = [own for own in companions.names(name)[1:] if live is None and read_live(store, own) is not None]
        return result_of(
            store,
            prepared,
            again(store, name, definition.command),
            running=running,
            failures=store.given_up(name),
            interrupted=ended is not None and ended.interrupted,
            tracking_uri=self.tracking_uri,
            live=live,
            warnings=tuple(f"study {own}, which runs with it, is going on: `status {own}` shows it" for own in others),
        )

    @no_collection()
    def report(self, study: Study | str | Path) -> StudyResult:
        """Writes the report anew from the store's records and returns the results with its path.

        Raises:
            UserError: the store has no such study, or the report cannot be written.
        """
        from service.report import build_report

        store = self.require_store()
        name = self._name(study, store)
        use_recorded(store, name)
        prepared, definition = restore(store, name)
        try:
            report = build_report(prepared, store, command=again(store, name, definition.command))
        except OSError as error:
            where = store.shown(f"studies/{name}/report")
            raise UserError(f"report: cannot write to {where} ({error.strerror or error})") from None
        return result_of(
            store,
            prepared,
            again(store, name, definition.command),
            report=report.shown,
            tracking_uri=self.tracking_uri,
            summary=report.summary,
            damage=report.damage,
        )

    def export(self, study: Study | str | Path, to: str | Path, **which: Unpack[ExportChoices]) -> Exported:
        """Writes a trial's weights so that the paper's code or diffusers opens them.

        Args:
            study: the study.
            to: the file (``official``) or folder (``diffusers``) to write.
            **which: the layout and which weights, see ``ExportChoices``.

        Raises:
            UserError: there is no such trial or checkpoint, or the layout cannot hold the network.
        """
        from service.export import export_trial  # PyTorch: see the top of this file

        refuse_unknown(which, ExportChoices, required=("layout",))
        store = self.require_store()
        name = self._name(study, store)
        use_recorded(store, name)
        prepared, _ = restore(store, name)
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
        from service.mlflow_sync import MlflowSync
        from service.mlflow_sync.origins import origins_for_mlflow

        store = self.require_store()
        store.require_writable()
        if study is not None:
            study_files.read_definition(store, study)  # says that it is not there, and what is
        found: dict[str, str | None] = {}
        for name in (study,) if study is not None else (*self.studies(), *self.unreadable()):
            try:
                use_recorded(store, name)
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
        from service.verify.inspect import verify

        return verify(self._with_code(study), study)

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
        from service.verify.repair import repair  # PyTorch: see the top of this file

        return repair(self._with_code(study), study, train=train, tell=tell)

    def stop(self, study: Study | str | Path) -> bool:
        """Asks a running study to checkpoint and end; returns whether a run was going on."""
        store = self.require_store()
        name = self._name(study, store)
        going = next((own for own in companions.names(name) if read_live(store, own) is not None), None)
        return going is not None and request_stop(store, going)

    def studies(self) -> list[str]:
        """Returns the names of the studies in the store."""
        store = self._existing_store()
        return [] if store is None else study_files.defined_studies(store)

    def unreadable(self) -> list[str]:
        """Returns the names of the studies in the store whose definition is damaged or missing."""
        store = self._existing_store()
        return [] if store is None else study_files.unreadable_studies(store)

    def elsewhere(self, store: str) -> Client:
        """Returns a client of another store."""
        return Client(store)

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

    def _with_code(self, study: str | None) -> Store:
        """The store, with a study's plugins in use as far as they may run here."""
        store = self.require_store()
        if study is not None:
            use_recorded(store, study)
        return store

    def _name(self, study: Study | str | Path, store: Store) -> str:
        if isinstance(study, str) and study_files.is_defined(store, study):
            return study
        if isinstance(study, str) and not Path(study).exists() and study not in presets():
            study_files.read_definition(store, study)  # says that it is not there, and what is
        return open_study(study, {}, store).study.name
