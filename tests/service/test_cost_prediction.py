"""What was predicted is recorded before the first trial and compared with what was spent; what was measured is kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import typer
from small_studies import tiny_config
from tiny_study import BATCH, dit_ablate, write_study

from dit_core.errors import UserError
from search_spaces.study import Resources
from service import Client
from service.analysis.damage import DamageKind
from service.cli import asking
from service.cost import profile as profiling
from service.cost.kept import folder, keep, kept_profile, profiled_rates
from service.cost.prediction import compared
from service.cost.profiled import Profile
from service.cost.rates import ANALYTIC, PROFILED, RECORDED, SCALED
from service.cost.target import Target
from service.records.kinds import Hardware
from service.records.predictions import PredictionRecord
from service.records.results import Results, collect
from service.records.store import Store
from service.restored import restore


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study file and a store that holds it, run with one seed of two."""
    home = tmp_path_factory.mktemp("predicted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIT_ABLATE_CACHE", str(home / "cache"))
        Client(store=home / "store").run(write_study(home), executor="local", seeds=(0,))
    return home


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "cache"))


def known(store: Store) -> Results:
    prepared, _ = restore(store, "tiny")
    return collect(prepared.expansion, store, prepared.train_ids)


def test_the_prediction_is_recorded_before_the_first_trial(finished: Path) -> None:
    store = Store(finished / "store")
    sealed = store.records.find(PredictionRecord.key("tiny", 1), PredictionRecord)
    assert sealed is not None and set(sealed.content.arms) == {"baseline", "patch_size=4", "patch_size=8"}
    trials = [store.trial(result.train_id) for result in known(store).values()]
    assert all(trial is not None and sealed.written < trial.written for trial in trials)
    assert {arm.source for arm in sealed.content.arms.values()} == {ANALYTIC}


def test_the_comparison_is_of_the_work_that_was_done(finished: Path) -> None:
    store = Store(finished / "store")
    results = known(store)
    found = compared("tiny", results, store)
    assert found is not None and found.runs == (1,) and len(found.devices) == 1
    stretches = [piece for result in results.values() for piece in store.curve(result.train_id)]
    assert found.spent.train == pytest.approx(sum(piece.seconds for piece in stretches))
    record = store.records.find(PredictionRecord.key("tiny", 1), PredictionRecord)
    assert record is not None
    thought = 0.0
    for result in results.values():
        images = max((piece.images for piece in store.curve(result.train_id)), default=0)
        thought += record.content.arms[result.trial.arm.name].train.middle * images
    assert found.predicted.train.middle == pytest.approx(thought)
    assert found.error == pytest.approx(found.spent.total / found.predicted.total.middle - 1)
    text = (finished / "store" / "studies" / "tiny" / "report" / "report.md").read_text()
    html = (finished / "store" / "studies" / "tiny" / "report" / "report.html").read_text()
    assert "Predicted before the run" in text and "Predicted before the run" in html


def test_a_damaged_prediction_is_told_and_compared_with_nothing(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "store", tmp_path / "store")
    (tmp_path / "store" / PredictionRecord.key("tiny", 1)).write_text("{")
    store = Store(tmp_path / "store")
    assert compared("tiny", known(store), store) is None
    (told,) = Client(store=tmp_path / "store").status("tiny").damage
    assert told.kind is DamageKind.HISTORY and "what a run was thought to take" in told.text


def test_what_another_study_paid_for_is_not_compared(finished: Path, tmp_path: Path) -> None:
    path = write_study(tmp_path, name="second", seeds=[0])
    Client(store=finished / "store").run(path, executor="local")
    prepared, _ = restore(store := Store(finished / "store"), "second")
    assert compared("second", collect(prepared.expansion, store, prepared.train_ids), store) is None


def test_a_store_that_holds_an_arm_tells_how_fast_it_is(finished: Path) -> None:
    preview = Client(store=finished / "store").plan(finished / "study.yaml", seeds=(0, 1))
    assert preview.estimate.sources == (RECORDED,)
    left, whole = preview.estimate.left, preview.estimate.whole
    assert left is not None and left.train.middle <= whole.train.middle / 2 * 1.001
    wider = Client(store=finished / "store").plan(finished / "study.yaml", settings={"resources.cpus_per_worker": 2})
    assert wider.estimate.sources == (ANALYTIC,), "measured with other threads"
    assert "recorded in the store" in str(preview)


