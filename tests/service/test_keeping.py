"""Studies that are there already: compared, shared in one file, tried again, removed; their checkpoints freed."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from finished_study import BUDGET, RUNG, run_locally, tiny_study
from tiny_study import dit_ablate
from whole_store import contents

from dit_core.errors import UserError
from service.client import Client
from service.engine import run_segments
from service.engine.runner import SegmentRun
from service.keeping.garbage import Checkpoint, Garbage
from service.preflight import Prepared
from service.records.claims import claim_study
from service.records.store import Store


def patches(*values: int) -> list[dict[str, Any]]:
    return [{"name": "Patch", "axis": "patch_size", "values": list(values)}]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Prepared]]:
    """A store of two studies that share the baseline and an arm."""
    folder = tmp_path_factory.mktemp("two") / "store"
    store = Store(folder)
    common: dict[str, Any] = {"seeds": [0], "policy": "none"}
    own = {
        "one": run_locally(tiny_study("one", ablations=patches(2, 4), **common), store),
        "two": run_locally(tiny_study("two", ablations=patches(2, 4, 8), **common), store),
    }
    return folder, own


@pytest.fixture
def two(made: tuple[Path, dict[str, Prepared]], tmp_path: Path) -> Iterator[tuple[Path, dict[str, Prepared]]]:
    """A copy of it, to do anything with."""
    shutil.copytree(made[0], tmp_path / "store")
    yield tmp_path / "store", made[1]


# -- rm --------------------------------------------------------------------------------------------------------


def test_what_others_need_stays_and_the_rest_goes(two: tuple[Path, dict[str, Prepared]]) -> None:
    folder, own = two
    before = Client(folder).status("one")
    assert dit_ablate("rm", "two", "--store", folder).stderr.startswith("error: rm: this would remove study two and 1 ")
    planned = json.loads(dit_ablate("rm", "two", "--yes", "--json", "--store", folder).stdout)
    assert planned["weights"] == [own["two"].train_ids["patch_size=8 seed=0"]]
    assert set(planned["kept"]) == set(own["one"].train_ids.values()) and planned["bytes"] > 0
    assert not (folder / "studies" / "two").exists()
    assert {path.name for path in (folder / "trials").iterdir()} == set(own["one"].train_ids.values())
    pd.testing.assert_frame_equal(Client(folder).status("one").trials, before.trials)
    gone = dit_ablate("rm", "two", "--yes", "--store", folder)
    assert gone.exit_code == 2 and "'two' has not been run in the store" in gone.stderr
    assert dit_ablate("rm", "one", "--yes", "--store", folder).exit_code == 0
    assert not list((folder / "trials").iterdir())


def test_a_study_that_runs_is_not_removed(two: tuple[Path, dict[str, Prepared]]) -> None:
    folder, _ = two
    claim = claim_study(Store(folder), "one")
    before = contents(folder)
    try:
        with pytest.raises(UserError, match="'one' is being run in this store"):
            Client(folder).remove("one")
    finally:
        claim.end()
    assert contents(folder) == before


# -- gc --------------------------------------------------------------------------------------------------------


def images(found: tuple[Checkpoint, ...]) -> set[int]:
    return {item.images for item in found}


def test_nothing_is_touched_unless_it_is_asked_for(two: tuple[Path, dict[str, Prepared]]) -> None:
    folder, own = two
    before, client = contents(folder), Client(folder)
    final = client.collect_garbage("final")
    assert not final.freed and images(final.kept) == {BUDGET}, "a run keeps no more itself"
    best = client.status("two").verdicts.best
    assert best is not None
    kept = {item.train_id for item in client.collect_garbage("best", "two").kept}
    assert own["two"].train_ids[f"{best.arm} seed=0"] in kept
    none = client.collect_garbage("none")
    assert len(none.freed) == 3 and not none.kept and none.size is not None and none.size > 0
    said = dit_ablate("gc", "--keep", "none", "--store", folder)
    assert "nothing was touched" in said.stdout and "two: patch_size=8 seed=0 after 256 images" in said.stdout
    assert contents(folder) == before


def test_what_is_freed_leaves_the_results(two: tuple[Path, dict[str, Prepared]]) -> None:
    folder, _ = two
    before = Client(folder).status("two")
    done = json.loads(dit_ablate("gc", "--keep", "none", "--delete", "--json", "--store", folder).stdout)
    assert done["deleted"] and len(done["freed"]) == 3
    assert not list(folder.glob("trials/*/checkpoints/*.safetensors"))
    after = Client(folder).status("two")
    assert after.done
    pd.testing.assert_frame_equal(after.trials, before.trials)
    assert not Client(folder).collect_garbage("none").freed


def test_what_a_measurement_starts_from_or_a_run_may_read_stays(two: tuple[Path, dict[str, Prepared]]) -> None:
    folder, own = two
    shared = own["one"].train_ids["patch_size=4 seed=0"]
    (evaluation,) = (folder / "trials" / shared / "evaluations").glob(f"{BUDGET:012d}-*.json")
    evaluation.unlink()  # both studies lack it now
    found = Client(folder).collect_garbage("none")
    (kept,) = found.kept
    assert kept.train_id == shared and kept.needed_by == (
        "study one goes on from it",
        "study two goes on from it",
    )
    claim = claim_study(Store(folder), "two")
    try:
        freed: Garbage = Client(folder).collect_garbage("none", dry_run=False)
    finally:
        claim.end()
    assert not freed.freed and len(list(folder.glob("trials/*/checkpoints/*.safetensors"))) == 3
    assert all("study two is being run" in item.needed_by for item in freed.kept)


# -- bundle ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundled(made: tuple[Path, dict[str, Prepared]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundled")
    shutil.copytree(made[0], folder / "store")
    file = folder / "one.zip"
    assert dit_ablate("bundle", "one", file, "--weights", "--store", folder / "store").exit_code == 0
    return file


def test_a_colleague_has_the_same_study_in_a_store_of_its_own(
    made: tuple[Path, dict[str, Prepared]], bundled: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    taken = dit_ablate("import-bundle", bundled, "--store", there)
    assert taken.exit_code == 0 and "dit-ablate report one" in taken.stdout
    here, other = Client(made[0]), Client(there)
    for frame in ("trials", "arms", "evaluations", "contrasts"):
        pd.testing.assert_frame_equal(getattr(other.status("one"), frame), getattr(here.status("one"), frame))
    assert other.studies() == ["one"] and (there / "studies/one/report/report.html").is_file()
    assert Store(there).id != Store(made[0]).id
    outcome = run_segments(made[1]["one"], Store(there), executor="local")
    assert not outcome.timings, "nothing is trained or measured again"
    longer = tiny_study("one", ablations=patches(2, 4), seeds=[0], policy="none", budget_images=BUDGET + RUNG)
    run_locally(longer, Store(there))
    for train_id in made[1]["one"].train_ids.values():
        assert Store(there).curve(train_id)[-1].start == BUDGET, "it goes on from the weights"
    again = dit_ablate("import-bundle", bundled, "--store", there)
    assert again.exit_code == 2 and "has a study 'one' already" in again.stderr


def test_what_the_store_has_stands(two: tuple[Path, dict[str, Prepared]], bundled: Path) -> None:
    folder, own = two
    Client(folder).remove("one")
    before = contents(folder)
    taken = Client(folder).import_bundle(bundled)
    assert set(taken.known) == set(own["one"].train_ids.values()) and taken.weights == 0
    assert contents(folder).items() >= before.items() and Client(folder).status("one").done


def test_a_file_that_is_no_sound_bundle_takes_nothing_in(bundled: Path, tmp_path: Path) -> None:
    def changed(name: str, **files: bytes) -> str:
        path, there = tmp_path / f"{name}.zip", tmp_path / name
        with zipfile.ZipFile(bundled) as source, zipfile.ZipFile(path, "w") as target:
            for item in source.infolist():
                target.writestr(item.filename, files.get(item.filename, source.read(item)))
            for key in set(files) - set(source.namelist()):
                target.writestr(key, files[key])
        answer = dit_ablate("import-bundle", path, "--store", there)
        assert answer.exit_code == 2 and not there.exists()
        return str(answer.stderr)

    with zipfile.ZipFile(bundled) as archive:
        told = json.loads(archive.read("bundle.json"))
        some = next(key for key in told["files"] if key.endswith("trial.json"))
    assert f"{some} is not what was written" in changed("torn", **{some: b"{}"})
    assert "its files are not those that it names" in changed("more", **{"studies/one/report/more.html": b""})
    empty = {"size": 0, "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
    for number, key in enumerate(("../evil.json", "studies/one/../../evil", "store.json", "trials/x/code.py")):
        manifest = {**told, "files": {**told["files"], key: empty}}
        answer = changed(f"astray-{number}", **{"bundle.json": json.dumps(manifest).encode(), key: b""})
        assert "which no bundle of a study holds" in answer and not (tmp_path / "evil.json").exists()
    later = json.dumps({**told, "format": 2}).encode()
    assert "has format 2; this version reads 1" in changed("later", **{"bundle.json": later})
    (tmp_path / "text.zip").write_text("no archive")
    no = dit_ablate("import-bundle", tmp_path / "text.zip", "--store", tmp_path / "there")
    assert no.exit_code == 2 and "was not written by `dit-ablate bundle`" in no.stderr


# -- retry -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_failed_trials_get_another_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, whole = Store(tmp_path / "store"), SegmentRun.__call__

    def breaks(self: SegmentRun) -> Any:
        if "patch_size" in self.segment.trial:
            raise ValueError("the disk has a bad day")
        return whole(self)

    monkeypatch.setattr(SegmentRun, "__call__", breaks)
    study = tiny_study("one", ablations=patches(2, 4, 8), seeds=[0], policy="none")
    run_locally(study, store)
    monkeypatch.setattr(SegmentRun, "__call__", whole)
    client = Client(store.path)
    failed = client.status("one").failed
    assert set(failed["arm"]) == {"patch_size=4", "patch_size=8"}, list(failed["error"])

    session = client.retry("one", "patch_size=4")
    assert session is not None and session.command() == "dit-ablate run tiny.yaml"
    run_segments(session.prepared, session.store, executor="local", leave=session.leave)
    rows = client.status("one").trials.set_index("arm")
    assert rows.loc["patch_size=4", "status"] == "completed"
    assert rows.loc["patch_size=8", "status"] == "failed" and "bad day" in str(rows.loc["patch_size=8", "error"])
    assert client.retry("one", "patch_size=4") is None
    with pytest.raises(UserError, match="arm: unknown value 'patch_size=5'"):
        client.retry("one", "patch_size=5")

    done = dit_ablate("retry", "one", "--executor", "local", "--store", store.path)
    assert done.exit_code == 0, done.stderr
    assert client.status("one").done
    nothing = dit_ablate("retry", "one", "--store", store.path)
    assert nothing.exit_code == 0 and "nothing to try again" in nothing.stderr


# -- compare ---------------------------------------------------------------------------------------------------


def test_studies_side_by_side(made: tuple[Path, dict[str, Prepared]], bundled: Path, tmp_path: Path) -> None:
    folder, _ = made
    found = Client(folder).compare("one", "two")
    assert found.same_scale and not found.differences
    assert set(found.shared) == {"baseline", "patch_size=4"}
    (asked,) = found.questions
    assert (asked.question, asked.label) == ("Patch", "4") and asked.agreement == "do not all decide", "one seed each"
    for name, verdict in asked.verdicts.items():
        assert verdict == Client(folder).status(name).verdicts.at("Patch", "4")
    text = dit_ablate("compare", "one", "two", "--store", folder, env={"COLUMNS": "40"}).stdout
    assert "\n  patch_size=4\n    one  " in text and "  4: the studies do not all decide\n" in text
    Client(tmp_path / "there").import_bundle(bundled)
    elsewhere = dit_ablate("compare", "one", f"{tmp_path}/there/one", "--json", "--store", folder)
    assert [item["best"] for item in json.loads(elsewhere.stdout)["studies"]][1] is not None
    alone = dit_ablate("compare", "one", "--store", folder)
    assert alone.exit_code == 2 and "two studies or more" in alone.stderr


def test_studies_on_other_scales_are_told_apart(made: tuple[Path, dict[str, Prepared]], tmp_path: Path) -> None:
    shutil.copytree(made[0], tmp_path / "store")
    store = Store(tmp_path / "store")
    run_locally(tiny_study("short", ablations=patches(2, 4), seeds=[0], rungs=[], budget_images=RUNG), store)
    found = Client(store.path).compare("one", "short")
    assert not found.same_scale and found.differences["budget_images"] == (BUDGET, RUNG)
    assert "compare their verdicts, not their values" in found.notes[0]
