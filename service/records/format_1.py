"""Reads a store of format 1: its files become the records of format 2, nothing is written.

Format 1 had one record per logging window, named by images, checksums over the content alone, and identities that were
hashes of every field. What is needed of those is frozen here, so that it does not change with today's code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.identity import digest
from service.records.backend import checked
from service.records.envelope import CorruptRecord, Record, seal
from service.records.kinds import (
    Claim,
    DefinitionRecord,
    DivergenceRecord,
    EvaluationRecord,
    Failure,
    GivenUp,
    RunRecord,
    Stretch,
    TrialRecord,
)

_EVALUATION: dict[str, Any] = {
    "num_samples": 1024,
    "sampler": None,
    "sampling_steps": 50,
    "guidance_scale": 1.0,
    "guidance_channels": None,
    "guidance_interval": None,
    "labels": "uniform",
    "ema_decay": None,
    "batch_size": 256,
    "inception_weights": None,
    "dinov2_weights": "facebook/dinov2-large",
    "reference_images": None,
    "reference_statistics": None,
    "allow_few_samples": False,
}
"""What of ``evaluation`` was in an evaluation's identity, with the values of fields that a config leaves out."""

_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, CorruptRecord)
"""What reading a damaged file of format 1 may raise."""


class Format1Backend:
    """Answers for the keys of format 2 from the files of format 1.

    Args:
        root: the store's folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._curves: dict[str, list[Path]] = {}

    def put(self, key: str, data: bytes, *, durably: bool = True) -> bool:
        """Refuses.

        Raises:
            UserError: always.
        """
        raise UserError(f"store: {self.root} has format 1, in which nothing more is recorded")

    def get(self, key: str) -> bytes | None:
        """Returns the record of format 2 that a file of format 1 amounts to; empty bytes when it is damaged."""
        parts = checked(key).split("/")
        if not key.endswith(".json"):
            path = self.root / key
            return path.read_bytes() if path.is_file() else None
        try:
            return self._trial(parts) if parts[0] == "trials" else self._study(parts)
        except _DAMAGE:
            return b""

    def write(self, key: str, data: bytes) -> None:
        """Refuses.

        Raises:
            UserError: always.
        """
        self.put(key, data)

    def delete(self, key: str) -> None:
        """Refuses.

        Raises:
            UserError: always.
        """
        self.put(key, b"")

    def list(self, prefix: str) -> list[str]:
        """Returns the names right below a folder that was there in format 1 already."""
        folder = self.root / checked(prefix, folder=True)
        return sorted(prefix + path.name for path in folder.iterdir()) if folder.is_dir() else []

    def _trial(self, parts: Sequence[str]) -> bytes | None:
        folder = self.root / "trials" / parts[1]
        if parts[2] == "curve":
            if parts[1] not in self._curves:
                self._curves[parts[1]] = sorted((folder / "curve").glob("*.json"))
            return _nth(self._curves[parts[1]], parts[3], _stretch)
        if parts[2] == "evaluations":
            return _read(folder / "evaluations" / parts[3], lambda content, _: EvaluationRecord.model_validate(content))
        if parts[2] == "diverged.json":
            return _read(folder / parts[2], lambda content, _: DivergenceRecord.model_validate(content))
        return _read(folder / parts[2], lambda content, _: TrialRecord.model_validate(content))

    def _study(self, parts: Sequence[str]) -> bytes | None:
        folder = self.root / "studies" / parts[1]
        if parts[2] == "definitions":
            return _nth(_files(folder / "definitions"), parts[3], lambda c, _: DefinitionRecord.model_validate(c))
        if parts[2] == "failures":
            return _nth(
                _files(folder / "failures"),
                parts[3],
                lambda content, _: Failure.model_validate({**content, "outcome": content["kind"]}),
            )
        runs = _files(folder / "runs")
        if parts[2] == "runs":
            return _nth(runs, parts[3], lambda content, _: RunRecord.model_validate(content))
        if parts[2] == "claims":
            return _nth(runs, parts[3], lambda _, __: Claim(pid=0, host=""))
        if parts[2] == "given-up":
            number, failures = _number(parts[4]), _files(folder / "failures")
            try:
                return _nth(runs, parts[3], lambda c, _: _given_up(c, parts[1], number, failures))
            except _DAMAGE:
                return b"" if number == 1 else None  # a damaged run says once, not under every number, what it is
        return None


def measuring(config: TrialConfig, metric: str) -> dict[str, Any]:
    """Returns what the identities that format 1 gave hold of a measurement, as ``dit_core.identity.measuring`` does."""
    plain = config.model_dump(mode="json")
    return {"sampler": _sampling(plain), "vae": plain["data"].get("vae"), "metric": metric, "numerics": 1}


def grid_key(train_id: str, images: int, config: TrialConfig) -> str:
    """Returns where format 1 kept the sample grid of an evaluation."""
    plain = config.model_dump(mode="json")
    settings = {**_sampling(plain), "grid_images": plain["evaluation"]["grid_images"]}
    named = digest({"e": settings, "vae": plain["data"].get("vae")})
    return f"trials/{train_id}/grids/{images:012d}-{named[:16]}.png"


def _sampling(plain: dict[str, Any]) -> dict[str, Any]:
    given = plain["evaluation"]
    settings = {name: given.get(name, value) for name, value in _EVALUATION.items()}
    if settings["ema_decay"] is None:
        settings["ema_decay"] = plain["training"]["ema_decays"][0]
    if settings["sampler"] is None:
        settings["sampler"] = "euler" if plain["diffusion"]["objective"] == "flow" else "ddpm"
    steered = settings["guidance_scale"] != 1
    channels = plain["model"]["in_channels"]
    if settings["guidance_channels"] is None:
        settings["guidance_channels"] = 3 if channels == 4 else channels
    if not steered:
        settings["guidance_channels"] = None
    if not steered or settings["guidance_interval"] in (None, [0.0, 1.0]):
        settings["guidance_interval"] = None
    return settings


def _read(path: Path, make: Callable[[dict[str, Any], str], Record | None]) -> bytes | None:
    """Reads a file of format 1 and seals what ``make`` makes of its content and the time it was written."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    envelope = json.loads(data)
    if envelope["sha256"] != digest(envelope["content"]):
        raise CorruptRecord(f"{path}: its content does not match its checksum")
    record = make(_restored(envelope["content"]), envelope["written"])
    return None if record is None else seal(record, envelope["written"])


