"""Keeps MLflow up to date with a study's records: one experiment, one parent run, one child run per trial."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from dit_core.errors import UserError
from dit_core.gflops import Cost, count
from dit_core.identity import digest
from search_spaces.types import Expansion
from service.analysis import damage, differing
from service.analysis.damage import Damage
from service.analysis.status import StateKind, TrialState, TrialStatus
from service.analysis.summary import ArmSummary, Summary, summarise
from service.cost.capped import capped_sentence, left_by_cap
from service.mlflow_sync import content, datasets, descriptions, study_content
from service.mlflow_sync import images as grids
from service.mlflow_sync.address import (
    absolute,
    artifact_location,
    default_tracking_uri,
    require_well_formed,
    sqlite_path,
)
from service.mlflow_sync.connection import LOG, connect, first_line
from service.mlflow_sync.gate import Gate, Superseded
from service.mlflow_sync.measurements import evaluations_json
from service.mlflow_sync.parameters import parameters
from service.mlflow_sync.runs import NOTE_TAG, NewRun, StudyRuns, parent_key
from service.mlflow_sync.tracked_run import TrackedRun, now
from service.preflight import Prepared
from service.records.results import Results, TrialResult
from service.records.store import Store
from service.redact import redacted
from service.user import user

if TYPE_CHECKING:
    from service.engine.wire import Live, TimedPoint


T = TypeVar("T")

_WAITING = (StateKind.PENDING, StateKind.SPARED)


@dataclass(frozen=True)
class About:
    """What else is known of a trial, to be shown in its run: where its records have holes, where it was computed.

    Attributes:
        tags: more tags.
        artifacts: name -> content of more artifacts.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, bytes] = field(default_factory=dict)


