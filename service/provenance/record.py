"""What is recorded of a run's origin."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from service.records.envelope import Record


class Provenance(Record):
    """The origin of a run; its end and its device-seconds are in the run's own record.

    Attributes:
        version: of the package.
        commit: Git commit of the code that runs; empty where it is no checkout.
        remote: where the checkout comes from, without passwords.
        diff: what of the tracked files is not committed, as ``git diff`` prints it; cut where it is long.
        diff_bytes: how long the whole difference is.
        versions: package -> version, Python's and CUDA's among them.
        hardware: the driver's machine in one line; every stretch and evaluation names the device it was computed on.
        host: the driver's host.
        command: the command, without passwords.
        began: Unix seconds.
        environment: variables that change what is computed or where; none that could hold a secret.
    """

    kind: ClassVar[str] = "provenance"
    version: str = ""
    commit: str = ""
    remote: str = ""
    diff: str = ""
    diff_bytes: int = 0
    versions: dict[str, str] = Field(default_factory=dict)
    hardware: str = ""
    host: str = ""
    command: str = ""
    began: float
    environment: dict[str, str] = Field(default_factory=dict)

    @staticmethod
    def key(study: str, run: int) -> str:
        """Where it lies."""
        return f"studies/{study}/provenance/{run:04d}.json"
