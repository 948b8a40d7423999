"""The studies that agents have started: remembered beside the store, so that the next server knows them, too."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from dit_core.files import write_durably
from service.records.kinds import Process
from service.records.process import Life, life
from service.redact import redacted

_TAIL = 4000


class Handle(BaseModel):
    """A study that an agent has started.

    Attributes:
        schema_version: of this file's form.
        study: its name, which is the handle.
        command: what was run, without passwords.
        log: the file with the run's output.
        started: when, ISO 8601 UTC.
        process: its process on this machine; None for a job on a cluster.
        job: the job's id on a cluster; None for a process of this machine.
        hours: device-hours that its runs together may take; None for any.
        before: device-hours that its runs had taken before an agent started it.
    """

    schema_version: Literal[1] = 1
    study: str
    command: str
    log: str
    started: str
    process: Process | None = None
    job: str | None = None
    hours: float | None = None
    before: float = 0.0

    @property
    def lives(self) -> bool:
        """Whether its process on this machine still runs, as far as that is known."""
        return self.process is not None and life(self.process) is Life.LIVES

    def interrupt(self) -> None:
        """Asks its process to end, as Ctrl-C does once."""
        if self.process is not None and self.lives:
            os.kill(self.process.pid, signal.SIGTERM)

    def last_words(self) -> str:
        """Returns the last line of its output, without passwords; empty where there is none."""
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return redacted(next((line.strip() for line in reversed(lines) if line.strip()), ""))[:500]


class Handles:
    """The handles in a folder.

    Args:
        folder: made when the first one is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, handle: Handle) -> None:
        """Remembers a handle in place of the study's earlier one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_durably(self._folder / f"{handle.study}.json", handle.model_dump_json(indent=2).encode())

    def of(self, study: str) -> Handle | None:
        """Returns a study's handle, None where no agent has started it."""
        return next((handle for handle in self.all() if handle.study == study), None)

    def all(self) -> Iterator[Handle]:
        """Yields every handle; one that cannot be read is left out."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                yield Handle.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