def _nth(paths: Iterable[Path], name: str, make: Callable[[dict[str, Any], str], Record | None]) -> bytes | None:
    number, found = _number(name), list(paths)
    return _read(found[number - 1], make) if 1 <= number <= len(found) else None


def _number(name: str) -> int:
    return int(name.removesuffix(".json")) if name.removesuffix(".json").isdigit() else 0


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.stem.isdigit())


def _stretch(content: dict[str, Any], written: str) -> Stretch:
    """A window's record was written at its end, so that is where its time is."""
    seconds = content["seconds"]
    points = [{**point, "seconds": seconds} for point in content["points"]]
    began = datetime.fromisoformat(written).timestamp() - seconds
    return Stretch.model_validate({**content, "points": points, "began": began})


def _given_up(run: dict[str, Any], study: str, number: int, failures: list[Path]) -> GivenUp | None:
    """The ``number``-th trial that a run named as failed; where and when it was is in its last failure."""
    failed = list(run.get("failed", {}).items())
    if not 1 <= number <= len(failed):
        return None
    trial, error = failed[number - 1]
    known = [content for path in failures if (content := json.loads(path.read_bytes())["content"])["trial"] == trial]
    last = known[-1] if known else {"until": 0, "attempt": 0}
    return GivenUp(study=study, trial=trial, until=last["until"], attempt=last["attempt"], error=error)


def _restored(value: Any) -> Any:
    """Format 1 wrote floats that JSON has not as ``float:nan``."""
    if isinstance(value, str) and value.startswith("float:"):
        return float(value[6:])
    if isinstance(value, dict):
        return {key: _restored(item) for key, item in value.items()}
    return [_restored(item) for item in value] if isinstance(value, list) else value
