"""Two real DDP processes over gloo against one process."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from given_features import WIDTH, digits_features
from leaving import leave
from small_trials import curve, only, tiny

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.events import Checkpointed, Diverged, Evaluated, Event, Started
from dit_core.training.checkpoint import Checkpoints, checksum, read
from dit_core.training.loop import run

pytestmark = pytest.mark.slow
STEPS, B = 50, 32
MODERN = {"optimizer": "muon", "warmup_images": 10 * B, "masked": True, "mask_ratio": 0.5, "ema_decays": (0.99, 0.9),
          "gradient_clip": 0.5, "attention_dropout": 0.2, "mlp_dropout": 0.1, "alignment_weight": 0.5}  # fmt: skip

PARTS = {"micro_batch": 5, "activation_checkpointing": True}


def config(*, masked: bool = False, features: str | None = None, **training: object) -> TrialConfig:
    aligned = {"alignment_layer": 1, "alignment_width": WIDTH} if features else {}
    return tiny(
        model={"mask_token": masked, **aligned},
        data={"features": features},
        training={"log_every_steps": 1, **training},
        evaluation={"num_samples": 100, "batch_size": 16},  # 7 chunks, the last one short: uneven over two ranks
    )


def state_at(directory: Path, images: int) -> str:
    return checksum(read(Checkpoints(directory / "checkpoints").path(images), images), images)


@dataclass
class Answers:
    """What one rank saw."""

    straight: list[Event]
    first: list[Event]
    resumed: list[Event]
    stopped: list[Event]
    diverged: list[Event]
    modern: list[Event]
    parts: list[Event]
    indivisible: str


def work(rank: int, world: int, folder: Path) -> None:
    """Runs in each process: everything that needs a process group, since starting one takes seconds."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world, timeout=timedelta(seconds=300)
    )
    straight = list(run(config(), folder / "straight", until=STEPS * B))

    # a checkpoint that one rank alone finds damaged is used by none: both fall back to the older one
    cut = folder / "cut"
    first = list(run(config(), cut, until=20 * B, evaluate=False))
    list(run(config(), cut, until=30 * B, evaluate=False))
    dist.barrier()
    newest = Checkpoints(cut / "checkpoints").path(30 * B)
    if rank == 0:
        newest.write_bytes(newest.read_bytes()[:-1])
    dist.barrier()
    resumed = list(run(config(), cut, until=STEPS * B, evaluate=False))

    asked = iter([False, False, True])
    stopping = (lambda: next(asked)) if rank == 0 else None  # asked on rank 0 only
    stopped = list(run(config(), folder / "stopped", until=STEPS * B, stop=stopping))
    diverged = list(run(config(learning_rate=1e4), folder / "diverged", until=STEPS * B))
    modern = list(run(config(**MODERN, features=str(folder / "f")), folder / "modern", until=20 * B, evaluate=False))
    in_parts = config(**MODERN, features=str(folder / "f"), **PARTS)
    parts = list(run(in_parts, folder / "parts", until=20 * B, evaluate=False))
    try:
        list(run(config(batch_size=33), folder / "odd", until=33))
        indivisible = "accepted"
    except UserError as error:
        indivisible = str(error)
    answers = Answers(straight, first, resumed, stopped, diverged, modern, parts, indivisible)
    (folder / f"rank{rank}.pickle").write_bytes(pickle.dumps(answers))
    dist.barrier()  # nobody takes the group apart while another still speaks
    dist.destroy_process_group()
    leave()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ddp")
    digits_features(path / "f")
    mp.spawn(work, args=(2, path), nprocs=2)
    return path


