"""Odd records anywhere in a store: commands say a sentence or show the rest, and a run makes again what it can."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
from datetime import UTC, datetime
from pathlib import Path

import damage_sweep
import pytest
from observed import evaluations
from test_records import DAMAGES, damage
from tiny_study import dit_ablate, write_study

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.load import load_study
from service import Client
from service.engine import run_segments
from service.preflight import Prepared, prepare
from service.records.claims import claim_study
from service.records.kinds import DefinitionRecord
from service.records.store import Store
from service.records.study_files import read_definition
from service.verify.inspect import verify


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Prepared]:
    """A finished study of two arms, without MLflow."""
    folder = tmp_path_factory.mktemp("whole")
    study = load_study(write_study(folder, ablations=[{"axis": "patch_size", "values": [4]}], seeds=[0], policy="none"))
    session = Client(store=folder / "store").start(study)
    run_segments(session.prepared, session.store, executor="local")
    session._write_files("dit-ablate run study.yaml", session.prepared.train_ids)
    return folder / "store", prepare(expand(study))


@pytest.fixture
def store(finished: tuple[Path, Prepared], tmp_path: Path) -> Path:
    shutil.copytree(finished[0], tmp_path / "store")
    return tmp_path / "store"


RECORDS = {
    "trial": "trials/*/trial.json",
    "curve": "trials/*/curve/0001.json",
    "evaluation": "trials/*/evaluations/*.json",
    "claim": "studies/tiny/claims/0001.json",
    "run": "studies/tiny/runs/0001.json",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        "content a string",
        "written missing",
        "other fields",
        "a folder in its place",
        "torn",
        "a link to nowhere",
        "unreadable",
    ],
)
def test_no_damage_is_a_traceback_and_a_run_makes_it_again(
    how: str, finished: tuple[Path, Prepared], store: Path
) -> None:
    prepared = finished[1]
    expected = evaluations(Store(finished[0]), prepared)
    # a run of which neither the claim nor the end can be read is watched for as long as a dead one
    for pattern in (place for name, place in RECORDS.items() if (name, how) != ("run", "unreadable")):
        damage(sorted(store.glob(pattern))[-1], how)  # the budget's evaluation
    client = Client(store=store)
    shown = client.status("tiny")
    assert shown.trials["status"].to_list().count("pending") == 1, "the trial without its evaluation is not complete"
    kinds = [item.kind.value for item in shown.damage]
    assert kinds.count("curve") == 1 and kinds.count("evaluation") == 1 and kinds.count("configuration") == 1
    done = dit_ablate("report", "tiny", "--store", store)
    assert done.exit_code == 0
    report = (store / "studies" / "tiny" / "report" / "report.md").read_text()
    assert "the training curve has a hole from 0 to " in report and "curve/0001.json" in report

    opened = Store(store)
    outcome = run_segments(prepared, opened, executor="local")
    assert {str(status.state) for status in outcome.statuses} == {"completed"}
    assert sum(timing.train for timing in outcome.timings) == 0, "what is evaluated again is not trained again"
    assert evaluations(opened, prepared) == expected
    assert list(store.glob("trials/*/evaluations/*~1.json")) and list(store.glob("trials/*/trial~1.json"))
    assert opened.last_run("tiny") == 2, "a damaged claim keeps its number"


def test_a_damaged_definition_is_told_and_hides_no_other_study(store: Path) -> None:
    shutil.copytree(store / "studies" / "tiny", store / "studies" / "another")
    path = store / "studies" / "another" / "definitions" / "0001.json"
    path.write_bytes(path.read_bytes()[:200])
    done = dit_ablate("status", "--store", store)
    assert done.exit_code == 0 and "tiny" in done.stdout
    assert "study 'another': its definition is damaged" in done.stderr
    with pytest.raises(
        UserError, match=r"the definition of 'another' .* is damaged .*; make it again from the study.yaml"
    ):
        read_definition(Store(store), "another")


@pytest.mark.parametrize("what", ["definitions/0001.json", "definitions"])
def test_a_definition_that_cannot_be_read_hides_no_study(what: str, store: Path) -> None:
    shutil.copytree(store / "studies" / "tiny", store / "studies" / "another")
    path = store / "studies" / "another" / what
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(path.name)  # to itself: what nobody can read, root included
    done = dit_ablate("status", "--store", store)
    assert done.exit_code == 0 and "study 'another': its definition is damaged" in done.stderr
    for command in ("plan", "report", "status"):
        done = dit_ablate(command, "another", "--store", store)
        assert done.exit_code == 2 and "the definition of 'another'" in done.stderr, command


def test_a_report_that_cannot_be_written_is_one_sentence(store: Path) -> None:
    shutil.rmtree(store / "studies" / "tiny" / "report", ignore_errors=True)
    (store / "studies" / "tiny" / "report").write_text("in its place")
    done = dit_ablate("report", "tiny", "--store", store)
    assert done.exit_code == 2 and done.stderr.startswith("error: report: cannot write ")


def test_a_study_of_a_later_version_hides_no_other(store: Path) -> None:
    """A definition is plain JSON: one that this version cannot make a study of is sound all the same."""
    records = Store(store).records
    newest = read_definition(Store(store), "tiny")
    later = {**newest.study.model_dump(mode="json"), "name": "later", "window": 7}
    record = DefinitionRecord(study=later, train_ids={}, source="later.yaml", command="dit-ablate run later.yaml")
    records.append(DefinitionRecord.folder("later"), record)
    done = dit_ablate("status", "--store", store)
    assert done.exit_code == 0 and "tiny" in done.stdout
    assert "study 'later'" in done.stderr and "window" in done.stderr
    assert dit_ablate("status", "later", "--store", store).exit_code == 2


def test_a_grid_that_cannot_be_read_is_told(store: Path) -> None:
    for grid in store.glob("trials/*/grids/*.png"):
        damage(grid, "unreadable")
    assert dit_ablate("report", "tiny", "--store", store).exit_code == 0
    assert (
        "the sample grid at 128 images is missing or damaged"
        in (store / "studies" / "tiny" / "report" / "report.md").read_text()
    )


def test_every_damage_to_a_definition_is_a_sentence(store: Path) -> None:
    path = store / "studies" / "tiny" / "definitions" / "0001.json"
    whole = path.read_bytes()
    for how in DAMAGES:
        damage(path, how)
        with pytest.raises(UserError, match="is damaged"):
            Client(store=store).status("tiny")
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.write_bytes(whole)
    assert Client(store=store).status("tiny").done


def test_a_live_file_without_its_fields_is_no_traceback(store: Path) -> None:
    from service.engine.watch import read_live

    claim = claim_study(Store(store), "tiny")
    live = store / "studies" / "tiny" / "live.json"
    now = {"pid": os.getpid(), "host": socket.gethostname(), "time": datetime.now(UTC).isoformat()}
    segment = {"trial": "baseline seed=0", "until": 128}
    changes: list[dict[str, object]] = [
        {"time": "yesterday"},
        {"pid": -1},
        {"pid": math.inf},
        {"running": [{**segment, "trial": ["a"]}]},
        {"running": ["a"]},
    ]
    others = [{"pid": 1, "host": "x"}, *({**now, **change} for change in changes)]
    for text in ("{}", "[1]", "7", "{torn", "[" * 100_000, *map(json.dumps, others)):
        live.write_text(text)
        assert read_live(Store(store), "tiny") is None
    for changes_nothing in ({"new": 1}, {"time": "2026-01-01T00:00:00+00:00"}, {"time": "9999-12-31T23:59:59+00:00"}):
        live.write_text(json.dumps({**now, **changes_nothing, "running": [{**segment, "newer": 2}]}))
        found = read_live(Store(store), "tiny")
        assert found is not None and [item.trial for item in found.running] == ["baseline seed=0"]
    claim.end()
    assert read_live(Store(store), "tiny") is None, "its process has ended the run"
    live.unlink()


@pytest.mark.slow
def test_no_command_has_a_traceback_for_anything_odd_in_place_of_a_record(store: Path, tmp_path: Path) -> None:
    """A share of all pairs; ``benchmarks/damage.py`` tries every one."""
    for number, (place, how) in enumerate(damage_sweep.pairs(store, list(DAMAGES), 16)):
        broken = damage_sweep.copied(store, tmp_path / "broken")
        damage(broken / place, how)
        damage_sweep.ask(broken, damage_sweep.READERS)
        assert verify(Store(broken)).findings, (place, how)
        if number % 8 == 0:
            damage_sweep.ask(broken, damage_sweep.SLOW)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["200000.json", "99999999999999999999.json"])
def test_a_stray_number_among_the_claims_costs_nothing(what: str, store: Path) -> None:
    (store / "studies" / "tiny" / "claims" / what).write_text("{}")
    assert "tiny" in damage_sweep.ask(store, (("status", "tiny"), ("verify",), ("report", "tiny")))


def test_another_trials_record_in_place_of_ones_own_is_damaged(store: Path) -> None:
    one, other = sorted(store.glob("trials/*"))
    for name in ("trial.json", "curve/0001.json"):
        shutil.copy(one / name, other / name)
    kinds = sorted(item.kind.value for item in Client(store=store).status("tiny").damage)
    assert kinds == ["configuration", "curve"]
