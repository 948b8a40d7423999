"""Audited stopping: who is drawn follows from the study, and an audited arm runs to the end and is marked."""

from __future__ import annotations

from pathlib import Path

import pytest
from finished_study import BUDGET, PATCHES, RUNG, begin, measure, tiny_study
from scipy.stats import binomtest
from small_studies import decided, expansion, result

from dit_core.errors import UserError
from search_spaces.study import PolicySpec
from service.analysis.audits import audits, was_wrong
from service.analysis.proportion import Proportion
from service.analysis.standing import books, standing
from service.analysis.status import StateKind, trial_statuses
from service.analysis.study_result import study_result
from service.analysis.summary import summarise
from service.policies import create
from service.preflight import Prepared
from service.records.store import Store
from service.report import build_report


def stops(share: float, name: str = "tiny", policy: str = "rungs", count: int = 40):
    arms = {f"arm{place}": {} for place in range(count)}
    study = expansion(arms, name=name, rungs=(128,), policy={"name": policy, "audit": share})
    results = {t.name: result(t, {128: float(study.arms.index(t.arm))}) for t in study.trials}
    return study, results, *decided(study, results)


@pytest.mark.parametrize("policy", ["rungs", "hyperband", "brief-then-top-k", "asha"])
def test_audited_arms_run_to_the_end_and_the_others_do_not(policy: str) -> None:
    study, results, plan, found = stops(0.5, policy=policy)
    audited = {stop.arm for stop in found if stop.audited}
    assert 0 < len(audited) < len(found)
    running = {trial.arm.name for trial, images in plan.wanted if images == 384}
    assert running & {stop.arm for stop in found} == audited
    states = {status.trial.arm.name: status.state.kind for status in trial_statuses(study.study, results, found)}
    assert {states[stop.arm] for stop in found if stop.audited} == {StateKind.PENDING}
    assert {states[stop.arm] for stop in found if not stop.audited} == {StateKind.STOPPED}
    assert all("drawn to be audited" in stop.reason for stop in found if stop.audited)


def test_the_share_is_kept_and_the_draw_is_the_study_s_own() -> None:
    one, other = stops(0.2, count=400)[3], stops(0.2, name="other", count=400)[3]
    assert 25 <= sum(stop.audited for stop in one) <= 55, "of 200"
    assert one == stops(0.2, count=400)[3]
    assert {stop.arm for stop in one if stop.audited} != {stop.arm for stop in other if stop.audited}
    assert not any(stop.audited for stop in stops(0.0)[3]) and all(stop.audited for stop in stops(1.0)[3])


def test_a_policy_without_an_audit_has_the_digest_that_it_always_had() -> None:
    """So that what stores have decided by ``rungs`` stands."""
    rungs = create(PolicySpec(name="rungs", options={"stop_fraction": 0.5}))
    assert rungs.digest == "a892d9f0941c02e3231504a93a3832907ce45b4dc9f5b1cc533c556e58e928ed"
    assert rungs.recorded_options == {"stop_fraction": 0.5, "grace_images": 0}
    assert create(PolicySpec(name="rungs", options={"audit": 0.1})).digest != rungs.digest


def test_an_audit_of_more_than_all_is_a_mistake() -> None:
    with pytest.raises(UserError, match=r"policy futility: audit: .*given 1\.5"):
        create(PolicySpec(name="futility", options={"audit": 1.5}))


def audited_store(
    store: Store, name: str, finals: dict[str, float], seeds: tuple[int, int] = (0, 1)
) -> tuple[Store, Prepared]:
    """A study of two patch sizes of which the worse is stopped and audited, measured at the rung and the budget."""
    study = tiny_study(name, ablations=[PATCHES], seeds=seeds, policy={"name": "rungs", "audit": 1.0})
    prepared = begin(study, store)
    at_rung = {"baseline": 9.0, "patch_size=4": 5.0, "patch_size=8": 6.0}
    for images, values in ((RUNG, at_rung), (BUDGET, finals)):
        measure(store, prepared, {(arm, seed): value for arm, value in values.items() for seed in seeds}, images)
    decisions, _ = books(prepared, store)
    for decision in standing(prepared, store).decisions:
        decisions.put(decision)
    return store, prepared


def test_wrong_stops_are_counted_over_the_studies_of_a_store(tmp_path: Path) -> None:
    store, prepared = audited_store(
        Store(tmp_path / "s"), "one", {"baseline": 3.0, "patch_size=4": 2.0, "patch_size=8": 2.5}
    )
    assert audits(prepared.policy, store).text == (
        "Audited stops of policy rungs: 0 of 1 (0 %, interval 0 to 98 %) of the arms that were stopped and drawn to be "
        "finished all the same would have been the best of their ablation, over 1 study of this store."
    )
    better = {"baseline": 3.0, "patch_size=4": 2.0, "patch_size=8": 1.5}
    _, second = audited_store(store, "two", better, (2, 3))
    audited_store(store, "three", {"baseline": 3.0, "patch_size=4": 2.0}, (4, 5))
    found = audits(second.policy, store)
    assert (found.wrong, found.open, found.studies) == (Proportion(1, 2), 1, 3)
    assert audits(create(PolicySpec(name="rungs", options={"stop_fraction": 0.1})), store) is None, "another rule"
    summary = summarise(second, store)
    assert study_result(summary, store).audits == found.text
    text = build_report(second, store, command="x").markdown.read_text()
    assert found.text in text and "audited: measured to the budget" in text
    assert summary.arm("patch_size=8").finals, "it is a result like any other, at full length"


def test_an_arm_whose_seeds_diverged_was_not_wrongly_stopped() -> None:
    study = expansion({"a": {}, "b": {}}, rungs=(128,), policy={"name": "rungs", "audit": 1.0})
    results = {t.name: result(t, {128: 1.0, 384: 2.0}) for t in study.trials}
    results |= {t.name: result(t, {128: 1.0}, diverged=200) for t in study.trials_of["b"]}
    (stop,) = decided(study, results)[1]
    assert (stop.arm, was_wrong(stop, study, results)) == ("b", False)


def test_a_share_s_interval_is_exact() -> None:
    low, high = Proportion(2, 20).interval()
    assert binomtest(2, 20, low).pvalue == pytest.approx(0.05, abs=0.03)
    assert (low, high) == pytest.approx(tuple(binomtest(2, 20).proportion_ci(method="exact")))
    assert Proportion(0, 0).interval() == (0.0, 1.0) and Proportion(0, 5).interval()[0] == 0
