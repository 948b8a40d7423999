"""What is damaged in a store is found, named with its cost, and made again bit for bit."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from observed import evaluations, losses
from test_records import damage
from tiny_study import dit_ablate
from whole_store import contents, make_whole

from dit_core.errors import UserError
from service import Client
from service.analysis.damage import DamageKind, holes
from service.preflight import Prepared
from service.records.claims import claim_study
from service.records.kinds import Failure, Stretch
from service.records.store import Store
from service.records.trial_claims import TrialClaims
from service.verify.checkpoints import check
from service.verify.finding import Remedy
from service.verify.hold import Hold
from service.verify.inspect import verify
from service.verify.mend_trial import TrialMender
from service.verify.repair import repair
from service.verify.replay import Replay, Stopped


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Prepared]:
    return make_whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def store(whole: tuple[Path, Prepared], tmp_path: Path) -> Path:
    shutil.copytree(whole[0], tmp_path / "store")
    return tmp_path / "store"


def first(store: Path, pattern: str) -> Path:
    return sorted(store.glob(pattern))[0]


def weights(path: Path) -> str:
    with path.open("rb") as file:
        checked = check(file, int(path.name.split(".")[0]))
    assert checked.problem is None
    return checked.sha256


def test_a_sound_store_is_sound_and_left_as_it_is(store: Path) -> None:
    before = contents(store)
    done = dit_ablate("verify", "--store", store)
    assert done.exit_code == 0 and done.stdout == "Sound: 1 study, 2 trials, 4 sound checkpoints read.\n"
    told = json.loads(dit_ablate("verify", "tiny", "--store", store, "--json").stdout)
    assert told["sound"] and told["damage"] == [] and told["checkpoints"] == 4
    assert dit_ablate("repair", "--store", store).exit_code == 0
    assert contents(store) == before, "nothing to mend, nothing written: no claim either"


def torn(pattern: str, how: str = "torn") -> Callable[[Path], None]:
    return lambda store: damage(first(store, pattern), how)


def gone(pattern: str) -> Callable[[Path], None]:
    return lambda store: first(store, pattern).unlink()


def flipped(pattern: str, byte: int) -> Callable[[Path], None]:
    def flip(store: Path) -> None:
        path = first(store, pattern)
        data = bytearray(path.read_bytes())
        data[byte] ^= 1
        path.write_bytes(data)

    return flip


Kind = DamageKind
CASES: tuple[tuple[str, Callable[[Path], None], DamageKind, Remedy], ...] = (
    ("configuration", torn("trials/*/trial.json"), Kind.CONFIGURATION, Remedy.RECORD),
    ("configuration gone", gone("trials/*/trial.json"), Kind.CONFIGURATION, Remedy.RECORD),
    ("curve", torn("trials/*/curve/0001.json", "other fields"), Kind.CURVE, Remedy.TRAIN),
    ("curve gone", gone("trials/*/curve/0002.json"), Kind.CURVE, Remedy.TRAIN),
    ("end of the curve gone", gone("trials/*/curve/0003.json"), Kind.CURVE, Remedy.TRAIN),
    ("evaluation", torn("trials/*/evaluations/*", "content a string"), Kind.EVALUATION, Remedy.EVALUATE),
    ("grid gone", gone("trials/*/grids/*"), Kind.GRID, Remedy.EVALUATE),
    ("grid", flipped("trials/*/grids/*", 100), Kind.GRID, Remedy.EVALUATE),
    ("checkpoint", flipped("trials/*/checkpoints/*128.safetensors", -9), Kind.CHECKPOINT, Remedy.TRAIN),
    ("decision", torn("studies/tiny/decisions/*/64.json"), Kind.DECISION, Remedy.RECORD),
    ("plan of decisions", torn("studies/tiny/decisions/*.json"), Kind.DECISION, Remedy.RECORD),
    ("definition", torn("studies/tiny/definitions/0001.json"), Kind.DEFINITION, Remedy.RECORD),
    ("definition gone", gone("studies/tiny/definitions/0001.json"), Kind.DEFINITION, Remedy.RECORD),
)


@pytest.mark.slow
@pytest.mark.parametrize(("break_it", "kind", "remedy"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_damage_is_named_with_its_cost_and_made_again(
    break_it: Callable[[Path], None], kind: DamageKind, remedy: Remedy, whole: tuple[Path, Prepared], store: Path
) -> None:
    break_it(store)
    before = contents(store)
    verdict = verify(Store(store))
    assert [(item.damage.kind, item.remedy) for item in verdict.findings if item.counts] == [(kind, remedy)]
    done = dit_ablate("verify", "--store", store)
    assert done.exit_code == 1 and "to make it again: " in done.stderr
    assert contents(store) == before, "it only looks"

    if remedy is Remedy.TRAIN:
        done = dit_ablate("repair", "--store", store)
        assert done.exit_code == 1 and "`--train` does it" in done.stdout and contents(store) == before
    assert dit_ablate("repair", "tiny", "--train", "--store", store).exit_code == 0
    after = contents(store)
    replaced = {path for path in before if after[path] != before[path]}
    assert all("/grids/" in path or "/checkpoints/" in path for path in replaced), "no record is replaced or deleted"
    opened, prepared = Store(store), whole[1]
    assert verify(opened).is_sound
    original = contents(whole[0])
    for path in original:
        if "/grids/" in path:
            assert after[path] == original[path], "bit for bit"
        if "/checkpoints/" in path:  # its header lists things in any order
            assert weights(store / path) == weights(whole[0] / path)
    for trial in prepared.expansion.trials:
        assert losses(opened, prepared, trial.name) == losses(Store(whole[0]), prepared, trial.name)
    assert evaluations(opened, prepared) == evaluations(Store(whole[0]), prepared)
    assert Client(store=store).status("tiny").damage == ()


def test_a_hole_over_two_stretches_ends_its_windows_where_they_ended(whole: tuple[Path, Prepared], store: Path) -> None:
    """The second checkpoint lies in the middle of a window, and a partial one that is long gone."""
    for number in (2, 3):
        damage(first(store, f"trials/*/curve/000{number}.json"), "empty")
    (found,) = verify(Store(store)).findings
    assert (found.damage.start, found.damage.images, found.start) == (64, 128, 64)
    assert repair(Store(store), train=True).left == []
    assert [path.name for path in sorted(store.glob("trials/*/curve/*~1.json"))] == ["0002~1.json", "0003~1.json"]
    prepared = whole[1]
    for trial in prepared.expansion.trials:
        assert losses(Store(store), prepared, trial.name) == losses(Store(whole[0]), prepared, trial.name)
    folder = first(store, "trials/*/curve/*~1.json").parent
    mended = Store(store).records.get(f"trials/{folder.parent.name}/curve/0002.json", Stretch)
    assert mended is not None and (mended.content.study, mended.content.run) == ("tiny", 2), "who mended it is recorded"


def test_without_the_checkpoint_an_evaluation_is_trained_to_from_the_newest_before(store: Path) -> None:
    folder = first(store, "trials/*/evaluations").parent
    damage(sorted((folder / "evaluations").iterdir())[1], "torn")
    (folder / "checkpoints" / "000000000128.safetensors").unlink()
    checkpoint, found = verify(Store(store)).findings
    assert checkpoint.damage.kind is DamageKind.CHECKPOINT and "is missing" in checkpoint.damage.text
    assert (found.remedy, found.start, found.images) == (Remedy.TRAIN, 64, 128) and found.seconds is not None
    assert "training from 64 to 128 images" in found.cost and found.gmacs > 0
    assert repair(Store(store)).mended == [], "no training unless it is asked for"
    mended = repair(Store(store), train=True).mended
    assert [item.damage.kind for item in mended] == [DamageKind.CHECKPOINT, DamageKind.EVALUATION]
    assert len(list((folder / "curve").iterdir())) == 3, "it is trained aside: the curve has nothing twice"


def test_where_only_the_last_checkpoint_is_kept_a_hole_is_trained_from_the_start(
    whole: tuple[Path, Prepared], store: Path
) -> None:
    first(store, "trials/*/curve/0002.json").unlink()
    first(store, "trials/*/checkpoints/*064.safetensors").unlink()
    (found,) = verify(Store(store)).findings
    assert (found.damage.start, found.start, found.images) == (64, 0, 96)
    assert repair(Store(store), train=True).left == []
    assert len(list(first(store, "trials/*/curve").iterdir())) == 3, "nothing but what was missing is recorded"
    for trial in whole[1].expansion.trials:
        assert losses(Store(store), whole[1], trial.name) == losses(Store(whole[0]), whole[1], trial.name)


def test_what_comes_out_otherwise_is_not_recorded(store: Path) -> None:
    """Another machine rounds otherwise; here a recorded window before the hole is changed in its last digits."""
    folder = first(store, "trials/*/curve")
    key = f"trials/{folder.parent.name}/curve/0001.json"
    was = Store(store).curve(folder.parent.name)[0]
    (folder / "0001.json").unlink()
    points = tuple(point.model_copy(update={"loss": point.loss * (1 + 1e-12)}) for point in was.points)
    Store(store).records.put(key, was.model_copy(update={"points": points}))
    (folder / "0002.json").unlink()
    first(store, f"trials/{folder.parent.name}/checkpoints/*064.safetensors").unlink()
    done = repair(Store(store), train=True)
    assert [item.damage.kind for item, why in done.left if "differs from what was recorded" in why] == [Kind.CURVE]
    assert not (folder / "0002.json").exists()


def test_history_that_is_lost_is_told_and_nothing_rests_on_it(store: Path) -> None:
    for what in ("claims", "runs", "provenance"):
        damage(store / "studies" / "tiny" / what / "0001.json", "torn")
    done = dit_ablate("verify", "--store", store)
    assert done.exit_code == 0 and done.stdout.count("cannot be made again; nothing rests on it") == 3
    assert {item.kind for item in Client(store=store).status("tiny").damage} == {DamageKind.HISTORY}


def test_a_record_made_again_whose_first_is_gone_is_put_where_it_is_looked_for(store: Path) -> None:
    trial = first(store, "trials/*/trial.json")
    damage(trial, "torn")
    assert len(repair(Store(store)).mended) == 1
    trial.unlink()
    found = verify(Store(store)).findings
    assert [item.damage.kind for item in found if item.counts] == [Kind.ORPHAN, Kind.CONFIGURATION]
    assert repair(Store(store)).left == [] and trial.exists() and verify(Store(store)).is_sound
    trial.unlink()
    damage(trial.with_name("trial~1.json"), "torn")
    kinds = [item.damage.kind for item in verify(Store(store)).findings]
    assert kinds == [Kind.CONFIGURATION, Kind.UNUSED], "one that is damaged itself is of no use"


def test_leftovers_of_killed_writers_are_named_and_cleared(store: Path) -> None:
    left = store / "studies" / "tiny" / ".0002.00000000-1-00000000.tmp.json"
    left.write_text("half")
    os.utime(left, (1, 1))
    done = dit_ablate("verify", "--store", store)
    assert done.exit_code == 0 and "left by a writer that was killed" in done.stdout
    dit_ablate("repair", "--store", store)
    assert not left.exists()


def test_a_study_that_runs_is_not_mended_beside_its_run(store: Path) -> None:
    first(store, "trials/*/trial.json").unlink()
    claim = claim_study(Store(store), "tiny")
    before = contents(store)
    with pytest.raises(UserError, match="is being run in this store"):
        repair(Store(store))
    assert contents(store) == before
    claim.end()
    assert len(repair(Store(store)).mended) == 1


def test_weights_that_another_study_trains_are_left_alone(whole: tuple[Path, Prepared], store: Path) -> None:
    damage(first(store, "trials/*/curve/0001.json"), "torn")
    opened, identity = Store(store), first(store, "trials/*/curve").parent.name
    claim = claim_study(opened, "other")
    TrialClaims(opened.records, "other", claim.run).take(identity)
    ((_, why),) = repair(Store(store), train=True).left
    assert why == "the study 'other' is training these weights now; repair again later"
    claim.end()
    assert repair(Store(store), train=True).left == []


def test_mending_forgets_no_trial_that_was_given_up(store: Path) -> None:
    name, why = "patch_size=4 seed=0", {"attempt": 3, "given_up": True, "outcome": "failed", "error": "no", "run": 1}
    Store(store).add_failure("tiny", Failure.model_validate({"trial": name, "train_id": "x", "until": 128, **why}))
    first(store, "trials/*/trial.json").unlink()
    assert len(repair(Store(store)).mended) == 1
    assert Store(store).given_up("tiny") == {name: "no"} and Store(store).last_run("tiny") == 2


def test_a_training_that_is_asked_to_stop_records_nothing(whole: tuple[Path, Prepared], store: Path) -> None:
    trial = whole[1].expansion.trials[0]
    with Replay(Store(store), trial.config, {}, None, Hold("tiny", 1, lambda: True)) as replay, pytest.raises(Stopped):
        replay.to(128)


def test_other_data_are_refused(whole: tuple[Path, Prepared], store: Path) -> None:
    trial = whole[1].expansion.trials[0]
    mender = TrialMender(Store(store), whole[1].expansion, [trial], "0" * 64, {}, Hold("tiny", 1, lambda: False))
    assert "is not what the trial was trained with" in str(mender.refusal())


def test_no_such_study_is_one_sentence(store: Path) -> None:
    for command in ("verify", "repair"):
        done = dit_ablate(command, "tyni", "--store", store)
        assert done.exit_code == 2 and "did you mean 'tiny'?" in done.stderr


def test_holes_are_what_no_stretch_covers() -> None:
    def stretch(start: int, images: int) -> Stretch:
        return Stretch(start=start, images=images, points=(), began=0.0, seconds=0.0)

    assert holes([], 0) == [] and holes([], 5) == [(0, 5)]
    assert holes([stretch(4, 8), stretch(0, 4), stretch(2, 6)], 8) == []
    assert holes([stretch(2, 4), stretch(6, 8)], 9) == [(0, 2), (4, 6), (8, 9)]
    assert holes([stretch(0, 8)], 4) == []
