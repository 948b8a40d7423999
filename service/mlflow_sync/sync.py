"""Keeps MLflow up to date with a study's records: one experiment, one parent run, one child run per trial."""

from __future__ import annotations

import getpass
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dit_core.errors import UserError
from dit_core.gflops import count
from dit_core.identity import digest
from search_spaces.types import Trial
from service.analysis.status import StateKind, TrialState, TrialStatus
from service.analysis.summary import ArmSummary, Summary, summarise
from service.mlflow_sync import content, descriptions
from service.mlflow_sync.connection import absolute, artifact_location, connect, default_tracking_uri, first_line
from service.mlflow_sync.tracked_run import TrackedRun, milliseconds, now
from service.preflight import Prepared
from service.records.store import Store
from service.records.study_files import files_for_people

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from service.engine.wire import Live, TimedPoint

_KEY = "mlflow.dit_ablate.key"  # tags that begin with mlflow. are not listed on its pages
_NOTE = "mlflow.note.content"


class MlflowSync:
    """Writes a study into MLflow, again and again, without ever writing anything twice.

    Everything comes from the store, with the times of its records, and runs are found again by their tags: a
    process that was killed, a server that was down or an earlier sync change nothing in the outcome. After
    ``check`` nothing raises; a failure is remembered, the next ``sync`` starts over, and ``finish`` tells.

    Args:
        tracking_uri: MLflow's address; None records in a SQLite file inside the store.
        prepared: the study.
        store: where its records are.
    """

    def __init__(self, tracking_uri: str | None, prepared: Prepared, store: Store) -> None:
        self.tracking_uri = absolute(tracking_uri or default_tracking_uri(store))
        self._prepared = prepared
        self._study = prepared.expansion.study
        self._store = store
        self._lock = threading.Lock()
        self._client: MlflowClient | None = None
        self._problem: str | None = None
        self._experiment_id: str | None = None
        self._forget()

    def check(self) -> None:
        """Connects, and makes the experiment when it is not there.

        Raises:
            UserError: in one sentence, why nothing can be recorded at this address.
        """
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        self._client = connect(self.tracking_uri)
        try:
            self._experiment_id = self._find_experiment()
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise UserError(
                f"tracking_uri: cannot record the experiment {self._study.name!r} at {self.tracking_uri} "
                f"({first_line(error)})"
            ) from None

    def sync(self, live: Collection[Live] = (), failures: Mapping[str, str] | None = None) -> bool:
        """Brings MLflow up to date; returns whether it is.

        Args:
            live: the segments in flight, with what they have not recorded yet.
            failures: trial name -> error, for trials that were given up.
        """
        with self._lock:
            return self._attempt(live, failures, ended=False, report=())

    def finish(self, report_files: Iterable[Path] = (), failures: Mapping[str, str] | None = None) -> str | None:
        """Brings MLflow up to date for the last time, with the report, and ends the parent run.

        Args:
            report_files: the report and its figures, all below the study's ``report`` folder.
            failures: trial name -> error, for trials that were given up.

        Returns:
            One sentence when something could not be recorded, else None.
        """
        with self._lock:
            self._attempt((), failures, ended=True, report=tuple(report_files))
            return self.problem

    @property
    def problem(self) -> str | None:
        """What the last attempt failed on, in one sentence; None when MLflow is up to date."""
        if self._problem is None:
            return None
        return (
            f"MLflow at {self.tracking_uri} is not up to date ({self._problem}); nothing is lost, the store has it "
            "all, and the same command again brings MLflow up to date"
        )

    @property
    def experiment_id(self) -> str | None:
        """The experiment's id, None before ``check``."""
        return self._experiment_id

    @property
    def parent_run_id(self) -> str | None:
        """The parent run's id, None before the first ``sync``."""
        return self._runs[_parent_key(self._study.name)].id if _parent_key(self._study.name) in self._runs else None

    # -- one attempt ----------------------------------------------------------------------------

    def _attempt(
        self, live: Collection[Live], failures: Mapping[str, str] | None, *, ended: bool, report: tuple[Path, ...]
    ) -> bool:
        try:
            if self._client is None or self._experiment_id is None:
                self.check()
            running = frozenset(item.trial for item in live if item.phase != "queued")
            summary = summarise(self._prepared, self._store, running=running, failures=failures)
            self._prepared = summary.prepared  # with the arms that were proposed while it ran
            if not self._found:
                self._find_runs()
            tails = {summary.prepared.train_ids.get(item.trial, ""): item.tail for item in live}
            parent = self._sync_parent(summary, ended=ended, report=report)
            for arm in summary.arms:
                for status in arm.statuses:
                    self._sync_trial(parent, summary, arm, status, tails.get(status.train_id, ()), ended=ended)
        # whatever goes wrong here (server, network, database, disk) must not reach training
        except Exception as error:
            self._problem = first_line(error)
            self._forget()
            return False
        self._problem = None
        return True

    def _forget(self) -> None:
        """Forgets what MLflow was thought to hold: after a failure the next attempt looks again."""
        self._experiment_id = None
        self._found = False
        self._files: dict[str, bytes] = {}
        self._runs: dict[str, TrackedRun] = {}
        self._done: dict[str, tuple[TrialState, int]] = {}
        self._links: dict[tuple[str, str], str | None] = {}
        self._feeds: dict[str, content.CurveFeed] = {}

    @property
    def _mlflow(self) -> MlflowClient:
        if self._client is None:
            raise RuntimeError("check() has not been called")
        return self._client

    def _find_experiment(self) -> str:
        name = self._study.name
        found = self._mlflow.get_experiment_by_name(name)
        if found is None:
            location = artifact_location(self.tracking_uri, self._store)
            identity = str(self._mlflow.create_experiment(name, artifact_location=location))
        else:
            identity = str(found.experiment_id)
            if found.lifecycle_stage == "deleted":
                self._mlflow.restore_experiment(identity)
        known = found.tags if found is not None else {}
        for key, value in {
            _NOTE: descriptions.describe_experiment(self._prepared.expansion),
            "study": name,
            "mlflow.experimentKind": "custom_model_development",
        }.items():
            if known.get(key) != value:
                self._mlflow.set_experiment_tag(identity, key, value)
        return identity

    def _find_runs(self) -> None:
        """Finds this study's runs by their tags; runs of trials it no longer has are tagged so."""
        known = {_trial_key(trial, self._prepared.train_ids[trial.name]) for trial in self._prepared.expansion.trials}
        known.add(_parent_key(self._study.name))
        for run in self._search(self._experiment_id, f"tags.study = '{self._study.name}'"):
            key = run.data.tags.get(_KEY)
            if key in known:
                self._runs.setdefault(key, TrackedRun(self._mlflow, run))
            elif key is not None:
                left = TrackedRun(self._mlflow, run)
                left.log(tags={"status": "left the study"})
                if run.info.status in ("RUNNING", "SCHEDULED"):
                    left.set_status("KILLED", now())
        self._found = True

    def _search(self, experiment_id: str | None, condition: str) -> Iterable[Run]:
        token = None
        while experiment_id is not None:
            page = self._mlflow.search_runs(
                [experiment_id], condition, order_by=["attributes.start_time ASC"], page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def _run(self, key: str, name: str, start: int, parent: TrackedRun | None) -> TrackedRun:
        if key not in self._runs:
            tags = {
                _KEY: key,
                "study": self._study.name,
                "mlflow.source.name": "dit-ablate",
                "mlflow.user": getpass.getuser(),
            }
            if parent is not None:
                tags["mlflow.parentRunId"] = parent.id
            run = self._mlflow.create_run(self._experiment_id, start_time=start, tags=tags, run_name=name)
            self._runs[key] = TrackedRun(self._mlflow, run)
        return self._runs[key]

    # -- the study ------------------------------------------------------------------------------

    def _sync_parent(self, summary: Summary, *, ended: bool, report: tuple[Path, ...]) -> TrackedRun:
        study = self._study
        states = Counter(str(status.state) for status in summary.statuses)
        parent = self._run(_parent_key(study.name), study.name, now(), None)
        parent.log(
            tags={
                "kind": "study",
                "status": _study_status(summary, ended),
                "trials": ", ".join(f"{number} {state}" for state, number in states.items()),
                "primary_metric": study.primary_metric,
                "policy": study.policy.name,
                "profile": study.baseline.profile,
                "seeds": ", ".join(map(str, study.seeds)),
                "budget_images": study.budget_images,
                "rungs": ", ".join(map(str, study.rungs)) or "none",
                _NOTE: descriptions.describe_study(self._prepared.expansion, summary),
            }
        )
        if ended or "study.yaml" not in self._files:  # it is written when a run begins, and so is the preview
            self._files = files_for_people(self._store, study.name)
        for name, data in self._files.items():
            parent.upload(data, name)
        folder = self._store.study_dir(study.name)
        for path in report:
            parent.upload(path.read_bytes(), str(path.resolve().relative_to(folder)))
        if not ended:
            parent.set_status("RUNNING")
        elif summary.failures:
            parent.set_status("FAILED", now())
        else:
            parent.set_status("FINISHED" if summary.finished else "KILLED", now())
        return parent

    # -- a trial --------------------------------------------------------------------------------

    def _sync_trial(
        self,
        parent: TrackedRun,
        summary: Summary,
        arm: ArmSummary,
        status: TrialStatus,
        tail: Sequence[TimedPoint],
        *,
        ended: bool,
    ) -> None:
        trial = status.trial
        key = _trial_key(trial, status.train_id)
        begun = self._store.trial(status.train_id)
        began = milliseconds(begun.written) if begun is not None else None
        if key not in self._runs and status.state.kind is StateKind.PENDING and status.images == 0:
            return
        if not (ended or tail) and self._done.get(trial.name) == (status.state, status.images):
            return  # another arm may go on training the same weights, hence the tail and the end
        run = self._run(key, trial.name, began or now(), parent)
        result = summary.results[trial.name]
        milestones = self._study.milestones
        cost = count(trial.config.model, trial.config.training.mask_ratio)
        trained = trial.arm.name not in self._prepared.expansion.weights_of  # else the curve is in another trial's run
        if key not in self._feeds:
            self._feeds[key] = content.CurveFeed(self._store, status.train_id, cost, self._study.budget_images)
        rows = [
            *content.cost_rows(cost, began or now()),
            *(self._feeds[key].rows(tail) if trained else ()),
            *content.evaluation_rows(result, milestones, status.is_final),
        ]
        failure = summary.failures.get(trial.name) if status.state.kind is StateKind.FAILED else None
        expansion = self._prepared.expansion
        tags = {
            **content.tags(trial, expansion, status.train_id, status),
            "mlflow.parentRunId": parent.id,
            **({"failure": failure} if failure else {}),
        }
        sources: dict[str, str] = {}
        for payer, images in content.payers(result, milestones, self._study.name).items():
            link = self._link(payer, status.train_id, key)
            tags["reused"] = f"up to {images:,} images"
            tags["reused_from_study"] = payer
            if link is not None:
                tags["reused_from_run"] = link.rpartition("/")[2]
            sources[f"[{payer}]({link})" if link else payer] = f"measurements up to {images:,} images"
        tags[_NOTE] = descriptions.describe_trial(expansion, arm, status, sources, failure)
        run.log(rows, content.params(trial, expansion), tags)
        run.upload(content.config_json(trial).encode(), "config.json")
        run.upload(content.gflops_json(cost).encode(), "gflops.json")
        for images in milestones:
            name = f"samples/{images:09d}.png"
            if images in result.evaluations and not run.holds(name):
                grid = self._store.grid(result.evaluations[images])
                if grid is not None:
                    run.upload(grid, name)
        run.set_status(content.run_status(status.state), run.last or now())
        if not status.state.is_open:
            self._done[trial.name] = (status.state, status.images)

    def _link(self, study: str, train_id: str, key: str) -> str | None:
        """The MLflow page (relative to the server) of another study's run of the same weights, if it has one.

        Where several runs evaluate the same weights, it is the one that evaluates them alike.
        """
        if (study, key) not in self._links:
            found = self._mlflow.get_experiment_by_name(study)
            identity = found.experiment_id if found is not None else None
            runs = list(self._search(identity, f"tags.train_id = '{train_id}' and tags.study = '{study}'"))
            runs.sort(key=lambda run: run.data.tags.get(_KEY) != key)
            link = next((f"#/experiments/{identity}/runs/{run.info.run_id}" for run in runs), None)
            self._links[study, key] = link
        return self._links[study, key]


def _parent_key(study: str) -> str:
    return f"study:{study}"


def _trial_key(trial: Trial, train_id: str) -> str:
    """Identifies a trial's run: its weights and how they are measured."""
    evaluation = trial.config.evaluation.model_dump(mode="json")
    return digest({"train": train_id, "evaluation": evaluation, "vae": trial.config.data.vae})[:32]


def _study_status(summary: Summary, ended: bool) -> str:
    if not ended:
        return "running"
    if summary.failures:
        return f"{len(summary.failures)} trials failed"
    return "finished" if summary.finished else "not finished"