@pytest.fixture(scope="module")
def ranks(folder: Path) -> list[Answers]:
    return [pickle.loads((folder / f"rank{rank}.pickle").read_bytes()) for rank in range(2)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return list(run(config(), tmp_path_factory.mktemp("alone"), until=STEPS * B))


def test_two_workers_reproduce_one_workers_losses(ranks: list[Answers], alone: list[Event]) -> None:
    expected = list(curve(alone))
    assert len(expected) == STEPS
    for answers in ranks:
        found = list(curve(answers.straight))
        assert [point.images for point in found] == [point.images for point in expected]
        for left, right in zip(found, expected, strict=True):
            assert left.loss == pytest.approx(right.loss, rel=1e-5)
            assert left.mse == pytest.approx(right.mse, rel=1e-5)
            assert left.vb == pytest.approx(right.vb, rel=1e-5)


def test_two_workers_mask_warm_up_drop_clip_align_and_orthogonalise_like_one(
    ranks: list[Answers], tmp_path: Path
) -> None:
    aligned = config(**MODERN, features=digits_features(tmp_path / "f"))
    expected = list(curve(run(aligned, tmp_path, until=20 * B, evaluate=False)))
    assert len(expected) == 20
    assert list(curve(ranks[0].modern)) == list(curve(ranks[1].modern))
    for left, right in zip(curve(ranks[0].modern), expected, strict=True):
        assert left.loss == pytest.approx(right.loss, rel=1e-4)  # Muon multiplies in bfloat16


def test_two_workers_that_take_their_shares_in_parts_exchange_the_same_gradients(ranks: list[Answers]) -> None:
    assert ranks[0].parts[0] == Started(0, micro_batch=5)
    assert list(curve(ranks[0].parts)) == list(curve(ranks[1].parts))
    for left, right in zip(curve(ranks[0].parts), curve(ranks[0].modern), strict=True):
        assert left.loss == pytest.approx(right.loss, rel=1e-5 if left.images < 10 * B else 1e-4)  # as above: Muon


def test_two_workers_evaluate_like_one(ranks: list[Answers], alone: list[Event]) -> None:
    (expected,) = only(Evaluated, alone)
    (first,), (second,) = (only(Evaluated, answers.straight) for answers in ranks)
    assert first.metrics == second.metrics
    (metric,), (reference,) = first.metrics, expected.metrics
    assert metric.details["samples"] == reference.details["samples"] == 100
    assert metric.floor == pytest.approx(reference.floor, rel=1e-6)
    assert metric.value == pytest.approx(reference.value, rel=1e-3)  # the weights differ in their last bits
    assert second.grid == b""
    assert len(first.grid) > 0


def test_ranks_see_the_same_events(ranks: list[Answers]) -> None:
    for left, right in zip(ranks[0].straight, ranks[1].straight, strict=True):
        assert type(left) is type(right)
        assert left.images == right.images
    assert list(curve(ranks[0].straight)) == list(curve(ranks[1].straight))


def test_stop_and_resume_is_bit_identical(folder: Path, ranks: list[Answers]) -> None:
    for answers in ranks:
        assert answers.resumed[0].images == 20 * B
        assert list(curve(answers.first + answers.resumed)) == list(curve(answers.straight))
    assert state_at(folder / "cut", STEPS * B) == state_at(folder / "straight", STEPS * B)


def test_all_ranks_pass_over_a_damaged_checkpoint_and_say_the_same(ranks: list[Answers]) -> None:
    left, right = (only(Started, answers.resumed) for answers in ranks)
    assert left == right
    assert len(left[0].ignored) == 1
    assert "000000000960.safetensors ignored" in left[0].ignored[0]


def test_rank_0s_wish_to_stop_stops_all(ranks: list[Answers]) -> None:
    for answers in ranks:
        assert answers.stopped[-1].images == 3 * B
        assert isinstance(answers.stopped[-1], Checkpointed)  # and no evaluation


def test_divergence_stops_all_alike(folder: Path, ranks: list[Answers]) -> None:
    assert isinstance(ranks[0].diverged[-1], Diverged)
    assert ranks[0].diverged[-1] == ranks[1].diverged[-1]
    assert not (folder / "diverged" / "checkpoints").exists()


def test_a_batch_that_cannot_be_shared_is_an_error(ranks: list[Answers]) -> None:
    for answers in ranks:
        assert answers.indivisible == "training.batch_size: 33 cannot be divided evenly among 2 workers"


def cut_in_two(rank: int, world: int, folder: Path) -> None:
    """Runs in each of several processes: a trial that is resumed, and one that is not."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world, timeout=timedelta(seconds=600)
    )
    wide = tiny(model={"hidden_size": 128, "depth": 2})
    for name, untils in (("straight", [6 * B]), ("cut", [3 * B, 6 * B])):
        for until in untils:
            list(run(wide, folder / name, until=until, evaluate=False))
    dist.barrier()
    dist.destroy_process_group()
    leave()


def test_more_than_two_workers_add_up_in_one_order_from_the_first_step_on(tmp_path: Path) -> None:
    """Sums of two do not depend on their order; those of four do, and a resumed trial's first step is a later one."""
    mp.spawn(cut_in_two, args=(4, tmp_path), nprocs=4)
    assert state_at(tmp_path / "cut", 6 * B) == state_at(tmp_path / "straight", 6 * B)