class MlflowSync:
    """Writes a study into MLflow, again and again, without ever writing anything twice.

    Everything comes from the store, with the times of its records, and runs are found again by their tags: a
    process that was killed, a server that was down, another one that synchronises the same study, or an earlier sync
    change nothing in the outcome. Nothing raises but the constructor; a failure is remembered, the next ``sync`` starts
    over, and ``finish`` tells.

    Args:
        tracking_uri: MLflow's address; None records in a SQLite file inside the store.
        prepared: the study.
        store: where its records are.
        may_write: asked before every write; while it says no, nothing is written, not even a database made.
        about: returns what else is known of the trial with a ``train_id``.

    Raises:
        UserError: the address can never work.
    """

    _runs: StudyRuns | None
    _found: bool
    _has_files: bool

    def __init__(
        self,
        tracking_uri: str | None,
        prepared: Prepared,
        store: Store,
        may_write: Callable[[], bool] = lambda: True,
        about: Callable[[str], About] = lambda _: About(),
    ) -> None:
        self.tracking_uri = absolute(tracking_uri or default_tracking_uri(store))
        require_well_formed(self.tracking_uri)
        self._prepared, self._store, self._about = prepared, store, about
        self._study = prepared.expansion.study
        self._gate = Gate(may_write)
        self._lock = threading.Lock()
        self._problem: str | None = None
        self._experiment_id: str | None = None
        self._parent_run_id: str | None = None
        self._known: Results = {}
        self._worked_out: dict[Callable[[Expansion], Any], tuple[Expansion, Any]] = {}
        self._forget()

    def check(self) -> None:
        """Connects, and makes the experiment when it is not there.

        Raises:
            UserError: in one sentence, why nothing can be recorded at this address now.
        """
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        client = connect(self.tracking_uri, self._store)
        own = self.tracking_uri == default_tracking_uri(self._store)
        location = artifact_location(self.tracking_uri)
        try:
            self._runs = StudyRuns(client, self._gate, self._study.name, self._store.id, location, own=own)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise UserError(
                f"tracking_uri: cannot record the experiment {self._study.name!r} at {redacted(self.tracking_uri)} "
                f"({first_line(error)})"
            ) from None
        self._experiment_id = self._runs.experiment_id

    def sync(self, live: Collection[Live] = (), failures: Mapping[str, str] | None = None) -> bool:
        """Brings MLflow up to date; returns whether it is.

        Args:
            live: the segments in flight, with what they have not recorded yet.
            failures: trial name -> error, for trials that were given up.
        """
        with self._lock:
            return self._attempt(live, failures, ended=False)

    def finish(self, failures: Mapping[str, str] | None = None) -> str | None:
        """Brings MLflow up to date when no run goes on, with the report, and ends the parent run.

        Args:
            failures: trial name -> error, for trials that were given up.

        Returns:
            One sentence when something could not be recorded, else None.
        """
        with self._lock:
            if not self._attempt((), failures, ended=True) and self._gate.is_open:
                self._attempt((), failures, ended=True)  # what another writer removed as a duplicate is found anew
            return self.problem

    @property
    def problem(self) -> str | None:
        """What the last attempt failed on, in one sentence; None when MLflow is up to date."""
        return None if self._problem is None else self.not_up_to_date(self._problem)

    def not_up_to_date(self, reason: str) -> str:
        """Returns the sentence that says so, and why."""
        where = redacted(self.tracking_uri)
        return f"MLflow at {where} is not up to date ({reason}); nothing is lost, the store has it all"

    @property
    def writes(self) -> int:
        """Writes so far; they grow while a sync makes progress."""
        return self._gate.made

    @property
    def patience(self) -> float:
        """Seconds without a write after which it hangs; making a new SQLite database takes long on a busy machine."""
        return 30.0 if sqlite_path(self.tracking_uri) is None else 180.0

    @property
    def experiment_id(self) -> str | None:
        """The experiment's id, None before the first connection."""
        return self._experiment_id

    @property
    def parent_run_id(self) -> str | None:
        """The parent run's id, None before the first ``sync``."""
        return self._parent_run_id

    # -- one attempt ----------------------------------------------------------------------------

    def _attempt(self, live: Collection[Live], failures: Mapping[str, str] | None, *, ended: bool) -> bool:
        if not self._gate.is_open:
            return False
        try:
            self._bring_up_to_date(live, failures, ended=ended)
        except Superseded:  # whoever came later brings MLflow up to date
            self._problem = None
            self._forget()
            return False
        # whatever goes wrong here (server, network, database, disk) must not reach training
        except Exception as error:
            reason = first_line(error).removeprefix("tracking_uri: ")
            if self._problem is None and not ended and self._gate.is_open:
                LOG.warning(
                    f"MLflow at {redacted(self.tracking_uri)} cannot be written to now ({reason}); training goes on, "
                    "and MLflow catches up when it is back"
                )
            self._problem = reason
            self._forget()
            return False
        if self._problem is not None and not ended:
            LOG.warning(f"MLflow at {redacted(self.tracking_uri)} is up to date again")
        self._problem = None
        return True

    def _bring_up_to_date(self, live: Collection[Live], failures: Mapping[str, str] | None, *, ended: bool) -> None:
        if self._found and not self._is_still_there(ended=ended):
            self._forget()
        if self._runs is None:
            self.check()
        running = frozenset(item.trial for item in live if item.phase != "queued")
        summary = summarise(self._prepared, self._store, running=running, failures=failures, known=self._known)
        self._known = summary.results
        self._prepared = summary.prepared  # with the arms that were proposed while it ran
        if not self._found:
            trials = {self._key(status): status for status in summary.statuses}
            self._mlflow_runs.find(
                {parent_key(self._study.name), *trials}, lambda key: self._began(summary, trials[key])
            )
            self._found = True
        tails = {summary.prepared.train_ids.get(item.trial, ""): item.tail for item in live}
        damages = damage.study_damage(summary.expansion, summary.results, self._store) if ended else ()
        cap, left = left_by_cap(self._study.name, self._store) if ended else ("", ())
        parent = self._sync_parent(summary, damages, capped_sentence(cap, left), ended=ended)
        self._make_runs(parent, summary)
        last = 0
        for arm in summary.arms:
            for status in arm.statuses:
                tail = tails.get(status.train_id, ())
                short = cap if status.trial.name in left else ""
                run = self._sync_trial(parent, summary, arm, status, tail, damages, short, ended=ended)
                last = max(last, run.last if run is not None else 0)
        if ended:
            end = study_content.ended_at(self._store, self._study.name) or last or now()
            parent.set_status(study_content.run_status(summary), end)

    def _is_still_there(self, *, ended: bool) -> bool:
        """Whether what is remembered of MLflow still holds: nothing was replaced or deleted since.

        The parent run is asked for each time, the others at the end.
        """
        from mlflow.exceptions import MlflowException

        runs = self._mlflow_runs
        parent = runs.get(parent_key(self._study.name))
        try:
            return parent is not None and parent.look_again() and (not ended or runs.are_intact())
        except MlflowException:
            return False

    def _forget(self) -> None:
        """Forgets what MLflow was thought to hold: after a failure the next attempt looks again."""
        self._runs = None
        self._found = self._has_files = False
        self._done: dict[str, tuple[TrialState, int]] = {}
        self._links: dict[tuple[str, str], str | None] = {}
        self._keys: dict[str, str] = {}
        self._feeds: dict[str, content.CurveFeed] = {}

    @property
    def _mlflow_runs(self) -> StudyRuns:
        if self._runs is None:
            raise RuntimeError("check() has not been called")
        return self._runs

    def _began(self, summary: Summary, status: TrialStatus) -> int | None:
        return content.began(self._store, status.train_id, summary.results[status.trial.name])

    # -- the study ------------------------------------------------------------------------------

    def _sync_parent(self, summary: Summary, damages: Sequence[Damage], capped: str, *, ended: bool) -> TrackedRun:
        name, runs = self._study.name, self._mlflow_runs
        parent = runs.get(parent_key(name))
        if parent is None:
            shared = f" ({user()}, store {self._store.id[:8]})" if runs.is_shared() else ""
            start = study_content.began(self._store, name) or now()
            parent = runs.get_or_make(parent_key(name), name + shared, start, {"kind": "study"})
        self._parent_run_id = parent.id
        varied = self._once(parameters, summary.expansion)[summary.baseline.arm.name]
        expansion, store_id = summary.expansion, self._store.id
        runs.describe(study_content.experiment_tags(expansion, tuple(varied), runs.experiment_id, parent.id, store_id))
        if ended or not self._has_files:  # they are written when a run begins, and when it has ended
            for path, data in study_content.files(self._store, name, report=ended):
                parent.upload(data, path)
            self._has_files = True
        said = study_content.parent_content(summary, self._store, parent.tags, ended=ended, capped=capped)
        for path, data in said.tables.items():
            parent.upload(data, path)
        state = digest([(name, step) for name, _, _, step in said.rows]) if ended else None
        rows = () if state is not None and parent.was_brought_to(state) else said.rows
        parent.log(rows, said.params, {**said.tags, **(damage.tags(damages) if ended else {})}, state)
        if not ended:
            parent.set_status("RUNNING")
        return parent

    # -- a trial --------------------------------------------------------------------------------

    def _sync_trial(
        self,
        parent: TrackedRun,
        summary: Summary,
        arm: ArmSummary,
        status: TrialStatus,
        tail: Sequence[TimedPoint],
        damages: Sequence[Damage],
        cap: str,
        *,
        ended: bool,
    ) -> TrackedRun | None:
        run = self._mlflow_runs.get(self._key(status))
        if run is None:
            return None
        stands, goes_on = (status.state, status.images), bool(tail) or status.state.kind is StateKind.RUNNING
        if not (ended or goes_on) and self._done.get(status.trial.name) == stands:
            return run  # another study may go on training the same weights, which the end takes in
        self._write(run, parent, summary, arm, status, tail, damages, cap, ended=ended)
        self._done[status.trial.name] = stands
        return run

    def _make_runs(self, parent: TrackedRun, summary: Summary) -> None:
        """Makes the runs of all trials that have begun and have none."""
        begun = (status for status in summary.statuses if status.images or status.state.kind not in _WAITING)
        made: dict[str, NewRun] = {}
        for status in begun:
            if self._mlflow_runs.get(key := self._key(status)) is None and key not in made:
                tags = {"kind": "trial", "mlflow.parentRunId": parent.id}
                made[key] = NewRun(status.trial.name, self._began(summary, status) or now(), tags)
        self._mlflow_runs.make(made)

    def _write(
        self,
        run: TrackedRun,
        parent: TrackedRun,
        summary: Summary,
        arm: ArmSummary,
        status: TrialStatus,
        tail: Sequence[TimedPoint],
        damages: Sequence[Damage],
        cap: str,
        *,
        ended: bool,
    ) -> None:
        """Writes what a trial's run lacks; nothing where its records are what it was last brought to."""
        trial, expansion, milestones = status.trial, summary.expansion, self._study.milestones
        result = summary.results[trial.name]
        cost = count(trial.config.model, trial.config.training.mask_ratio)
        feed = self._feed(status, summary, cost)
        if feed is not None:
            feed.look()  # before anything else asks for this curve
        about = self._about(status.train_id)
        failure = summary.failures.get(trial.name) if status.state.kind is StateKind.FAILED else None
        reused, sources = self._reused(result, status)
        tags = {
            **content.tags(trial, expansion, status.train_id, status),
            "mlflow.parentRunId": parent.id,
            **(damage.tags(damages, trial.name) if ended else {}),
            **content.verdict_tag(summary.verdicts, arm.arm),
            **self._once(differing.tags, expansion)[arm.arm.name],
            **self._once(content.colours, expansion)[arm.arm.name],
            "capped": cap or "no",
            **({"failure": failure} if failure else {}),
            **about.tags,
            **reused,
            NOTE_TAG: descriptions.describe_trial(expansion, arm, status, sources, failure, cap),
        }
        files = {
            "config.json": content.config_json(trial).encode(),
            "gflops.json": content.gflops_json(cost).encode(),
            **({"evaluations.json": evaluations_json(result, milestones).encode()} if result.evaluations else {}),
            **about.artifacts,
        }
        measured = [images for images in milestones if images in result.evaluations]
        lacking = [images for images in measured if not run.holds(grids.grid_name(images))]
        params = self._once(parameters, expansion)[arm.arm.name]
        if measured:
            tags[grids.IMAGES_TAG] = "True"
        spans = [span.model_dump(mode="json") for span in self._store.spans(status.train_id)]
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        closing = list(content.closing_rows(status, summary, self._store, trained=feed is not None))
        told = {key: str(value) for key, value in {**tags, **params}.items()}
        state = digest([told, hashes, spans, [(name, step) for name, _, _, step in closing]])
        if not (tail or lacking) and run.is_up_to_date(state, tags, content.run_status(status.state)):
            if feed is not None and feed.has_news:
                del self._feeds[self._key(status)]  # the run has these windows, and many trials have many
            return
        for name, data in files.items():
            run.upload(data, name)
        for images in lacking:
            grid = self._store.grid(result.evaluations[images])
            if grid is not None:
                made = content.evaluated(result.evaluations[images])
                run.upload_together(grids.files(grid, images, made), grids.grid_name(images))
        if measured:  # which images they were is recorded with the measurements
            run.give_input(datasets.data_of(trial, result))
        began = self._began(summary, status)
        rows = [  # the pages list metrics in the order in which a run got them, and compare by the first
            *content.evaluation_rows(summary, result, final=status.is_final),
            *closing,
            *(feed.rows(tail) if feed is not None else ()),
            *(content.cost_rows(cost, began) if began is not None else ()),
        ]
        last = max([run.last, *(row[2] for row in rows)])
        run.set_status(content.run_status(status.state), last or now())
        run.log(rows, params, tags, None if tail else state)

    def _feed(self, status: TrialStatus, summary: Summary, cost: Cost) -> content.CurveFeed | None:
        """A trial's curve, of which every window is told once; None where it is in another trial's run."""
        if status.trial.arm.name in summary.weights_of:
            return None
        key = self._key(status)
        if key not in self._feeds:
            self._feeds[key] = content.CurveFeed(self._store, status.train_id, cost, self._study.budget_images)
        return self._feeds[key]

    def _reused(self, result: TrialResult, status: TrialStatus) -> tuple[dict[str, str], dict[str, str]]:
        """The tags on what another study has paid for, and the sources of it -> what comes from there."""
        tags: dict[str, str] = {}
        sources: dict[str, str] = {}
        for payer, images in content.payers(result, self._study.milestones, self._study.name).items():
            link = self._link(payer, status.train_id, self._key(status))
            tags["reused"] = f"up to {images:,} images"
            tags["reused_from_study"] = payer
            if link is not None:
                tags["reused_from_run"] = link.rpartition("/")[2]
            sources[f"[{payer}]({link})" if link else payer] = f"measurements up to {images:,} images"
        return tags, sources

    def _once(self, ask: Callable[[Expansion], Mapping[str, T]], expansion: Expansion) -> Mapping[str, T]:
        """What is asked of all arms together; worked out once, until the study grows."""
        known = self._worked_out.get(ask)
        if known is None or known[0] is not expansion:
            known = self._worked_out[ask] = expansion, ask(expansion)
        found: Mapping[str, T] = known[1]
        return found

    def _key(self, status: TrialStatus) -> str:
        """Identifies a trial's run: its weights and how they are measured."""
        if status.trial.name not in self._keys:
            config = status.trial.config
            evaluation = config.evaluation.model_dump(mode="json")
            content = {"train": status.train_id, "evaluation": evaluation, "vae": config.data.vae}
            self._keys[status.trial.name] = digest(content)[:32]
        return self._keys[status.trial.name]

    def _link(self, study: str, train_id: str, key: str) -> str | None:
        """The MLflow page (relative to the server) of another study's run of the same weights, if it has one."""
        if (study, key) not in self._links:
            self._links[study, key] = self._mlflow_runs.page(study, train_id, key)
        return self._links[study, key]