def some_profile(threads: int = 1, workers: int = 1) -> Profile:
    device = Target.here(_resources()).device
    hardware = Hardware(device=device, torch="2", workers=workers)
    return Profile(hardware, threads, (1e-3, 2e-3, 3e-3), (1e-4,), 0.0, (1e-5,), 1e9)


def _resources(**fields: int) -> Resources:
    return Resources(**fields)


def test_a_profile_is_kept_for_its_hardware_and_a_damaged_one_counts_as_none() -> None:
    config, target = tiny_config(), Target.here(_resources())
    assert kept_profile(config, target) is None
    keep(config, some_profile())
    assert kept_profile(tiny_config(training={"learning_rate": 0.5}), target) == some_profile()
    for other in (_resources(workers=2), _resources(cpus_per_worker=2), _resources(gpus_per_worker=1)):
        assert kept_profile(config, Target.here(other)) is None
    assert kept_profile(tiny_config(model={"depth": 3}), target) is None
    rates = profiled_rates(config, some_profile())
    assert rates.source == PROFILED and rates.train.low < rates.train.middle == pytest.approx(2e-3)
    assert rates.sample.middle == pytest.approx(1e-4 * 3 * 74) and rates.score.middle == pytest.approx(1e-5 * 64)
    for path in folder(config).glob("*.json"):
        path.write_text("{")
    assert kept_profile(config, target) is None


def test_measuring_times_the_real_loop_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "SECONDS", 0.0)
    path, told = write_study(tmp_path, seeds=[0]), []
    client = Client(store=tmp_path / "store")
    preview = client.plan(path, measure=True, tell=told.append)
    assert [line.split()[1] for line in told] == ["baseline", "patch_size=4", "patch_size=8"]
    assert preview.estimate.sources == (PROFILED,) and not (tmp_path / "store").exists()
    assert preview.estimate.memory.middle > 1e8
    client.plan(path, measure=True, tell=told.append)
    assert len(told) == 3, "what is known is not measured again"
    more = client.plan(path, seeds=(0, 1, 2), budget_images=8 * BATCH)
    assert more.estimate.sources == (PROFILED,)
    assert more.estimate.whole.train.middle == pytest.approx(6 * preview.estimate.whole.train.middle)
    other = write_study(tmp_path, seeds=[0], ablations=[{"axis": "patch_size", "values": [2, 4]}, "decoder"])
    assert client.plan(other).estimate.sources == (PROFILED, SCALED)


def test_what_cannot_run_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="measure: the study cannot run yet: data"):
        Client(store=tmp_path / "store").plan("dit-paper", measure=True)


def test_a_person_is_asked_above_the_threshold_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estimate = Client(store=tmp_path / "store").plan(write_study(tmp_path)).estimate
    monkeypatch.setattr(asking, "at_terminal", lambda: True)
    asked: list[str] = []

    def confirm(text: str, **_: object) -> bool:
        asked.append(text)
        return False

    monkeypatch.setattr(typer, "confirm", confirm)
    asking.ask(estimate, None, yes=False)
    asking.ask(estimate, 1e6, yes=False)
    asking.ask(estimate, 0.0, yes=True)
    assert not asked
    with pytest.raises(typer.Exit) as left:
        asking.ask(estimate, 0.0, yes=False)
    assert left.value.exit_code == 3 and "device-hours" in asked[0] and "analytic" in asked[0]
    monkeypatch.setattr(asking, "at_terminal", lambda: False)
    asking.ask(estimate, 0.0, yes=False)


def test_without_a_terminal_a_run_never_asks(finished: Path) -> None:
    result = dit_ablate(
        "run", finished / "study.yaml", "--store", finished / "store", "--executor", "local", "--seeds", "0",
        env={asking.ASK_ABOVE_VARIABLE: "0"},
    )  # fmt: skip
    assert result.exit_code == 0 and "Start?" not in result.output
