"""What is fed to the command line: a case is a number of a seed, so that every failure can be repeated alone."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fuzz import odd

KINDS = ("study", "plan", "option", "record")
EXAMPLE = Path(__file__).parents[4] / "examples" / "plans" / "dit-ablations.md"


@dataclass(frozen=True)
class Case:
    """One command line, and how its files were made.

    Attributes:
        arguments: of ``dit-ablate``.
        shown: what is odd about it, for a person.
        undo: files of the shared store that were changed -> what they held.
    """

    arguments: tuple[str, ...]
    shown: str
    undo: tuple[tuple[Path, bytes], ...] = ()


def make(kind: str, seed: int, number: int, folder: Path, study: dict[str, Any], store: Path) -> Case:
    """Makes a case.

    Args:
        kind: one of ``KINDS``.
        seed: of all cases.
        number: of this one.
        folder: where its files are written; empty.
        study: plain data of a valid study.
        store: a finished store of it; a record there is changed until ``Case.undo`` is applied.
    """
    chance = random.Random(f"{seed} {kind} {number}")
    return {"study": _study, "plan": _plan, "option": _option, "record": _record}[kind](chance, folder, study, store)


def _study(chance: random.Random, folder: Path, study: dict[str, Any], store: Path) -> Case:
    data: Any = enriched(study, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = odd.changed(data, chance)
    text = _yaml(data)
    if chance.random() < 0.35:
        text = odd.garbled(_yaml(enriched(study, chance)) if chance.random() < 0.5 else text, chance)
    path = folder / "study.yaml"
    path.write_bytes(text)
    command = chance.choice(("plan", "plan", "run", "submit"))
    return Case((command, str(path), "--store", str(folder / "store"), *_executor(command)), _shown(text))


def enriched(study: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A valid study with one more part of the format, so that every part is changed by some case."""
    more: dict[str, Any] = chance.choice(
        (
            {},
            {"grid": {"patch_size": [2, 4], "block": ["adaln-zero", "in-context"]}, "ablations": []},
            {"ladder": [{"name": "a", "set": {"patch_size": 4}}, {"name": "b", "set": {"block": "in-context"}}]},
            {"policy": {"name": "rungs", "stop_fraction": 0.5}, "resources": {"lanes": 1, "workers": 1}},
            {"ablations": [{"name": "n", "axis": "block", "values": ["in-context"], "controls": "iso-gflops"}]},
            {"ablations": [{"axis": "guidance", "action": "ADD"}], "primary_metric": "fd_digits_cnn"},
            {"description": "words", "policy": "none", "resources": {"lanes": 2}},
        )
    )  # fmt: skip
    return {**copy.deepcopy(study), **more}


def _yaml(data: Any) -> bytes:
    try:
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    except (yaml.YAMLError, RecursionError, ValueError, UnicodeError):
        text = json.dumps(data)
    return text.encode(errors="surrogatepass")


_PLANS: tuple[dict[str, Any], ...] = (
    {
        "title": "Patch",
        "ablated_part": "patch size",
        "action": "REPLACE",
        "replacement": ["2", "4"],
        "metrics": ["FID"],
    },
    {"name": "Block", "axis": "block", "action": "REPLACE", "values": ["in-context"], "metrics": "FID, sFID"},
    {"ablatedPart": "learning rate", "action": "REPLACE", "replacements": [0.0001, 0.001], "metrics": ["fid"]},
)


def _plan(chance: random.Random, folder: Path, study: dict[str, Any], store: Path) -> Case:
    suffix = chance.choice((".md", ".md", ".json", ".jsonl"))
    if suffix == ".md":
        head, *parts = EXAMPLE.read_text().split("\n## ")
        text = "\n## ".join([head, chance.choice(parts)]).encode()
        for _ in range(chance.choice((1, 1, 2, 5))):
            text = _lines(text, chance) if chance.random() < 0.6 else odd.garbled(text, chance)
    else:
        data: Any = copy.deepcopy(chance.sample(_PLANS, chance.choice((1, 2))))
        for _ in range(chance.choice((1, 1, 2))):
            data = odd.changed(data, chance)
        if suffix == ".jsonl":
            rows = data if isinstance(data, list) else [data]
            text = "\n".join(json.dumps(row) for row in rows).encode()
        else:
            text = json.dumps(chance.choice((data, {"ablations": data}, {"plan": data}))).encode()
        if chance.random() < 0.3:
            text = odd.garbled(text, chance)
    path = folder / f"plan{suffix}"
    path.write_bytes(text)
    command = chance.choice(("plan", "plan", "import", "run"))
    more = ("--skip-unknown",) if command != "import" and chance.random() < 0.5 else ()
    where = () if command == "import" else ("--store", str(folder / "store"))
    return Case((command, str(path), *where, *more, *_executor(command)), _shown(text))


def _lines(text: bytes, chance: random.Random) -> bytes:
    """Changes a line of a written plan: its value, its place, or its words."""
    lines = text.decode(errors="replace").split("\n")
    at = chance.randrange(len(lines))
    head, colon, _ = lines[at].partition(":")
    lines[at] = chance.choice(
        (f"{head}{colon} {odd.value(chance)!s:.400}", odd.near(lines[at], chance), "", f"- {odd.word(chance)}",
         f"  - {odd.value(chance)!s:.400}",
         lines[chance.randrange(len(lines))])
    )  # fmt: skip
    return "\n".join(lines).encode(errors="surrogatepass")


