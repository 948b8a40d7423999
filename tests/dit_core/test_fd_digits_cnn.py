"""``fd_digits_cnn``: its classifier, what makes it larger, its details, its errors, and two processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
from leaving import leave
from PIL import Image
from safetensors import safe_open

from dit_core.config import TrialConfig
from dit_core.data import DataConfig, load_dataset
from dit_core.data.base import from_uint8
from dit_core.errors import UserError
from dit_core.events import MetricResult
from dit_core.metrics.features.digits_cnn import WEIGHTS, load_digits_cnn
from dit_core.metrics.features.train_digits_cnn import train
from dit_core.metrics.reference import references
from dit_core.metrics.reference.statistics import Statistics
from dit_core.parts import METRICS

CPU = torch.device("cpu")
CONFIG = TrialConfig()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def real(split: str) -> torch.Tensor:
    return torch.cat(list(load_dataset(CONFIG.data).reference(split)))


def score(images: torch.Tensor, batch: int = 256, first: int = 0) -> MetricResult:
    metric = METRICS.get("fd_digits_cnn")(CONFIG, load_dataset(CONFIG.data), CPU)
    for part in images.split(batch):
        metric.update(part, first)
        first += len(part)
    return metric.result()


def test_the_committed_classifier_is_as_good_as_it_says() -> None:
    assert WEIGHTS.stat().st_size < 300_000
    model, about = load_digits_cnn(CPU)
    labels = load_dataset(CONFIG.data).labels("held_out")
    accuracy = (model(real("held_out")).argmax(1) == labels).float().mean().item()
    assert accuracy == pytest.approx(float(about["test_accuracy"]), abs=0.003) and accuracy > 0.98
    assert about["split"] == "split_seed 0, held_out_fraction 0.2"
    with safe_open(WEIGHTS, framework="pt") as file:
        assert {"test_accuracy", "split", "steps", "seed"} <= set(file.metadata())


@pytest.mark.slow
def test_training_the_classifier_is_deterministic_and_learns() -> None:
    (first, accuracy), (second, again) = train(steps=60), train(steps=60)
    assert accuracy == again and accuracy > 0.8
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_held_out_images_score_the_floor_and_details_say_what_was_compared() -> None:
    result = score(real("held_out"))
    assert result.name == "fd_digits_cnn" and result.value == pytest.approx(result.floor, rel=1e-6)
    assert 0 < result.value < 6
    assert result.details == {
        "features": "dit_core/metrics/digits_cnn.safetensors",
        "classifier_test_accuracy": pytest.approx(0.99, abs=0.01),
        "classifier_split": "split_seed 0, held_out_fraction 0.2",
        "feature_dim": 48,
        "samples": 359,
        "reference": "train",
        "reference_sha256": load_dataset(CONFIG.data).fingerprint,
        "reference_images": 1438,
        "held_out_images": 359,
        "few_samples": False,
        "floor_few_images": False,
        "floor_at_samples": pytest.approx(result.floor),
        "floor_extrapolated": False,
        "data_copying_statistic": pytest.approx(0, abs=0.01),
        "data_copying_share": pytest.approx(0.5, abs=0.001),
        "data_copying_training_images": 1438,
    }


def test_copies_of_training_images_are_told_from_held_out_ones() -> None:
    """Their distance is below the floor that as many held-out images have, which says nothing against them."""
    copies = score(real("train")[torch.randint(1438, (300,), generator=torch.Generator().manual_seed(0))])
    assert copies.value < copies.details["floor_at_samples"]
    assert copies.details["data_copying_statistic"] < -10 and copies.details["data_copying_share"] == 1
    noise = score(torch.randint(0, 256, (300, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8))
    assert noise.details["data_copying_statistic"] > 10 and noise.details["data_copying_share"] < 0.05


def test_the_floor_is_that_of_as_many_images_as_there_are_samples() -> None:
    floors = {count: score(real("train")[:count]) for count in (100, 200, 1000)}
    values = [result.details["floor_at_samples"] for result in floors.values()]
    assert values == sorted(values, reverse=True)
    assert [result.details["floor_extrapolated"] for result in floors.values()] == [False, False, True]
    assert len({result.floor for result in floors.values()}) == 1


def test_training_images_score_zero() -> None:
    assert score(real("train")).value == pytest.approx(0, abs=1e-6)


def test_batches_do_not_matter_and_empty_ones_are_fine() -> None:
    images = real("held_out")
    assert score(images, 50).value == pytest.approx(score(images).value, rel=1e-5)
    metric = METRICS.get("fd_digits_cnn")(CONFIG, load_dataset(CONFIG.data), CPU)
    metric.update(images)
    metric.update(images[:0])
    assert metric.result().value == pytest.approx(score(images).value, rel=1e-9)


def test_growing_noise_increases_the_distance() -> None:
    noise = torch.randn(359, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    dataset = load_dataset(CONFIG.data)
    clean = from_uint8(real("held_out"))
    values = [score(dataset.to_images(clean + amount * noise)).value for amount in (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)]
    assert values == sorted(values) and values[4] > 3 * values[0]


def test_what_is_no_digit_is_far_away() -> None:
    images = real("held_out")
    floor = score(images).value
    generator = torch.Generator().manual_seed(0)
    wrong = {
        "noise": torch.randint(0, 256, (1024, 1, 8, 8), generator=generator, dtype=torch.uint8),
        "black": torch.zeros(1024, 1, 8, 8, dtype=torch.uint8),
        "inverted": 255 - images,
        "flipped": images.flip(-1),
        "transposed": images.transpose(-1, -2),
        "shifted": images.roll(2, -1),
        "one class": images[load_dataset(CONFIG.data).labels("held_out") == 3],
    }
    assert all(score(images).value > 15 * floor for images in wrong.values())


def test_a_missing_class_is_seen() -> None:
    train_images, labels = real("train"), load_dataset(CONFIG.data).labels("train")
    generator = torch.Generator().manual_seed(0)
    whole = train_images[torch.randperm(1438, generator=generator)[:1000]]
    assert score(train_images[labels != 3]).value > 5 * score(whole).value


def test_real_images_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = load_dataset(CONFIG.data)
    score(real("held_out"))
    monkeypatch.setattr(type(dataset), "reference", None)
    metric = METRICS.get("fd_digits_cnn")(CONFIG, dataset, CPU)
    metric.update(torch.zeros(60, 1, 8, 8, dtype=torch.uint8))
    assert metric.result().value > 100


def test_the_batch_size_of_whoever_looked_first_does_not_matter() -> None:
    """The reference is shared by every evaluation of a process: its last digits must not depend on the first one."""
    found = []
    for batch in (256, 32):
        references._known.clear()
        first = CONFIG.model_copy(update={"evaluation": CONFIG.evaluation.model_copy(update={"batch_size": batch})})
        for config in (first, CONFIG):
            metric = METRICS.get("fd_digits_cnn")(config, load_dataset(CONFIG.data), CPU)
            metric.update(real("held_out")[:300])
            found.append(metric.result())
    assert all(result == found[0] for result in found)


def test_no_images_are_an_error() -> None:
    with pytest.raises(ValueError, match="fd_digits_cnn: 0 images were scored"):
        score(torch.zeros(0, 1, 8, 8, dtype=torch.uint8))


def check(config: TrialConfig) -> None:
    METRICS.get("fd_digits_cnn").check(config, load_dataset(config.data))


def test_the_default_configuration_passes_the_check() -> None:
    check(CONFIG)


def test_other_images_are_refused(tmp_path: Path) -> None:
    for i in range(4):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{i}.png")
    config = CONFIG.model_copy(update={"data": DataConfig(name="image-folder", path=str(tmp_path))})
    with pytest.raises(
        UserError, match="scores grey 8x8 digits, but the data set 'image-folder' has 8x8 images with 3"
    ):
        check(config)


def test_too_few_samples_are_refused_unless_allowed() -> None:
    few = CONFIG.evaluation.model_copy(update={"num_samples": 48})
    with pytest.raises(UserError, match=r"evaluation\.num_samples: 48 given, but fd_digits_cnn compares 48 features"):
        check(CONFIG.model_copy(update={"evaluation": few}))
    allowed = few.model_copy(update={"allow_few_samples": True})
    check(CONFIG.model_copy(update={"evaluation": allowed}))
    assert score(real("held_out")[:48]).details["few_samples"] is True


def test_too_few_reference_images_are_refused() -> None:
    data = CONFIG.data.model_copy(update={"held_out_fraction": 0.98})
    with pytest.raises(UserError, match="needs 49 or more reference images, but the training split has 36"):
        check(CONFIG.model_copy(update={"data": data}))


def test_reference_images_have_no_meaning_here(tmp_path: Path) -> None:
    evaluation = CONFIG.evaluation.model_copy(update={"reference_images": str(tmp_path)})
    with pytest.raises(UserError, match=r"evaluation\.reference_images: .* compares with the training images only"):
        check(CONFIG.model_copy(update={"evaluation": evaluation}))


_MEASURED = ("floor_at_samples", "data_copying_statistic", "data_copying_share")


def _score_share(rank: int, world: int, meeting: str, results: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=world)
    try:
        if rank == 1:  # a rank whose cache is warm must not leave the other one waiting
            dataset = load_dataset(CONFIG.data)
            references._known[dataset] = {("digits_cnn", "cpu", "train"): Statistics({}, None, 0)}
        result = score(real("held_out")[100 * rank : 100 * (rank + 1)], batch=64, first=100 * rank)
        torch.save((result.value, result.floor, result.details), f"{results}{rank}")
        torch.distributed.barrier()
    finally:
        torch.distributed.destroy_process_group()
    leave()


@pytest.mark.slow
def test_two_processes_agree_with_one(tmp_path: Path) -> None:
    mp.spawn(_score_share, args=(2, str(tmp_path / "meeting"), str(tmp_path / "result")), nprocs=2)
    first, second = (torch.load(tmp_path / f"result{rank}", weights_only=True) for rank in (0, 1))
    alone = score(real("held_out")[:200])
    assert first == second
    assert first[0] == pytest.approx(alone.value, rel=1e-4) and first[1] == pytest.approx(alone.floor, rel=1e-4)
    assert first[2] == {**alone.details, **{key: pytest.approx(alone.details[key], rel=1e-4) for key in _MEASURED}}
