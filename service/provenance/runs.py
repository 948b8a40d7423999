"""The origin of a study's runs: recorded when one begins, read with how it ended."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import service
from service.analysis.numbers import duration, plural
from service.provenance.checkout import checkout
from service.provenance.environment import allowed, machine, versions
from service.provenance.record import Provenance
from service.records.kinds import Claim, DefinitionRecord, RunRecord
from service.records.store import Store
from service.redact import redacted


@dataclass(frozen=True)
class Origin:
    """A run with where it came from.

    Attributes:
        run: its number.
        provenance: what was recorded when it began; None where nothing was.
        ended: when it ended, ISO 8601 UTC; None where it was killed or goes on.
        device_seconds: seconds that its workers were up; None where it was killed or goes on.
    """

    run: int
    provenance: Provenance | None
    ended: str | None
    device_seconds: float | None


def record_provenance(store: Store, study: str, run: int) -> None:
    """Records where a run comes from; call it once, when the run's number is claimed.

    The command is that of the study's newest definition, which is written when a run begins.
    """
    definitions = store.records.numbered(DefinitionRecord.folder(study), DefinitionRecord).contents
    code = checkout(Path(service.__file__).resolve())
    found = versions()
    record = Provenance(
        version=found.get("dit-ablate", ""),
        commit=code.commit,
        remote=code.remote,
        diff=code.diff,
        diff_bytes=code.diff_bytes,
        versions=found,
        hardware=machine(),
        host=socket.gethostname(),
        command=redacted(definitions[-1].command) if definitions else "",
        began=time.time(),
        environment=allowed(os.environ),
    )
    store.records.put(Provenance.key(study, run), record)


def origins(store: Store, study: str) -> list[Origin]:
    """Returns the origin of every run of a study that has begun, in order."""
    workers = _workers(store, study)
    found = []
    begun = store.records.numbered(Claim.folder(study), Claim).found
    for run in sorted({*begun, *store.runs(study)}):
        sealed = store.records.once(Provenance.key(study, run), Provenance)
        ended = store.records.once(RunRecord.key(study, run), RunRecord)
        if sealed is None and ended is None:
            continue
        seconds = None if ended is None else ended.content.lane_seconds * workers
        provenance = None if sealed is None else sealed.content
        found.append(Origin(run, provenance, None if ended is None else ended.written, seconds))
    return found


def provenance(store: Store, study: str) -> dict[str, Any]:
    """Returns the origin of a study's runs as plain JSON data: run number -> what is known of it."""
    return {
        str(origin.run): {
            **({} if origin.provenance is None else origin.provenance.model_dump(mode="json")),
            "ended": origin.ended,
            "device_seconds": origin.device_seconds,
        }
        for origin in origins(store, study)
    }


def origin_sentences(store: Store, study: str) -> list[str]:
    """Returns a sentence for all runs that have the same code, versions and machine, for the report."""
    alike: dict[tuple[Any, ...], list[Origin]] = {}
    for origin in origins(store, study):
        known = origin.provenance
        if known is not None:
            key = (known.commit, known.diff, tuple(known.versions.items()), known.hardware, known.host, known.command)
            alike.setdefault(key, []).append(origin)
    return [_sentence(group) for group in alike.values()]


def _sentence(group: list[Origin]) -> str:
    known = group[0].provenance
    if known is None:
        raise ValueError("a run without provenance has no sentence")
    numbers = [origin.run for origin in group]
    runs = f"Run {numbers[0]}" if len(numbers) == 1 else f"Runs {', '.join(map(str, numbers))}"
    code = f"commit {known.commit[:12]}" if known.commit else f"version {known.version or 'unknown'}"
    changed = sum(
        line.startswith(("+", "-")) and not line.startswith(("+++", "---")) for line in known.diff.split("\n")
    )
    if known.diff_bytes:
        cut = "at least " if known.diff_bytes > len(known.diff.encode()) else ""
        code += f" with {cut}{plural(changed, 'line')} changed and not committed"
    listed = ", ".join(f"{name} {number}" for name, number in known.versions.items())
    began = datetime.fromtimestamp(known.began, UTC).strftime("%Y-%m-%d %H:%M UTC")
    ends = [origin.ended for origin in group if origin.ended is not None]
    ended = f", the last ended {ends[-1][:16].replace('T', ' ')} UTC" if ends else ""
    seconds = sum(origin.device_seconds or 0.0 for origin in group)
    killed = sum(origin.ended is None for origin in group)
    left = f"; {killed} without an end" if killed else ""
    spent = f", {duration(seconds)} of devices" if seconds else ""
    command = f", by `{known.command}`" if known.command else ""
    return f"{runs}: {code}; {listed}; on {known.host} ({known.hardware}); began {began}{ended}{spent}{left}{command}."


def _workers(store: Store, study: str) -> int:
    """Workers of a lane, by the newest definition; lane seconds times this are device-seconds."""
    found = store.records.numbered(DefinitionRecord.folder(study), DefinitionRecord).contents
    resources = found[-1].study.get("resources") if found else None
    workers = resources.get("workers", 1) if isinstance(resources, dict) else 1
    return workers if isinstance(workers, int) else 1
