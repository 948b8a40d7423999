"""The training loop: its events, that stopping changes nothing, and how it fails."""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
import torch._dynamo.utils
from small_trials import curve, only, tiny
from torchvision.transforms.functional import hflip

from dit_core.data import load_dataset
from dit_core.data.base import ImageDataset, Split
from dit_core.errors import UserError
from dit_core.events import Checkpointed, Diverged, Evaluated, Event, Progress, Started
from dit_core.runtime import compilation
from dit_core.training.batches import batches, draw, prefetched
from dit_core.training.checkpoint import Checkpoints, checksum, read
from dit_core.training.loop import run

B = 32  # batch size of the tiny trial


def train(directory: Path, steps: int, config=None, **options) -> list[Event]:
    return list(run(config or tiny(), directory, until=steps * B, evaluate=False, **options))


def weights(directory: Path, steps: int) -> str:
    """Returns a checksum over weights, average and optimiser."""
    return checksum(read(Checkpoints(directory / "checkpoints").path(steps * B), steps * B), steps * B)


def test_events_of_a_whole_run(tmp_path: Path) -> None:
    events = list(run(tiny(), tmp_path, until=10 * B))
    assert [type(event) for event in events] == [Started, Progress, Progress, Progress, Checkpointed, Evaluated]
    assert events[0] == Started(0)
    stretches = [(event.start, event.images) for event in only(Progress, events)]
    assert stretches == [(0, 4 * B), (4 * B, 8 * B), (8 * B, 10 * B)]  # windows of 4 steps, then the end
    assert all(event.seconds > 0 for event in only(Progress, events))
    for point in curve(events):
        assert point.loss == pytest.approx(point.mse + point.vb, rel=1e-5)
        assert 0 < point.mse < 2
    (checkpointed,) = only(Checkpointed, events)
    assert checkpointed.path.name == "000000000320.safetensors"
    assert checkpointed.path.exists()
    assert events[-1].images == 10 * B