_OPTIONS = (
    "--seeds", "--budget", "--rungs", "--set", "--set", "--set", "--profile", "--store", "--arm", "--seed", "--images",
    "--ema", "--layout", "--to", "--vae", "--executor", "--address", "--tracking-uri", "--port",
)  # fmt: skip
_SETTINGS = (
    "size", "training.batch_size", "training.learning_rate", "model.depth", "data.path", "data.name", "policy",
    "policy.name", "policy.stop_fraction", "resources.workers", "resources.lanes", "seed", "seeds", "rungs", "name", "",
    "budget_images", "baseline", "profile", "evaluation.metrics", "evaluation.num_samples", "block", "patch_size",
    "primary_metric", "checkpoint_images",
)  # fmt: skip
_COMMANDS = {
    "plan": ("--seeds", "--budget", "--rungs", "--set", "--profile", "--store"),
    "run": ("--seeds", "--budget", "--rungs", "--set", "--profile", "--store", "--executor", "--address"),
    "submit": ("--seeds", "--budget", "--rungs", "--set", "--profile", "--store", "--address"),
    "export": ("--arm", "--seed", "--images", "--ema", "--layout", "--to", "--vae", "--store"),
    "status": ("--store",), "report": ("--store",), "stop": ("--store",), "verify": ("--store",), "axes": (),
}  # fmt: skip


def _option(chance: random.Random, folder: Path, study: dict[str, Any], store: Path) -> Case:
    command = chance.choices(list(_COMMANDS), (6, 6, 3, 3, 1, 1, 1, 1, 1))[0]
    path = folder / "study.yaml"
    path.write_bytes(_yaml(study))
    source = str(path) if command in ("plan", "run", "submit") else "tiny"
    if chance.random() < 0.1:
        source = _text(chance)
    arguments = [command, source, *(("--to", str(folder / "out")) if command == "export" else ())]
    names = chance.choices(_COMMANDS[command] or _OPTIONS, k=chance.choice((1, 1, 2)))
    if chance.random() < 0.05:
        names = [chance.choice((*_OPTIONS, "--sed", "--bugdet", "-x"))]
    for name in names:
        arguments += [name, _setting(chance) if name == "--set" else _text(chance)]
    if "--store" not in names and command != "axes":
        arguments += ["--store", str(folder / "store" if command in ("run", "submit") else store)]
    return Case((*arguments, *(_executor(command) if "--executor" not in names else ())), "")


def _setting(chance: random.Random) -> str:
    name = chance.choice(_SETTINGS) if chance.random() < 0.8 else _text(chance)
    if chance.random() < 0.2:
        name = odd.near(name, chance)
    return f"{name}={_text(chance)}" if chance.random() < 0.95 else name


def _text(chance: random.Random) -> str:
    """An argument: what a shell can pass has no NUL, and is not longer than the system allows."""
    found = odd.value(chance)
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    text = text.replace("\x00", "?") if chance.random() < 0.7 else text
    return text.encode(errors="surrogatepass").decode(errors="surrogateescape")[:5000]


def _executor(command: str) -> tuple[str, ...]:
    return ("--executor", "local") if command == "run" else ()


def _record(chance: random.Random, folder: Path, study: dict[str, Any], store: Path) -> Case:
    files = [path for path in sorted(store.rglob("*")) if path.is_file() and path.suffix in (".json", ".yaml", ".txt")]
    files = [path for path in files if not {"mlflow-artifacts", "report"} & set(path.relative_to(store).parts)]
    path = chance.choice(files)
    held = path.read_bytes()
    data = held
    if chance.random() < 0.6 and path.suffix == ".json":
        record = json.loads(held)
        for _ in range(chance.choice((1, 1, 2))):
            record = odd.changed(record, chance)
        data = json.dumps(resealed(record) if chance.random() < 0.6 else record).encode(errors="surrogatepass")
    if data == held or chance.random() < 0.1:
        data = odd.garbled(data, chance)
    path.write_bytes(data)
    command = chance.choices(("status", "plan", "verify", "report", "export"), (5, 3, 2, 1, 1))[0]
    arguments = [command, "tiny", "--store", str(store), *(("--json",) if chance.random() < 0.5 else ())]
    if command in ("status", "verify") and chance.random() < 0.3:
        del arguments[1]
    arguments += ["--to", str(folder / "out.pt"), "--layout", "official"] if command == "export" else []
    return Case(tuple(arguments), f"{path.relative_to(store)}: {_shown(data)}", ((path, held),))


def resealed(record: Any) -> Any:
    """A record with a checksum that fits what was put into it, where it is an envelope still."""
    from dit_core.identity import digest

    try:
        return {**record, "sha256": digest({key: item for key, item in record.items() if key != "sha256"})}
    except (TypeError, ValueError, AttributeError, RecursionError):
        return record


def _shown(text: bytes) -> str:
    return repr(text if len(text) < 1500 else text[:1500])
