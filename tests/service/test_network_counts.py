"""What networks cost is counted once for a study: a run records it, and whoever reads the store need not count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from finished_study import tiny_study
from small_studies import expansion
from test_records import damage
from tiny_study import dit_ablate

from dit_core import counting, gflops, kept_counts
from dit_core.gflops import Cost, count
from search_spaces.expand import expand
from search_spaces.types import Arm
from service import Client
from service.analysis.damage import DamageKind
from service.engine.ledger import Ledger
from service.keeping.bundle import belongs
from service.preflight import Prepared, prepare
from service.records import study_files
from service.records.kinds import DefinitionRecord
from service.records.network_counts import CountsRecord, counts_record, record_counts, tell_counts
from service.records.store import Store
from service.verify.finding import Remedy
from service.verify.inspect import verify

FOLDER = CountsRecord.folder("tiny")


@pytest.fixture
def begun(tmp_path: Path) -> tuple[Path, Prepared]:
    """A study whose run has begun, and of which nothing is trained."""
    store, prepared = Store(tmp_path / "store"), prepare(expand(tiny_study()))
    study_files.write_definition(
        store, prepared.expansion.study, prepared.train_ids, "tiny.yaml", "again", analysis_plan=prepared.plan_digest
    )
    Ledger(prepared, store).begin()
    return tmp_path / "store", prepared


def elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Makes this process one on another machine, where nothing was counted; returns what it counts, one by one."""
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(folder))
    monkeypatch.setattr(kept_counts, "_told", {})
    gflops._count.cache_clear()
    counted: list[int] = []
    real = counting.counted

    def noted(*arguments: object) -> kept_counts.Counted:
        counted.append(1)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(counting, "counted", noted)
    return counted


def costs(prepared: Prepared) -> dict[str, Cost]:
    return {arm.name: count(arm.config.model, arm.config.training.mask_ratio) for arm in prepared.expansion.arms}


def test_status_and_report_on_another_machine_count_nothing(
    begun: tuple[Path, Prepared], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, prepared = begun
    here = costs(prepared)
    told = Client(store=store).status("tiny").to_json()
    counted = elsewhere(tmp_path / "cache", monkeypatch)
    assert Client(store=store).status("tiny").to_json() == told
    Client(store=store).report("tiny")
    assert costs(prepared) == here and not counted
    assert not list((tmp_path / "cache").glob("gflops/*")), "what others have counted is not this machine's"


@pytest.mark.parametrize("how", ["torn", "other fields", "gone"])
def test_what_is_damaged_or_was_never_recorded_is_counted(
    how: str, begun: tuple[Path, Prepared], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, prepared = begun
    here, path = costs(prepared), store / FOLDER / "0001.json"
    path.unlink() if how == "gone" else damage(path, how)
    counted = elsewhere(tmp_path / "cache", monkeypatch)
    found = Client(store=store).status("tiny")
    assert costs(prepared) == here and counted
    assert all("counted again" in one.text for one in found.damage)
    assert len(found.damage) == (how != "gone")


def test_a_count_of_another_version_is_not_taken_for_this_ones(
    begun: tuple[Path, Prepared], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, prepared = begun
    monkeypatch.setattr(kept_counts, "VERSION", kept_counts.VERSION + 1)
    counted = elsewhere(tmp_path / "cache", monkeypatch)
    tell_counts(Store(store), "tiny")
    costs(prepared)
    assert counted
    record_counts(Store(store), "tiny", prepared.expansion.arms)
    assert len(list((store / FOLDER).iterdir())) == 2, "beside those of the version before"


def test_what_this_machine_has_counted_is_believed_first(
    begun: tuple[Path, Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = begun[1]
    here = costs(prepared)
    wrong = {name: kept_counts.Counted(1, 1, {"mlp": 1}) for name in counts_record(prepared.expansion.arms).networks}
    monkeypatch.setattr(kept_counts, "_told", {})
    kept_counts.tell(wrong)
    gflops._count.cache_clear()
    assert costs(prepared) == here


def test_only_what_is_new_is_recorded(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def arms(*depths: int) -> tuple[Arm, ...]:
        return expansion({f"depth{depth}": {"model": {"depth": depth}} for depth in depths}, seeds=(0,)).arms

    for own in (arms(3), arms(3), arms(3, 5)):
        record_counts(store, "tiny", own)
    first, second = store.records.numbered(FOLDER, CountsRecord).contents
    assert not first.networks.keys() & second.networks.keys()
    assert first.networks | second.networks == counts_record(arms(3, 5)).networks


def test_damage_is_named_and_recorded_again_and_no_result_rests_on_it(begun: tuple[Path, Prepared]) -> None:
    store, prepared = begun
    path = store / FOLDER / "0001.json"
    sound = CountsRecord.model_validate(json.loads(path.read_bytes())["content"])
    damage(path, "torn")
    verdict = verify(Store(store))
    assert [(item.damage.kind, item.remedy) for item in verdict.findings] == [(DamageKind.COUNTS, Remedy.RECORD)]
    assert verdict.is_sound
    assert dit_ablate("verify", "--store", store).exit_code == 0
    assert dit_ablate("repair", "tiny", "--store", store).exit_code == 0
    assert not verify(Store(store)).findings
    assert Store(store).records.numbered(FOLDER, CountsRecord).contents == [sound]
    assert sound == counts_record(prepared.expansion.arms)


def test_it_goes_with_a_bundle_and_with_the_study(begun: tuple[Path, Prepared]) -> None:
    store, _ = begun
    assert belongs(f"{FOLDER}0001.json", "tiny") and not belongs(f"{FOLDER}0001.json", "other")
    assert dit_ablate("rm", "tiny", "--yes", "--store", store).exit_code == 0
    assert not (store / FOLDER).exists()
    assert not Store(store).records.numbered(DefinitionRecord.folder("tiny"), DefinitionRecord).found
