"""A search on the digits through Ray, killed with ``kill -9`` in the middle: it goes on with the same proposals."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from finished_study import tiny_study
from processes import kill

from search_spaces.expand import expand
from search_spaces.study import Study
from search_spaces.tuning import tuning_study
from service.analysis.summary import summarise
from service.engine import run_segments
from service.preflight import prepare
from service.records.proposals import Batch
from service.records.store import Store

HELPERS = Path(__file__).parent.parent / "helpers"


def study() -> Study:
    """Two generations of two, in which the second learns from the first."""
    search = {
        "learning_rate": {"loguniform": [1e-4, 1e-2]}, "block": {"choice": ["adaln", "adaln-zero"]},
        "trials": 5, "generation": 2, "options": {"n_startup_trials": 2},
    }  # fmt: skip
    resources = {"lanes": 1}
    return tiny_study(ablations=[], seeds=[0], search=search, rungs=[], budget_images=640, resources=resources)


def main(store: str, address: str) -> None:
    """What the process that is killed does."""
    outcome = run_segments(prepare(expand(study())), Store(store), address=address)
    assert not outcome.failed and not outcome.interrupted


def start(store: Path, address: str, log: Path) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join(map(str, (HELPERS, Path(__file__).parent, Path(__file__).parents[2])))
    command = [sys.executable, "-c", f"import test_ray_search; test_ray_search.main({str(store)!r}, {address!r})"]
    with log.open("wb") as file:
        return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, stdout=file, stderr=file)


def proposals(store: Store) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for path in sorted(store.path.glob("studies/tiny/proposals/*/search-*.json")):
        record = store.records.once(str(path.relative_to(store.path)), Batch)
        assert record is not None
        found[path.stem] = [dict(proposal.set) for proposal in record.content.accepted]
    return found


def test_killed_in_the_middle_it_proposes_the_same(ray_cluster: Any, tmp_path: Path) -> None:
    store, log = Store(tmp_path / "store"), tmp_path / "driver.log"
    driver = start(store.path, ray_cluster.address, log)
    try:
        until = time.monotonic() + 500
        while "search-2" not in proposals(store):
            assert driver.poll() is None, f"the driver ended early:\n{log.read_text()[-3000:]}"
            assert time.monotonic() < until, f"no second generation:\n{log.read_text()[-3000:]}"
            time.sleep(0.1)
    finally:
        kill(driver.pid)
        driver.wait()
    before = proposals(store)
    assert "search-3" not in before, "it was killed in the middle"

    again = start(store.path, ray_cluster.address, log)
    try:
        assert again.wait(timeout=600) == 0, log.read_text()[-3000:]
    finally:
        again.kill()
    undisturbed = Store(tmp_path / "undisturbed")
    run_segments(prepare(expand(study())), undisturbed, executor="local")
    assert proposals(store) == proposals(undisturbed)
    assert {name: proposals(store)[name] for name in before} == before
    assert [len(generation) for generation in proposals(store).values()] == [2, 2, 1]
    assert summarise(prepare(expand(study())), store).finished


def test_arms_are_tuned_through_ray_as_they_are_here(ray_cluster: Any, tmp_path: Path) -> None:
    """The arms that Ray has trained are those that the local executor asks for. Tuning itself is a search, as above."""
    tune = {"learning_rate": {"loguniform": [1e-4, 1e-2]}, "trials": 2, "seeds": [7], "images": 64}
    blocks = {"name": "Block", "axis": "block", "values": ["adaln"]}
    lanes = {"lanes": 1}
    tuned = tiny_study(ablations=[blocks], seeds=[0], tune=tune, rungs=[], budget_images=128, resources=lanes)
    store = Store(tmp_path / "store")
    assert run_segments(prepare(expand(tuning_study(tuned))), store, executor="local").timings
    outcome = run_segments(prepare(expand(tuned)), store, address=ray_cluster.address)
    assert not outcome.failed and outcome.timings
    assert run_segments(prepare(expand(tuned)), store, executor="local").timings == ()
    summary = summarise(prepare(expand(tuned)), store)
    assert summary.finished and set(summary.expansion.tuned) == {"baseline", "block=adaln"}
