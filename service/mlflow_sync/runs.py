"""A study's experiment in MLflow, and the runs in it that belong to one store; runs of other stores are left alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.mlflow_sync.gate import Gate
from service.mlflow_sync.ownership import STORE_TAG
from service.mlflow_sync.tracked_run import TrackedRun, now
from service.mlflow_sync.view import VIEW_TAG, key_of
from service.user import user

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

KEY_TAG = "mlflow.dit_ablate.key"  # tags that begin with mlflow. are not listed on its pages
DUPLICATE_TAG = "mlflow.dit_ablate.duplicate_of"
NOTE_TAG = "mlflow.note.content"


def parent_key(study: str) -> str:
    """Returns the key of the run that stands for the study."""
    return f"study:{study}"


@dataclass(frozen=True)
class NewRun:
    """A run that is to be made.

    Attributes:
        name: its name.
        start: when it began, in milliseconds.
        tags: its tags, beside those that it is found by.
    """

    name: str
    start: int
    tags: Mapping[str, str]


class StudyRuns:
    """Finds, makes and restores runs by their keys: a key has one run, whoever else makes one at the same time.

    A run that was deleted on MLflow's pages is restored. One that was removed for good is made anew.

    Args:
        client: the tracking client.
        gate: what every write goes through.
        study: the study's name, which is the experiment's.
        store_id: ``id`` of the store.
        location: where a new experiment keeps its artifacts; None leaves that to the server.
        own: whether this is the store's default database, where runs without a store's ``id`` can only be its own.
    """

    def __init__(
        self, client: MlflowClient, gate: Gate, study: str, store_id: str, location: str | None, *, own: bool
    ) -> None:
        self._client, self._gate = client, gate
        self._study, self._store_id, self._own = study, store_id, own
        self._runs: dict[str, TrackedRun] = {}
        self.experiment_id, self._tags = self._find_experiment(location)

    # -- the experiment -------------------------------------------------------------------------

    def _find_experiment(self, location: str | None) -> tuple[str, dict[str, str]]:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(self._study)
        if found is None:
            tags = {STORE_TAG: self._store_id, "study": self._study}
            try:
                create = self._client.create_experiment
                return str(self._gate(create, self._study, artifact_location=location, tags=tags)), tags
            except MlflowException:
                found = self._client.get_experiment_by_name(self._study)  # another writer may have made it
                if found is None:
                    raise
        identity = str(found.experiment_id)
        if found.lifecycle_stage == "deleted":
            self._gate(self._client.restore_experiment, identity)
        return identity, dict(found.tags)

    def describe(self, tags: Mapping[str, str]) -> None:
        """Sets the experiment's tags where it is this store's; another's keeps what it says, and gets what it lacks.

        The prepared view of this store is its own in any case.
        """
        owner = self._tags.get(STORE_TAG)
        own = owner == self._store_id or (owner is None and self._own)
        for key, value in ({STORE_TAG: self._store_id, **tags} if own else tags).items():
            mine = own or key == f"{VIEW_TAG}{key_of(self._store_id)}"
            if self._tags.get(key) != value and (mine or key not in self._tags):
                self._gate(self._client.set_experiment_tag, self.experiment_id, key, value)
                self._tags[key] = value

    # -- its runs -------------------------------------------------------------------------------

    def find(self, keys: Collection[str], begun: Callable[[str], int | None]) -> None:
        """Finds the runs of these keys, and says of those that the study no longer has that they left it.

        Args:
            keys: every key that the study has.
            begun: returns when the trial of a key began, in milliseconds, as it is recorded.
        """
        found = self._by_key(self._search(self._mine))
        if parent_key(self._study) not in found:
            self._adopt(keys, begun)
            found = self._by_key(self._search(self._mine))
        for key, runs in found.items():
            if key in keys:
                self._runs[key] = self._only(runs)
                continue
            for run in runs:
                if run.info.lifecycle_stage == "active":
                    left = TrackedRun(self._client, self._gate, run)
                    left.log(tags={"status": "left the study"})
                    if run.info.status in ("RUNNING", "SCHEDULED"):
                        left.set_status("KILLED", now())

    def get(self, key: str) -> TrackedRun | None:
        """Returns the run of a key, if it has one."""
        return self._runs.get(key)

    def get_or_make(self, key: str, name: str, start: int, tags: Mapping[str, str]) -> TrackedRun:
        """Returns the run of a key; makes one where there is none.

        Args:
            key: the key.
            name: a new run's name.
            start: when a new run began, in milliseconds.
            tags: a new run's tags.
        """
        if key not in self._runs:
            self.make({key: NewRun(name, start, tags)})
        return self._runs[key]

    def _create(self, key: str, new: NewRun) -> Run:
        own = {KEY_TAG: key, STORE_TAG: self._store_id, "study": self._study}
        more = {"mlflow.source.name": "dit-ablate", "mlflow.user": user(), **new.tags}
        create = self._client.create_run
        return self._gate(create, self.experiment_id, start_time=new.start, tags={**own, **more}, run_name=new.name)

    def make(self, wanted: Mapping[str, NewRun]) -> None:
        """Makes the runs of keys that have none, and finds out afterwards whether another writer made some, too.

        One search does for all of them: a search reads the tags of every run of the experiment.
        """
        for key, new in wanted.items():
            self._runs[key] = TrackedRun(self._client, self._gate, self._create(key, new))
        if wanted:
            one = f" and {_is(KEY_TAG, next(iter(wanted)))}" if len(wanted) == 1 else ""
            for key, runs in self._by_key(self._search(self._mine + one)).items():
                if key in wanted:
                    self._runs[key] = self._only(runs)

    def are_intact(self) -> bool:
        """Whether every run that was found or made is still there, and nobody has made another one of its key."""
        found = self._by_key(run for run in self._search(self._mine) if _counts(run, active=True))
        return all([run.info.run_id for run in found.get(key, ())] == [known.id] for key, known in self._runs.items())

    def is_shared(self) -> bool:
        """Whether another store's runs of a study of this name lie in the experiment."""
        condition = f"tags.study = '{self._study}' and tags.kind = 'study'"
        return any(run.data.tags.get(STORE_TAG) != self._store_id for run in self._search(condition))

    def page(self, study: str, train_id: str, key: str) -> str | None:
        """Returns the page of a run of the same weights in another study of this store, relative to the server's.

        Where several runs evaluate these weights, it is the one that evaluates them alike.
        """
        found = self._client.get_experiment_by_name(study)
        if found is None or found.lifecycle_stage != "active":
            return None
        condition = f"{_is(STORE_TAG, self._store_id)} and tags.train_id = '{train_id}'"
        runs = [run for run in self._search(condition, str(found.experiment_id)) if _counts(run, active=True)]
        runs.sort(key=lambda run: (run.data.tags.get(KEY_TAG) != key, run.info.run_id))
        return f"#/experiments/{found.experiment_id}/runs/{runs[0].info.run_id}" if runs else None

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _mine(self) -> str:
        return f"tags.study = '{self._study}' and {_is(STORE_TAG, self._store_id)}"

    def _search(self, condition: str, experiment_id: str | None = None) -> Iterator[Run]:
        """Yields runs, deleted ones too, the oldest first."""
        from mlflow.entities import ViewType

        token = None
        while True:
            page = self._client.search_runs(
                [experiment_id or self.experiment_id],
                condition,
                run_view_type=ViewType.ALL,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def _by_key(self, runs: Iterator[Run]) -> dict[str, list[Run]]:
        found: dict[str, list[Run]] = {}
        for run in runs:
            if key := run.data.tags.get(KEY_TAG):
                found.setdefault(key, []).append(run)
        return found

    def _only(self, runs: Collection[Run]) -> TrackedRun:
        """Returns the one run that stands for a key; every writer picks the same, and removes the others."""
        first, *others = sorted(
            runs, key=lambda run: (not _counts(run), not _counts(run, active=True), run.info.run_id)
        )
        for run in others:
            if run.info.lifecycle_stage == "active":
                self._gate(self._client.set_tag, run.info.run_id, DUPLICATE_TAG, first.info.run_id)
                self._gate(self._client.delete_run, run.info.run_id)
        if first.info.lifecycle_stage != "active":
            self._gate(self._client.restore_run, first.info.run_id)
        return TrackedRun(self._client, self._gate, first)

    def _adopt(self, keys: Collection[str], begun: Callable[[str], int | None]) -> None:
        """Takes over runs that an earlier version made, which did not tag them with a store.

        Elsewhere than in the default database a run counts as this store's when it began in the very millisecond in
        which this store recorded its trial; its parent follows it.
        """
        there = list(self._search(f"tags.study = '{self._study}'"))
        parents: set[str] = set()
        for run in there:
            key, owner = run.data.tags.get(KEY_TAG), run.data.tags.get(STORE_TAG)
            if key is None or key == parent_key(self._study) or owner not in (None, self._store_id):
                continue
            if owner is not None or self._own or (key in keys and run.info.start_time == begun(key)):
                parents.add(run.data.tags.get("mlflow.parentRunId", ""))
                if owner is None:
                    self._take(run)
        for run in there:  # last, as a store that has its parent adopts nothing more
            untagged = STORE_TAG not in run.data.tags and run.data.tags.get(KEY_TAG) == parent_key(self._study)
            if untagged and (self._own or run.info.run_id in parents):
                self._take(run)

    def _take(self, run: Run) -> None:
        if run.info.lifecycle_stage == "active":
            self._gate(self._client.set_tag, run.info.run_id, STORE_TAG, self._store_id)


def _is(tag: str, value: str) -> str:
    return f"tags.`{tag}` = '{value}'"


def _counts(run: Run, *, active: bool = False) -> bool:
    """Whether a run was not put away as a duplicate, and is not deleted if ``active``."""
    return DUPLICATE_TAG not in run.data.tags and (not active or run.info.lifecycle_stage == "active")
