"""A study that has passed every check: its command, its run and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from service.analysis.numbers import plural
from service.analysis.preview import Preview, preview
from service.analysis.standing import standing
from service.analysis.study_result import StudyResult
from service.command_text import command_line, tracking_argument
from service.cost.capped import capped_sentence
from service.cost.prediction import record_prediction
from service.engine import Live, Snapshot, run_segments
from service.executors import refuse_unused_address
from service.jobs.inside import in_working_folder, submission_id, submitted_command
from service.mlflow_sync import BackgroundSync, MlflowSync
from service.mlflow_sync.address import absolute
from service.mlflow_sync.connection import import_mlflow
from service.mlflow_sync.origins import origins_for_mlflow
from service.phases import after, before, beside
from service.plugins import put_in_use
from service.preflight import Prepared
from service.records import study_files
from service.records.kinds import GivenUp
from service.records.place import S3Place, place_of
from service.records.store import Store
from service.redact import redacted
from service.report import Report, build_report
from service.result import result_of
from service.sources import Opened


@dataclass(frozen=True)
class Session:
    """A study that has passed every check and is ready to run.

    Attributes:
        store: where records go.
        opened: the study and where it came from.
        prepared: the study with its identities.
        preview: what is about to happen.
        tracking_uri: MLflow's address as it was given; None for the default.
        address: a Ray cluster's address as it was given; None for a Ray of its own.
        recorded_command: the command of the run that this one repeats; empty where it repeats none.
        leave: trials that an earlier run has given up and this one leaves out.
    """

    store: Store
    opened: Opened
    prepared: Prepared
    preview: Preview
    tracking_uri: str | None = None
    address: str | None = None
    recorded_command: str = ""
    leave: tuple[GivenUp, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the store before the run, a sentence each."""
        told = list(self.store.notes)
        if self.tracking_uri is None and isinstance(place_of(self.store.place), S3Place):
            told.append(
                f"MLflow's database lies on this machine only, in {self.store.path}: the store is on S3; give "
                "--tracking-uri for one that others see"
            )
        return tuple(told)

    def command(self, executor: str = "ray") -> str:
        """Returns the command that continues or repeats the study, where its reader will type it, without passwords.

        Of a run that was submitted it is the command that submitted it.
        """
        if self.recorded_command:
            return self.recorded_command
        submitted = submitted_command()
        if submitted is not None:
            return submitted
        arguments = list(self.opened.arguments)
        if self.opened.source == "python":
            kept = self.store.shown(f"studies/{self.opened.study.name}/study.yaml")
            arguments = [str(kept) if isinstance(kept, Path) else self.opened.study.name]
        elif self.opened.path is not None and in_working_folder(self.opened.path.absolute()):
            arguments = [self.opened.study.name]  # as the store has it: the file is thrown away with the job
        address = self.address if executor == "ray" else None
        if executor != "ray":
            arguments += ["--executor", executor]
        elif submission_id() is not None:
            arguments += ["--address", "auto"]  # on the cluster, where no job sets RAY_ADDRESS
        if address is not None and submission_id() is None and address != os.environ.get("RAY_ADDRESS"):
            arguments += ["--address", redacted(address)]
        uri = self.tracking_uri
        if uri is not None and uri != os.environ.get("MLFLOW_TRACKING_URI"):
            arguments += ["--tracking-uri", tracking_argument(absolute(uri))]
        return redacted(command_line("run", arguments, self.store.place))

    def run(
        self,
        *,
        executor: str = "ray",
        on_update: Callable[[Snapshot], None] | None = None,
        ray_temp_dir: str | None = None,
        on_begin: Callable[[Session], None] = lambda session: None,
    ) -> StudyResult:
        """Runs the study; see ``Client.run``. Its arms are tuned before, and the best of its search compared after.

        ``on_begin`` is told of each of these studies before its snapshots come.
        """

        refuse_unused_address(self.address, executor)

        def run(session: Session, told: Callable[[Snapshot], None] | None) -> StudyResult:
            on_begin(session)
            return session._run(executor=executor, on_update=told, ray_temp_dir=ray_temp_dir)

        ended, lost = self._tune(executor, on_update, run)
        if ended is not None:
            return ended
        result = run(self, on_update)
        result = replace(result, warnings=(*lost, *result.warnings))
        if result.interrupted or result.capped or (best := after(self.prepared, self.store)) is None:
            return result
        final = self._beside(best)
        if standing(best, self.store).plan.finished:
            return result
        done = run(final, on_update)
        warnings: list[str] = []
        self._report(warnings, self.command(executor))  # it shows the best beside the search
        told = (*result.warnings, *warnings, *done.warnings)
        return replace(result, interrupted=done.interrupted, capped=done.capped, warnings=told)

    def _tune(
        self,
        executor: str,
        on_update: Callable[[Snapshot], None] | None,
        run: Callable[[Session, Callable[[Snapshot], None] | None], StudyResult],
    ) -> tuple[StudyResult | None, tuple[str, ...]]:
        """Runs the study that tunes this one's arms.

        Returns:
            Where this study stands, if it cannot begin yet; and what a person should know of the tuning.
        """
        prepared = before(self.prepared)
        if prepared is None or standing(prepared, self.store).plan.finished:
            return None, ()
        tuning, command = self._beside(prepared), self.command(executor)
        written = False

        def update(snapshot: Snapshot) -> None:
            nonlocal written
            if not written:  # so that whoever asks for the study finds it, before its own first trial
                self._write_files(command, self.prepared.train_ids)
                written = True
            if on_update is not None:
                on_update(snapshot)

        done = run(tuning, update)
        if not (done.interrupted or done.capped):
            lost = len(done.failed)
            told = (f"{plural(lost, 'trial')} of the tuning, study {done.study.name}, failed and was left out",)
            return None, (*done.warnings, *(told if lost else ()))
        ended = result_of(
            self.store,
            self.prepared,
            command,
            interrupted=done.interrupted,
            tracking_uri=self.tracking_uri,
            warnings=(*done.warnings, f"the tuning, study {done.study.name}, is not finished; no arm was compared yet"),
            capped=done.capped,
        )
        return ended, ()

    def _beside(self, prepared: Prepared) -> Session:
        """A session of a study that runs with this one."""
        study = prepared.expansion.study
        shown = preview(prepared.expansion, prepared=prepared, store=self.store)
        return replace(self, opened=beside(self.opened, study), prepared=prepared, preview=shown)

    def _run(
        self,
        *,
        executor: str,
        on_update: Callable[[Snapshot], None] | None,
        ray_temp_dir: str | None,
    ) -> StudyResult:
        """Runs the study itself."""
        plugins = self.opened.plugins
        put_in_use(plugins, run=True, allowed=plugins)  # another study may have been opened since
        command, name = self.command(executor), self.opened.study.name
        live: Collection[Live] = ()
        failed: Mapping[str, str] = {}
        run: int | None = None

        def update(snapshot: Snapshot) -> None:
            nonlocal live, failed, run
            if run is None:
                # now the study is this run's: one that is refused has written nothing, to MLflow neither
                self._write_files(command, {status.trial.name: status.train_id for status in snapshot.statuses})
                run = snapshot.run
                if snapshot.segments_left:  # else the newest run is another's
                    workers = self.opened.study.resources.workers
                    record_prediction(self.store, name, run, self.preview.estimate, workers)
                background.nudge()
            live, failed = tuple(snapshot.live.values()), snapshot.failed
            if on_update is not None:
                on_update(snapshot)

        def may_write() -> bool:
            return run is not None and not background.is_over and not self.store.superseded(name, run)

        sync = MlflowSync(self.tracking_uri, self.prepared, self.store, may_write, about=origins_for_mlflow(self.store))
        import_mlflow()
        warnings: list[str] = []
        with BackgroundSync(sync, lambda: live, lambda: failed) as background:
            outcome = run_segments(
                self.prepared,
                self.store,
                executor=executor,
                address=self.address,
                ray_temp_dir=ray_temp_dir,
                on_update=update,
                leave=self.leave,
            )
            report = self._report(warnings, command)
            # whoever stopped the run, or what will kill it soon, does not wait for a server that hangs
            problem = background.finish(outcome.failed, patience=10.0 if outcome.interrupted else sync.patience)
        if problem is not None:
            warnings.append(f"{problem}: `{self._catch_up()}` catches up")
        return result_of(
            self.store,
            self.prepared,
            command,
            failures=dict(outcome.failed),
            report=report.shown if report else None,
            interrupted=outcome.interrupted,
            tracking_uri=sync.tracking_uri,
            warnings=tuple(warnings),
            capped=capped_sentence(outcome.cap, outcome.capped),
        )

    def _catch_up(self) -> str:
        """The command that brings MLflow up to date."""
        arguments, uri = [self.opened.study.name], self.tracking_uri
        if uri is not None and uri != os.environ.get("MLFLOW_TRACKING_URI"):
            arguments += ["--tracking-uri", redacted(absolute(uri))]
        return command_line("sync", arguments, self.store.place)

    def _write_files(self, command: str, train_ids: Mapping[str, str]) -> None:
        opened, study = self.opened, self.opened.study
        plan = self.prepared.plan_digest
        policy = self.prepared.policy
        study_files.write_definition(
            self.store,
            study,
            train_ids,
            opened.source,
            command,
            analysis_plan=plan,
            plugins=opened.plugins,
            policy_digest="" if policy.source is None else policy.digest,
        )
        if opened.imported is not None and opened.path is not None:
            sentences = (*opened.imported.understood, *opened.imported.not_understood, *opened.imported.notes)
            study_files.write_plan_source(self.store, study, opened.path, tuple(map(str, sentences)))
        study_files.write_preview(self.store, study, str(self.preview))

    def _report(self, warnings: list[str], command: str) -> Report | None:
        try:
            return build_report(self.prepared, self.store, command=command)
        # the results are in the store; a report that cannot be drawn must not take them from the caller
        except Exception as error:
            warnings.append(
                f"the report could not be written ({type(error).__name__}: {error}); "
                f"try `{command_line('report', (self.opened.study.name,), self.store.place)}`"
            )
            return None
