"""A store that an earlier version wrote shows what it showed then, and is left as it is."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tiny_study import dit_ablate

from dit_core.errors import UserError
from dit_core.gflops import count, training_gmacs
from search_spaces.expand import expand
from service import Client
from service.analysis.arm_costs import arm_costs, total
from service.analysis.summary import summarise
from service.policies import create
from service.preflight import Prepared
from service.records.kinds import Stretch
from service.records.store import Store
from service.records.study_files import read_definition

ARCHIVE = Path(__file__).parents[1] / "data" / "store-format-1.tar.xz"
TINY = {
    "baseline": (("completed", "174.0214"), ("completed", "161.9882")),
    "patch_size=4": (("stopped@128", "164.8885"), ("stopped@128", "174.7631")),
    "patch_size=8": (("completed", "162.1019"), ("completed", "164.6793")),
    "learning_rate=1e+06": (("diverged", "nan"), ("diverged", "nan")),
    "ema_decay=0.9": (("completed", "174.0214"), ("completed", "161.9882")),
    "block=adaln": (("completed", "183.0513"), ("completed", "159.4401")),
}
"""What the version that wrote the store said: arm -> (state, primary metric) of seeds 0 and 1."""
SECOND = {
    "baseline": ("completed", "175.5053"),
    "patch_size=4": ("completed", "163.3733"),
    "patch_size=8": ("completed", "164.2175"),
    "learning_rate=1e+06": ("diverged", "nan"),
    "ema_decay=0.9": ("stopped@128", "169.0855"),
    "block=adaln": ("completed", "193.4306"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "store"


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "report" not in path.parts
    }


def shown(folder: Path, study: str) -> dict[str, list[tuple[str, str]]]:
    trials = Client(store=folder).status(study).trials
    found: dict[str, list[tuple[str, str]]] = {}
    for row in trials.to_dict("records"):
        found.setdefault(row["arm"], []).append((row["status"], f"{row['metric']:.4f}"))
    return found


def prepared(store: Store, study: str) -> Prepared:
    definition = read_definition(store, study)
    return Prepared(expand(definition.study), create(definition.study.policy), definition.train_ids, {})


def test_status_shows_what_it_showed(folder: Path) -> None:
    before = files(folder)
    assert shown(folder, "tiny") == {arm: list(seeds) for arm, seeds in TINY.items()}
    assert shown(folder, "second") == {arm: [seed] for arm, seed in SECOND.items()}
    result = Client(store=folder).status("tiny")
    assert result.done and [(stop.arm, stop.images) for stop in result.stops] == [
        ("patch_size=4", 128), ("learning_rate=1e+06", 128)
    ]  # fmt: skip
    assert result.warnings == () and not result.interrupted
    assert result.resume_command == "dit-ablate run study.yaml --executor local --store store1"
    done = dit_ablate("status", "--store", folder)
    assert "4 completed, 1 diverged, 1 stopped@128" in done.stdout
    assert "8 completed, 2 stopped@128, 2 diverged" in done.stdout
    assert files(folder) == before


def test_every_record_of_it_is_read(folder: Path) -> None:
    store = Store(folder)
    evaluations = curves = 0
    for name in ("tiny", "second"):
        study = prepared(store, name)
        for trial in study.expansion.trials:
            measured = store.evaluations(study.train_ids[trial.name], trial.config, study.expansion.study.milestones)
            evaluations += sum(len(metrics) for metrics in measured.values())
            assert all(store.grid(metrics) for metrics in measured.values())
    for path in folder.glob("trials/*"):
        stretches = list(store.curve(path.name))
        curves += len(stretches)
        assert store.trial(path.name) is not None
        for piece in stretches:
            assert piece.time(piece.points[-1]) == pytest.approx(piece.began + piece.seconds)
            assert piece.hardware is None
    # tiny and second share what seed 0 measured at 128, but for the diverged arm
    assert evaluations == len(list(folder.glob("trials/*/evaluations/*.json"))) + 5
    assert curves == len(list(folder.glob("trials/*/curve/*.json"))) and store.damaged == ()
    assert {run.lanes for run in store.runs("tiny").values()} == {1} and store.last_run("tiny") == 1


def test_the_report_and_the_preview_show_it(folder: Path) -> None:
    before = files(folder)
    done = dit_ablate("report", "tiny", "--store", folder)
    assert done.exit_code == 0
    text = (folder / "studies" / "tiny" / "report" / "report.md").read_text()
    assert "after 256 images" in text and "patch_size=8 has the lowest mean, 163.4 over 2 seeds" in text
    assert re.search(r"8 \(−4\.\d \[−[\d.]+, \+[\d.]+\]; ", text), text
    assert "learning_rate=1e+06 seed=1: the loss is inf, at 64 images" in text and "damaged" not in text
    assert "![Sample images, one row per arm of EMA]" in text

    seen = Client(store=folder).plan("tiny")
    assert {arm.name: arm.held for arm in seen.arms} == {
        "baseline": 4, "patch_size=4": 2, "patch_size=8": 4, "learning_rate=1e+06": 0, "ema_decay=0.9": 4,
        "block=adaln": 4,
    }  # fmt: skip
    assert seen.segments == 0 and seen.remaining_gmacs == 0
    assert seen.blocker is not None and "format 1" in seen.blocker
    assert files(folder) == before


def test_costs_are_what_they_were(folder: Path) -> None:
    store = Store(folder)
    study = prepared(store, "tiny")
    costs = total(arm_costs(summarise(study, store), store))
    images = {arm.name: 2 * 256 for arm in study.expansion.arms if arm.name != "ema_decay=0.9"}
    images |= {"patch_size=4": 256 + 128, "learning_rate=1e+06": 128}  # second took seed 0 of patch_size=4 further
    assert costs.images == sum(images.values()) == 2048
    assert costs.gmacs == pytest.approx(
        sum(training_gmacs(count(study.expansion.arm(name).config.model), seen) for name, seen in images.items())
    )


def test_nothing_more_is_trained_in_it(folder: Path) -> None:
    before = files(folder)
    done = dit_ablate("run", "tiny", "--executor", "local", "--store", folder)
    assert done.exit_code == 2 and done.stderr.count("\n") == 1
    assert "format 1" in done.stderr and "give another folder with --store" in done.stderr
    with pytest.raises(UserError, match="format 1"):
        Store(folder).records.append(Stretch.folder("a"), Stretch(start=0, images=1, points=(), began=0, seconds=0))
    assert files(folder) == before


def test_a_study_that_the_store_defines_otherwise_is_not_taken_for_it(folder: Path) -> None:
    changed = Client(store=folder).plan("tiny", settings={"size": "B"})
    assert {arm.held for arm in changed.arms} == {0}


def test_what_a_run_gave_up_and_what_is_damaged_in_it(folder: Path) -> None:
    def change(path: Path, **changes: Any) -> None:
        from dit_core.identity import digest

        envelope = json.loads(path.read_bytes())
        content = {**envelope["content"], **changes}
        path.write_text(json.dumps({**envelope, "content": content, "sha256": digest(content)}))

    change(folder / "studies" / "tiny" / "runs" / "0001.json", failed={"patch_size=8 seed=1": "the disk was full"})
    (evaluation,) = (
        path for path in folder.glob("trials/ead*/evaluations/*.json") if path.name.startswith("000000000256")
    )
    evaluation.write_bytes(evaluation.read_bytes()[:100])
    result = Client(store=folder).status("tiny")
    row = result.trials.set_index(["arm", "seed"]).loc[("patch_size=8", 1)]
    assert (row["status"], row["error"]) == ("failed", "the disk was full")
    assert [damage.key.rpartition("/")[2] for damage in result.damage] == [evaluation.name]


def test_a_damaged_run_of_it_is_told_once(folder: Path) -> None:
    """What a run gave up was in the run's own record, so the records made of it are damaged with it."""
    run = folder / "studies" / "tiny" / "runs" / "0001.json"
    run.write_bytes(run.read_bytes()[:100])
    store = Store(folder)
    assert store.given_up("tiny") == {} and store.last_run("tiny") == 1
    assert len(store.damaged) == 2 and all("0001.json" in sentence for sentence in store.damaged)
    assert Client(store=folder).status("tiny").done
