"""One MLflow run, written idempotently: what is already there is not sent again."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from dit_core.files import replacing
from service.mlflow_sync.artifact_tags import ArtifactTags
from service.mlflow_sync.datasets import Data
from service.mlflow_sync.gate import Gate
from service.mlflow_sync.ownership import STATE_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

T = TypeVar("T")

Row = tuple[str, float, int, int]
"""A metric row: key, value, timestamp in milliseconds, step in images seen."""

BATCH = 800
"""Metrics in one ``log_batch`` call; with parameters and tags it may hold 1000 of all, MLflow's limit."""
_PARAMS, _TAGS, _PARAM_LENGTH, _TAG_LENGTH = 100, 100, 6000, 5000


class TrackedRun:
    """A run that was found again or just made.

    Args:
        client: the tracking client.
        gate: what every write goes through.
        run: the run as MLflow has it now.

    Attributes:
        last: the latest time of the metrics it was given, in milliseconds.
    """

    def __init__(self, client: MlflowClient, gate: Gate, run: Run) -> None:
        self.id: str = run.info.run_id
        self.last = 0
        self._client, self._gate = client, gate
        self._artifact_uri: str = run.info.artifact_uri or ""
        self._status: str = run.info.status
        self._end: int | None = run.info.end_time
        self._tags: dict[str, str] = dict(run.data.tags)
        self._params = set(run.data.params)
        self._unread = set(run.data.metrics)  # keys that an earlier process has logged
        self._steps: dict[str, set[int]] = {}
        self._artifacts = ArtifactTags(self._tags)
        self._uploaded: dict[str, str] = {}  # tags on what it was given, to be written by the next ``log``

    def log(
        self,
        metrics: Iterable[Row] = (),
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
        state: str | None = None,
    ) -> None:
        """Logs what this run does not have yet, in one call where MLflow's limits allow, and what was uploaded before.

        A metric has one value at a step: the first one logged stays, whatever time a later row of that step has. What
        an earlier process has logged of a metric is asked for once, before anything is added to it. A parameter is
        never changed (MLflow refuses that), a tag is.

        Args:
            metrics: metric rows.
            params: parameters.
            tags: tags.
            state: digest of what the run is brought to by this; see ``is_up_to_date``.
        """
        from mlflow.entities import Metric, Param, RunTag

        new_params = {k: str(v)[:_PARAM_LENGTH] for k, v in (params or {}).items() if k not in self._params}
        wanted_tags = {k: str(v)[:_TAG_LENGTH] for k, v in (tags or {}).items()}
        wanted_tags.update(self._uploaded)
        wanted = list(metrics)
        self.last = max([self.last, *(row[2] for row in wanted)])
        if state is not None:
            wanted_tags[STATE_TAG] = f"{state} {self.last}"
        new_tags = {k: v for k, v in wanted_tags.items() if self._tags.get(k) != v}
        rows: dict[tuple[str, int], Row] = {}
        for row in wanted:
            if row[3] not in self._logged(row[0]):
                rows.setdefault((row[0], row[3]), row)
        row_chunks = _chunks(list(rows.values()), BATCH)
        param_chunks = _chunks(list(new_params.items()), _PARAMS)
        tag_chunks = _chunks(list(new_tags.items()), _TAGS)
        calls = max(len(row_chunks), len(param_chunks), len(tag_chunks))
        for place in range(-calls, 0):  # counted from the end, so that the last tags go with the last rows
            some_rows, some_params = _at(row_chunks, place), _at(param_chunks, place)
            some_tags = _at(tag_chunks, place)
            self._gate(
                self._client.log_batch,
                self.id,
                metrics=[Metric(*row) for row in some_rows],
                params=[Param(key, value) for key, value in some_params],
                tags=[RunTag(key, value) for key, value in some_tags],
            )
            for key, _, _, step in some_rows:
                self._steps[key].add(step)
            self._params.update(key for key, _ in some_params)
            self._tags.update(some_tags)

    def is_up_to_date(self, state: str, tags: Mapping[str, object], status: str) -> bool:
        """Whether the run was brought to this state already, by whichever process, and is as it was left."""
        as_left = self._status == status and all(
            self._tags.get(key) == str(value)[:_TAG_LENGTH] for key, value in tags.items()
        )
        return as_left and self.was_brought_to(state)

    def was_brought_to(self, state: str) -> bool:
        """Whether the run was brought to this state already, by whichever process."""
        said, _, last = self._tags.get(STATE_TAG, "").partition(" ")
        if said != state:
            return False
        self.last = max(self.last, int(last) if last.isdigit() else 0)
        return True

    def _logged(self, key: str) -> set[int]:
        """The steps at which this run has a metric."""
        if key not in self._steps:
            history = self._client.get_metric_history(self.id, key) if key in self._unread else ()
            self._steps[key] = {metric.step for metric in history}
        return self._steps[key]

    def holds(self, name: str) -> bool:
        """Whether an artifact of this name has been uploaded."""
        return self._artifacts.version(name) is not None

    def set_status(self, status: str, end: int | None = None) -> None:
        """Sets the run's status: RUNNING, SCHEDULED, FINISHED, FAILED or KILLED.

        Args:
            status: the status.
            end: when it ended, in milliseconds; for the last three.
        """
        if status in ("RUNNING", "SCHEDULED"):
            if status != self._status:
                self._gate(self._client.update_run, self.id, status=status)
        elif (status, end) != (self._status, self._end):
            self._gate(self._client.set_terminated, self.id, status=status, end_time=end)
            self._end = end
        self._status = status

    def upload(self, data: bytes, name: str) -> None:
        """Uploads ``data`` as artifact ``name``, a path inside the run, unless this very content is there.

        What is there is remembered in a tag, written by the next ``log``: an upload that was cut off is repeated.
        """
        self.upload_together({name: data}, name)

    def upload_together(self, files: Mapping[str, bytes], name: str) -> None:
        """Uploads artifacts that belong together, unless they are there; see ``upload``.

        Args:
            files: name -> content of each.
            name: what is remembered of them.
        """
        hashes = [hashlib.sha256(data).hexdigest() for data in files.values()]
        version = (hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest())[:12]
        if self._artifacts.version(name) == version:
            return
        for path, data in files.items():
            self._put(data, path)
        tag, text = self._artifacts.with_artifact(name, version)
        self._uploaded[tag] = text

    def _put(self, data: bytes, name: str) -> None:
        place = urlsplit(self._artifact_uri)
        if place.scheme in ("", "file") and place.path.startswith("/"):
            path = unquote(place.path) if place.scheme else self._artifact_uri
            self._gate(_write, Path(path) / name, data)
        else:
            self._send(data, name)

    def give_input(self, data: Data) -> None:
        """Says which images a run was trained on, unless it was said; MLflow takes the same input once only."""
        if any(self._tags.get(key) != value for key, value in data.told.items()):
            self._gate(self._client.log_inputs, self.id, [data.as_input()])
            self._uploaded.update(data.told)

    @property
    def tags(self) -> Mapping[str, str]:
        """The run's tags, as far as they are known here."""
        return self._tags

    def _send(self, data: bytes, name: str) -> None:
        folder, _, base = name.rpartition("/")
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / base
            path.write_bytes(data)
            self._gate(self._client.log_artifact, self.id, str(path), folder or None)

    def look_again(self) -> bool:
        """Reads from MLflow what others may have changed: its status; returns whether the run is still there."""
        info = self._client.get_run(self.id).info
        self._status, self._end = info.status, info.end_time
        return bool(info.lifecycle_stage == "active")


def _write(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all. Not durably: what a power cut takes can be made again."""
    with replacing(path, durably=False) as temporary:
        temporary.write_bytes(data)


def milliseconds(written: str) -> int:
    """Turns a record's ISO 8601 time into MLflow's milliseconds."""
    return as_milliseconds(datetime.fromisoformat(written).timestamp())


def as_milliseconds(seconds: float) -> int:
    """Turns Unix seconds into MLflow's milliseconds."""
    return int(seconds * 1000)


def now() -> int:
    """The present in MLflow's milliseconds."""
    return int(time.time() * 1000)


def _chunks(items: list[T], size: int) -> list[list[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _at(chunks: list[list[T]], place: int) -> list[T]:
    """Returns a chunk counted from the end; nothing where there are not that many."""
    return chunks[place] if -place <= len(chunks) else []