def test_checkpoints_inside_a_segment_come_after_their_progress_and_are_superseded(tmp_path: Path) -> None:
    events = train(tmp_path, 10, checkpoint_images=3 * B)
    assert [event.images // B for event in events[1:]] == [3, 3, 4, 6, 6, 8, 9, 9, 10, 10]
    assert [event.images // B for event in only(Checkpointed, events)] == [3, 6, 9, 10]
    progress = only(Progress, events)
    assert [event.start for event in progress] == [0, *(event.images for event in progress[:-1])]
    assert [event.images // B for event in progress if event.closes] == [3, 6, 9, 10]
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["000000000320.safetensors"]


def test_a_checkpoint_cadence_need_not_divide_by_the_batch(tmp_path: Path) -> None:
    events = train(tmp_path, 8, checkpoint_images=100)
    assert [event.images for event in only(Checkpointed, events)] == [128, 224, 256]


@pytest.mark.slow
def test_training_learns(tmp_path: Path) -> None:
    points = list(curve(train(tmp_path, 200, tiny(training={"learning_rate": 3e-3, "log_every_steps": 50}))))
    assert points[-1].mse < 0.5 * points[0].mse


@pytest.mark.parametrize("cut", [1, 4, 5, 8, 11])
def test_a_trial_cut_at_a_rung_continues_bit_identically(tmp_path: Path, cut: int) -> None:
    straight = train(tmp_path / "straight", 12)
    first = train(tmp_path / "cut", cut)
    second = train(tmp_path / "cut", 12)
    assert second[0] == Started(cut * B)
    assert weights(tmp_path / "cut", 12) == weights(tmp_path / "straight", 12)
    # windows that the cut does not split have the same losses to the last bit
    expected = {(event.start, event.images): event.points for event in only(Progress, straight)}
    shared = [event for event in only(Progress, first + second) if (event.start, event.images) in expected]
    assert len(shared) >= 2
    for event in shared:
        assert event.points == expected[(event.start, event.images)]


def test_a_trial_killed_between_checkpoints_continues_bit_identically(tmp_path: Path) -> None:
    straight = train(tmp_path / "straight", 12, checkpoint_images=3 * B)
    killed = run(tiny(), tmp_path / "killed", until=12 * B, evaluate=False, checkpoint_images=3 * B)
    seen = []
    for event in killed:
        seen.append(event)
        if event.images == 8 * B:  # two steps past the partial checkpoint at 6
            killed.close()
            break
    resumed = train(tmp_path / "killed", 12, checkpoint_images=3 * B)
    assert resumed[0] == Started(6 * B)
    assert weights(tmp_path / "killed", 12) == weights(tmp_path / "straight", 12)
    after = [event.points for event in only(Progress, straight) if event.start >= 6 * B]
    assert [event.points for event in only(Progress, resumed)] == after


def test_a_stopped_trial_checkpoints_where_it_is_and_continues_bit_identically(tmp_path: Path) -> None:
    straight = train(tmp_path / "straight", 12)
    asked: list[int] = []

    def stop() -> bool:
        asked.append(len(asked))
        return len(asked) == 2

    stopped = list(run(tiny(), tmp_path / "stopped", until=12 * B, stop=stop))
    assert len(asked) == 2
    assert [type(event) for event in stopped] == [Started, Progress, Progress, Checkpointed]
    assert [event.closes for event in only(Progress, stopped)] == [False, True]
    assert stopped[-1].images == 8 * B
    assert stopped[-1].path.name == "000000000256.partial.safetensors"
    resumed = train(tmp_path / "stopped", 12)
    assert resumed[0] == Started(8 * B)
    assert weights(tmp_path / "stopped", 12) == weights(tmp_path / "straight", 12)
    assert list(curve(stopped + resumed)) == list(curve(straight))


def test_a_corrupt_checkpoint_is_passed_over_and_said(tmp_path: Path) -> None:
    train(tmp_path, 4)
    train(tmp_path, 8)
    expected = weights(tmp_path, 8)
    newest = Checkpoints(tmp_path / "checkpoints").path(8 * B)
    newest.write_bytes(newest.read_bytes()[:1000])
    events = train(tmp_path, 8)
    assert events[0].images == 4 * B
    assert "000000000256.safetensors ignored: unreadable or truncated" in events[0].ignored[0]
    assert weights(tmp_path, 8) == expected


def test_a_finished_segment_is_only_evaluated(tmp_path: Path) -> None:
    train(tmp_path, 8)
    train(tmp_path, 12)
    events = list(run(tiny(), tmp_path, until=8 * B))
    assert [type(event) for event in events] == [Started, Evaluated]
    assert events[0].images == 8 * B


def test_a_partial_checkpoint_at_a_new_rung_becomes_a_kept_one(tmp_path: Path) -> None:
    killed = run(tiny(), tmp_path, until=12 * B, evaluate=False, checkpoint_images=8 * B)
    for event in killed:
        if isinstance(event, Checkpointed):
            break
    killed.close()
    assert [type(event) for event in train(tmp_path, 8)] == [Started]
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["000000000256.safetensors"]


@pytest.mark.parametrize(("rate", "limit"), [(1e4, 4.0), (1e30, 1e30)])
def test_an_absurd_learning_rate_diverges_and_leaves_no_broken_checkpoint(
    tmp_path: Path, rate: float, limit: float
) -> None:
    config = tiny(training={"learning_rate": rate, "divergence_mse": limit})
    events = list(run(config, tmp_path, until=40 * B, checkpoint_images=20 * B))
    assert isinstance(events[-1], Diverged)
    assert isinstance(events[-2], Progress)  # the explosion is on the curve
    assert [event.closes for event in only(Progress, events)][-1] and not only(Checkpointed, events)
    assert events[-1].images == events[-2].images
    assert not only(Evaluated, events)
    assert not list((tmp_path / "checkpoints").glob("*")) if (tmp_path / "checkpoints").exists() else True
    again = list(run(config, tmp_path, until=40 * B, checkpoint_images=20 * B))
    assert again[-1] == events[-1]
    assert ("above the limit 4" in events[-1].reason) == (limit == 4.0 and math.isfinite(events[-2].points[0].loss))


def test_broken_weights_are_not_written_even_when_the_loss_was_still_finite(tmp_path: Path) -> None:
    # the only step's loss is taken before its update, which throws the weights to infinity
    events = train(tmp_path, 1, tiny(training={"learning_rate": 1e38, "weight_decay": 1e10}))
    assert events[-1] == Diverged(B, "a weight is not a finite number")
    assert only(Progress, events)[-1].closes
    assert math.isfinite(next(curve(events)).loss)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize(("until", "nearest"), [(100, "96 or 128"), (31, "32"), (0, "32"), (-32, "32")])
def test_until_must_be_whole_batches(tmp_path: Path, until: int, nearest: str) -> None:
    with pytest.raises(UserError, match=f"until: {until} images is not a multiple .* 32; nearest: {nearest}$"):
        next(iter(run(tiny(), tmp_path, until=until)))


def test_what_cannot_work_is_said_before_training(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="input_size"):
        train(tmp_path, 4, tiny(model={"input_size": 16}))
    train(tmp_path, 4)
    with pytest.raises(UserError, match="belongs to another model"):
        train(tmp_path, 4, tiny(model={"hidden_size": 24}))


class Failing(ImageDataset):
    """Digits whose storage breaks at some point of the training."""

    def __init__(self, good_batches: int) -> None:
        self.inner = load_dataset(tiny().data)
        self.name, self.num_classes, self.channels = self.inner.name, self.inner.num_classes, self.inner.channels
        self.size, self.image_shape = self.inner.size, self.inner.image_shape
        self.fingerprint = self.inner.fingerprint
        self.left = good_batches

    @classmethod
    def load(cls, config):
        return cls(0)

    def count(self, split: Split) -> int:
        return self.inner.count(split)

    def batch(self, indices, flip=None):
        self.left -= 1
        if self.left < 0:
            raise OSError("the disk is gone")
        return self.inner.batch(indices, flip)

    def reference(self, split: Split, batch_size: int = 256) -> Iterator[torch.Tensor]:
        return self.inner.reference(split, batch_size)


def batch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_a_failing_data_set_is_not_swallowed(tmp_path: Path) -> None:
    events = []
    with pytest.raises(OSError, match="the disk is gone"):
        for event in run(tiny(), tmp_path, until=12 * B, dataset=Failing(6)):
            events.append(event)
    assert [event.images for event in only(Progress, events)] == [4 * B]
    assert not batch_threads()


def test_a_gpus_batches_come_from_one_background_thread_that_closing_ends() -> None:
    found = prefetched(lambda step: step, range(12), torch.device("cuda"))
    assert [next(found), next(found)] == [(0, 0), (1, 1)]
    assert len(batch_threads()) == 1
    found.close()
    assert not batch_threads()
    assert list(prefetched(lambda step: step, range(12), torch.device("cuda"))) == [(step, step) for step in range(12)]


def test_the_cpus_batches_take_no_thread() -> None:
    found = prefetched(lambda step: step, range(12), torch.device("cpu"))
    assert next(found) == (0, 0) and not batch_threads()
    assert list(found) == [(step, step) for step in range(1, 12)]


def test_an_error_in_a_batch_is_raised_where_it_is_wanted() -> None:
    for device in ("cpu", "cuda"):
        found = prefetched(lambda step: 1 // (2 - step), range(12), torch.device(device))
        assert [next(found), next(found)] == [(0, 0), (1, 1)]
        with pytest.raises(ZeroDivisionError):
            next(found)
        assert not batch_threads()


def test_batches_made_one_after_another_are_those_of_their_steps() -> None:
    """Noise is made for 32 steps of this size at once; these pass from one such stretch into the next."""
    dataset, cpu = load_dataset(tiny().data), torch.device("cpu")
    with closing(batches(tiny(), dataset, range(5, 40), cpu)) as made:
        for step, found in made:
            for left, right in zip(found, draw(tiny(), dataset, step, cpu), strict=True):
                assert left is right is None or torch.equal(left, right)
    assert step == 39


def test_arms_that_share_a_seed_see_the_same_images_and_noise() -> None:
    dataset, cpu = load_dataset(tiny().data), torch.device("cpu")
    for step in (0, 50):  # 50 is in the second epoch
        one = draw(tiny(model={"block": "adaln"}), dataset, step, cpu)
        other = draw(tiny(model={"patch_size": 2}, training={"learning_rate": 1.0}), dataset, step, cpu)
        assert all(torch.equal(left, right) for left, right in zip(one[:4], other[:4], strict=True))
        assert not torch.equal(one.noise, draw(tiny(seed=1), dataset, step, cpu).noise)


def test_labels_are_dropped_at_the_configured_rate_and_the_rest_are_right() -> None:
    dataset, cpu = load_dataset(tiny().data), torch.device("cpu")
    never = tiny(training={"batch_size": 1024, "class_dropout": 0.0})
    often = tiny(training={"batch_size": 1024, "class_dropout": 0.3})
    kept, dropped = draw(never, dataset, 0, cpu).y, draw(often, dataset, 0, cpu).y
    assert (dropped == 10).float().mean().item() == pytest.approx(0.3, abs=0.05)
    assert torch.equal(dropped[dropped != 10], kept[dropped != 10])
    assert kept.max().item() == 9


def test_flips_are_drawn_when_asked_for() -> None:
    dataset, cpu = load_dataset(tiny().data), torch.device("cpu")
    plain, flipped = draw(tiny(), dataset, 0, cpu).x0, draw(tiny(data={"random_flip": True}), dataset, 0, cpu).x0
    same = (plain == flipped).all(-1).all(-1).all(-1)
    mirrored = (hflip(plain) == flipped).all(-1).all(-1).all(-1)
    assert (same | mirrored).all()
    assert 5 < same.sum().item() < 27


def test_bfloat16_trains_close_to_float32(tmp_path: Path) -> None:
    exact = list(curve(train(tmp_path / "32", 20)))
    rounded = list(curve(train(tmp_path / "16", 20, tiny(training={"precision": "bfloat16"}))))
    for left, right in zip(exact, rounded, strict=True):
        assert right != left
        assert right.loss == pytest.approx(left.loss, rel=0.03)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on the CPU")
def test_a_compiled_network_trains_alike_and_continues_an_uncompiled_one(tmp_path: Path) -> None:
    plain, compiled = tiny(), tiny(training={"compile": True})
    expected = list(curve(train(tmp_path / "plain", 8)))
    train(tmp_path / "compiled", 4, plain)
    compilation.check(torch.device("cpu"))  # compiles a graph of its own, once per process
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    events = train(tmp_path / "compiled", 8, compiled)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == before + 1
    assert events[0] == Started(4 * B)
    (found,) = curve(events)
    assert found.loss == pytest.approx(expected[-1].loss, rel=1e-5)
