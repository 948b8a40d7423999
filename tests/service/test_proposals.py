"""Arms may appear while a study runs: asked for, checked, recorded, and run like all others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from growing_study import BAD, GOOD, STUDY, Grower, Proposing, growing
from killed_between import Killed, killing_at
from observed import everything

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.types import Proposal
from service.analysis.standing import standing
from service.analysis.summary import summarise
from service.engine import Outcome, run_segments
from service.engine.ledger import Ledger
from service.preflight import Prepared, prepare
from service.records.store import Store
from service.report.build import build_report

NEW = "patch_size=8 seed=0"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def run(store: Store, prepared: Prepared | None = None, proposer: Proposing | None = None, **more) -> Outcome:
    return run_segments(prepared or growing(), store, executor="local", proposer=proposer, **more)


def shown(store: Store, outcome: Outcome) -> dict:
    return everything(store, standing(growing(), store).prepared, outcome)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Outcome]:
    store, proposer = Store(tmp_path_factory.mktemp("grown") / "store"), Proposing()
    outcome = run(store, proposer=proposer)
    assert [question.name for question in proposer.asked] == ["after-64"]
    return store, outcome


# -- the expansion ----------------------------------------------------------------------------------


def test_a_proposal_adds_an_arm_and_changes_none() -> None:
    before = expand(STUDY)
    after = expand(STUDY, [GOOD, Proposal({"ema_decay": 0.77}, name="short memory")])
    kept = {arm.name: arm.config for arm in after.arms[: len(before.arms)]}
    assert kept == {arm.name: arm.config for arm in before.arms}, "averages kept for a proposal would change trainings"
    assert [arm.name for arm in after.arms[len(before.arms) :]] == ["patch_size=8", "short memory"]
    assert 0.77 in after.arm("short memory").config.training.ema_decays
    view = after.ablations[-1]
    assert (view.name, view.action, view.adds) == ("Proposed", "PROPOSE", ("patch_size=8", "short memory"))
    assert "larger patches are cheaper" in view.notes[0]


def test_a_proposal_of_an_arm_that_is_there_adds_none() -> None:
    again = expand(STUDY, [Proposal({"patch_size": 4}), Proposal({})])
    assert again.arms[1].ablations[-1] == "Proposed" and len(again.arms) == len(expand(STUDY).arms)


@pytest.mark.parametrize(
    ("proposal", "message"),
    [
        (BAD, "patch_size"),
        (Proposal({"seed": 1}), "seed is not part of an arm"),
        (Proposal({"patch_size": 8}, name="block=adaln"), "another arm has this name"),
        (Proposal({"training.batch_size": 48}), "not a multiple of the batch size"),
    ],
)
def test_an_impossible_proposal_is_one_sentence(proposal: Proposal, message: str) -> None:
    with pytest.raises(UserError, match=message):
        expand(STUDY, [proposal])


def test_a_prepared_study_is_extended_and_checks_what_is_new() -> None:
    prepared = prepare(expand(STUDY))
    grown = prepared.grown([GOOD])
    assert set(grown.train_ids) - set(prepared.train_ids) == {NEW}
    assert grown.train_ids == prepare(expand(STUDY, [GOOD])).train_ids
    with pytest.raises(UserError, match="arm 'four channels'"):
        prepared.grown([Proposal({"model.in_channels": 4}, name="four channels")])
    known = replace(prepared, datasets={}).grown([GOOD], {NEW: "a" * 64})
    assert known.train_ids[NEW] == "a" * 64 and known.datasets == {}, "what is recorded needs no data"


# -- through a run ----------------------------------------------------------------------------------


def test_an_arm_joins_a_running_study(undisturbed: tuple[Store, Outcome]) -> None:
    store, outcome = undisturbed
    states = {status.trial.name: str(status.state) for status in outcome.statuses}
    assert set(states) == {"baseline seed=0", "patch_size=4 seed=0", "block=adaln seed=0", NEW}
    decisions = {found.look: found for found in standing(growing(), store).decisions}
    assert "patch_size=8" not in decisions["64"].compared, "it came after that look"
    assert "patch_size=8" in decisions["128"].compared, "and is compared from the next one on"
    (refused,) = [message for message in outcome.messages if "refused" in message]
    assert "patch_size" in refused and not outcome.failed


def test_continuing_asks_nothing_again(undisturbed: tuple[Store, Outcome]) -> None:
    store, before = undisturbed
    proposer = Proposing([])
    again = run(store, proposer=proposer)
    assert proposer.asked == [] and again.timings == ()
    assert shown(store, again) == shown(store, before)


@pytest.mark.slow
@pytest.mark.parametrize("moment", [2, 9, 14, 21, 30])
def test_killed_anywhere_and_continued(moment: int, undisturbed: tuple[Store, Outcome], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(Killed):
        run(store, proposer=Proposing(), on_update=killing_at(moment))
    outcome = run(store, proposer=Proposing())
    assert shown(store, outcome) == shown(*undisturbed)


@pytest.mark.slow
def test_killed_while_it_asks(undisturbed: tuple[Store, Outcome], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    code = f"import growing_study; growing_study.die_when_asked({str(store.path)!r})"
    helpers = Path(__file__).parent.parent / "helpers"
    environment = {**os.environ, "PYTHONPATH": f"{helpers}{os.pathsep}{Path(__file__).parents[2]}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert not list(store.path.glob("studies/*/proposals/**/*.json"))
    proposer = Proposing()
    assert shown(store, run(store, proposer=proposer)) == shown(*undisturbed)
    assert len(proposer.asked) == 1


def test_the_first_answer_stands(undisturbed: tuple[Store, Outcome], tmp_path: Path) -> None:
    """Two drivers are asked the same: what was recorded first is what both run."""
    store = Store(tmp_path / "store")
    run(store, proposer=Proposing([[GOOD]]))
    late = Ledger(growing(), store, proposer=Proposing([[Proposal({"size": "B"})]]))
    assert NEW in late.prepared.train_ids and late.finished


def test_nobody_to_ask_or_a_search_that_fails_ends_no_run(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    outcome = run(store)
    assert any("asks for new arms (two arms to try after 64 images)" in message for message in outcome.messages)
    assert len(outcome.statuses) == 3 and not outcome.failed
    assert standing(growing(), store).plan.questions and not summarise(growing(), store).finished
    broken = run(store, proposer=Proposing([ValueError("the search is lost")]))
    assert any("ValueError: the search is lost" in message for message in broken.messages)
    mended = run(store, proposer=Proposing([[]]))  # nothing proposed is an answer, too
    assert len(mended.statuses) == 3 and summarise(growing(), store).finished


@pytest.mark.slow
def test_one_more_seed_of_an_arm_that_was_proposed(undisturbed: tuple[Store, Outcome], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run(store, proposer=Proposing())
    outcome = run(store, growing(seeds=(0, 1)))
    assert "patch_size=8 seed=1" in {status.trial.name for status in outcome.statuses}
    assert all(not status.state.is_open for status in outcome.statuses)


# -- readers ----------------------------------------------------------------------------------------


def test_readers_know_arms_that_were_proposed(undisturbed: tuple[Store, Outcome]) -> None:
    store, _ = undisturbed
    reader = replace(growing(), datasets={})
    summary = summarise(reader, store)
    assert summary.arm("patch_size=8").arm.delta == {"patch_size": 8}
    assert summary.finished and len(summary.statuses) == 4
    text = build_report(reader, store, command="again").markdown.read_text()
    assert "## Proposed" in text and "larger patches are cheaper" in text


@pytest.mark.slow
def test_the_client_continues_and_shows_a_study_that_has_grown(
    undisturbed: tuple[Store, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    from service.client import Client

    store, _ = undisturbed
    for module in ("service.preflight", "service.restored"):
        monkeypatch.setattr(f"{module}.policy_of", lambda study, stopping=None: Grower(Grower.Options()))
    client = Client(store=store.path)
    result = client.run(STUDY, executor="local", seeds=(0, 1))
    assert ("patch_size=8", 1) in set(zip(result.trials["arm"], result.trials["seed"], strict=True))
    status = client.status("tiny")
    assert set(status.arms["arm"]) == {"baseline", "patch_size=4", "block=adaln", "patch_size=8"}
    assert status.done and "Proposed" in set(status.ablations["ablation"])
    assert "patch_size=8" in [arm.name for arm in client.plan(STUDY).arms]
    exported = client.export("tiny", store.path / "exported.pt", layout="official", arm="patch_size=8", seed=1)
    assert exported is not None
    tracking = MlflowClient(result.tracking_uri)
    runs = tracking.search_runs([tracking.get_experiment_by_name("tiny").experiment_id])
    assert {"patch_size=8 seed=0", "patch_size=8 seed=1"} <= {run.info.run_name for run in runs}
