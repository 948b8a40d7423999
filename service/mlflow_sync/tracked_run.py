"""One MLflow run, written idempotently: what is already there is not sent again."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from dit_core.files import replacing
from service.mlflow_sync.gate import Gate
from service.mlflow_sync.ownership import ARTIFACTS_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Row = tuple[str, float, int, int]
"""A metric row: key, value, timestamp in milliseconds, step in images seen."""

BATCH = 1000
"""Metrics in one ``log_batch`` call, MLflow's limit."""
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
        self._artifacts: dict[str, str] = json.loads(self._tags.get(ARTIFACTS_TAG, "{}"))

    def log(
        self,
        metrics: Iterable[Row] = (),
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
    ) -> None:
        """Logs what this run does not have yet.

        A metric has one value at a step: the first one logged stays, whatever time a later row of that step has. What
        an earlier process has logged of a metric is asked for once, before anything is added to it. A parameter is
        never changed (MLflow refuses that), a tag is.
        """
        from mlflow.entities import Metric, Param, RunTag

        new_params = {k: str(v)[:_PARAM_LENGTH] for k, v in (params or {}).items() if k not in self._params}
        wanted_tags = {k: str(v)[:_TAG_LENGTH] for k, v in (tags or {}).items()}
        new_tags = {k: v for k, v in wanted_tags.items() if self._tags.get(k) != v}
        rows: dict[tuple[str, int], Row] = {}
        for row in metrics:
            self.last = max(self.last, row[2])
            if row[3] not in self._logged(row[0]):
                rows.setdefault((row[0], row[3]), row)
        for chunk in _chunks(list(new_params.items()), _PARAMS):
            self._gate(self._client.log_batch, self.id, params=[Param(key, value) for key, value in chunk])
            self._params.update(key for key, _ in chunk)
        for start in range(0, len(rows), BATCH):
            part = list(rows.values())[start : start + BATCH]
            self._gate(self._client.log_batch, self.id, metrics=[Metric(*row) for row in part])
            for key, _, _, step in part:
                self._steps[key].add(step)
        for chunk in _chunks(list(new_tags.items()), _TAGS):
            self._gate(self._client.log_batch, self.id, tags=[RunTag(key, value) for key, value in chunk])
            self._tags.update(chunk)

    def _logged(self, key: str) -> set[int]:
        """The steps at which this run has a metric."""
        if key not in self._steps:
            history = self._client.get_metric_history(self.id, key) if key in self._unread else ()
            self._steps[key] = {metric.step for metric in history}
        return self._steps[key]

    def holds(self, name: str) -> bool:
        """Whether an artifact of this name has been uploaded."""
        return name in self._artifacts

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

        What is there is remembered in a tag, written after the upload: an upload that was cut off is repeated.
        """
        version = hashlib.sha256(data).hexdigest()[:12]
        if self._artifacts.get(name) == version:
            return
        place = urlsplit(self._artifact_uri)
        if place.scheme in ("", "file") and place.path.startswith("/"):
            path = unquote(place.path) if place.scheme else self._artifact_uri
            self._gate(_write, Path(path) / name, data)
        else:
            self._send(data, name)
        self._artifacts[name] = version
        text = json.dumps(self._artifacts, separators=(",", ":"))
        self._gate(self._client.set_tag, self.id, ARTIFACTS_TAG, text)

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


def _chunks(items: list[tuple[str, str]], size: int) -> Iterable[list[tuple[str, str]]]:
    return (items[start : start + size] for start in range(0, len(items), size))
