"""Several workers score as one: every statistic merges, and every sample counts once."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as mp
from leaving import leave
from networks import random_dinov2, random_inception
from PIL import Image
from small_trials import tiny
from test_metrics_estimators import PIXELS, PixelInfinity, PixelKID, PixelPrecision, PixelRecall, real

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.evaluation import draw_labels, evaluate, load_metrics
from dit_core.metrics.base import Metric
from dit_core.metrics.features.inception import load_inception
from dit_core.metrics.inception_score import InceptionScore
from dit_core.parts import METRICS, MetricEntry
from dit_core.training.state import TrainState

CPU = torch.device("cpu")


class TheirsInPixels(METRICS.get("torchmetrics.image.fid.FrechetInceptionDistance")):  # type: ignore[misc]
    load = classmethod(lambda cls, config, device: PIXELS)


class TheirListsInPixels(METRICS.get("torchmetrics.image.mifid.MemorizationInformedFrechetInceptionDistance")):  # type: ignore[misc]
    load = classmethod(lambda cls, config, device: PIXELS)


KINDS = (PixelKID, PixelPrecision, PixelRecall, PixelInfinity, TheirsInPixels, TheirListsInPixels)
SAMPLES, CHUNK = 350, 60


def config(**evaluation: Any) -> TrialConfig:
    return TrialConfig.model_validate({"evaluation": {"num_samples": SAMPLES, **evaluation}})


def scores(rank: int = 0, world: int = 1) -> list[Any]:
    images, dataset = real("held_out")[:SAMPLES], load_dataset(TrialConfig().data)
    metrics = [kind(config(), dataset, CPU) for kind in KINDS]
    for start in range(rank * CHUNK, SAMPLES, world * CHUNK):
        for metric in metrics:
            metric.update(images[start : start + CHUNK], start)
    return [
        (metric.name, result.value, result.floor, result.details) for metric in metrics if (result := metric.result())
    ]


def _share(rank: int, world: int, meeting: str, results: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=world)
    try:
        torch.save(scores(rank, world), f"{results}{rank}")
        torch.distributed.barrier()
    finally:
        torch.distributed.destroy_process_group()
    leave()


@pytest.mark.slow
def test_two_processes_agree_with_one(tmp_path: Path) -> None:
    mp.spawn(_share, args=(2, str(tmp_path / "meeting"), str(tmp_path / "result")), nprocs=2)
    first, second = (torch.load(tmp_path / f"result{rank}", weights_only=True) for rank in (0, 1))
    assert first == second
    for ours, alone in zip(first, scores(), strict=True):
        assert ours[0] == alone[0] and ours[1] == pytest.approx(alone[1], rel=1e-6), ours[0]
        assert ours[2] == (None if alone[2] is None else pytest.approx(alone[2], rel=1e-6))
        assert ours[3]["samples"] == alone[3]["samples"] == SAMPLES


@pytest.mark.slow
def test_the_inception_score_does_not_depend_on_who_saw_what(tmp_path: Path) -> None:
    """Two ranks' sums, added by hand, are one rank's; too many and too few images are errors."""
    weights = random_inception(tmp_path / "weights.pth")
    trial = config(num_samples=20, inception_weights=weights)
    dataset = load_dataset(trial.data)
    images = real("held_out")[:20]
    features = load_inception(weights, CPU)(images)
    whole, first, second = (InceptionScore(trial, dataset, CPU) for _ in range(3))
    for metric, start, stop in ((whole, 0, 20), (first, 0, 7), (first, 14, 20), (second, 7, 14)):
        part = images[start:stop]
        metric.extractor = lambda _, rows=slice(start, stop): {"logits": features["logits"][rows]}
        metric.update(part, start)
    assert torch.allclose(first.sums + second.sums, whole.sums, rtol=1e-12)
    with pytest.raises(ValueError, match=r"image 21 given, but evaluation\.num_samples is 20"):
        whole.update(images[:1], 20)
    with pytest.raises(ValueError, match="inception_score: 7 images were scored; every split needs one"):
        second.result()


def labels(how: str, samples: int, batch: int, classes: int = 10, seed: int = 0) -> torch.Tensor:
    trial = TrialConfig.model_validate(
        {
            "seed": seed,
            "model": {"num_classes": classes},
            "evaluation": {"labels": how, "num_samples": samples, "batch_size": batch},
        }
    )
    return torch.cat([draw_labels(trial, positions) for positions in torch.arange(samples).split(batch)])


def test_uniform_labels_are_pinned_and_belong_to_their_image() -> None:
    assert labels("uniform", 20, 8).tolist() == [7, 0, 1, 0, 0, 3, 5, 2, 1, 5, 6, 6, 3, 0, 0, 8, 7, 2, 8, 7]
    for samples, batch in ((20, 3), (20, 20), (100, 7)):
        assert torch.equal(labels("uniform", samples, batch)[:20], labels("uniform", 20, 8))


@pytest.mark.parametrize(("samples", "classes"), [(1000, 10), (77, 10), (3, 10), (5, 1), (2048, 1000)])
def test_balanced_labels_differ_by_one_image_at_most(samples: int, classes: int) -> None:
    found = labels("balanced", samples, 16, classes)
    counts = found.bincount(minlength=classes)
    assert len(found) == samples and len(counts) == classes and counts.max() - counts.min() <= 1
    assert torch.equal(found, labels("balanced", samples, 5, classes)), "batches do not matter"


def test_balanced_labels_leave_out_other_classes_with_another_seed() -> None:
    assert labels("balanced", 30, 16, 1000).tolist() != labels("balanced", 30, 16, 1000, seed=1).tolist()
    assert labels("balanced", 30, 16, 1000).tolist() != list(range(30))


def test_labels_are_uniform_or_balanced() -> None:
    with pytest.raises(ValueError, match=r"evaluation\.labels: unknown value 'balance'; .*did you mean 'balanced'"):
        config(labels="balance")
    with pytest.raises(ValueError, match=r"evaluation\.dinov2_weights: empty"):
        config(dinov2_weights=" ")


class Recorder(Metric):
    """Scores nothing; remembers which images it was given."""

    name = "recorder"

    @classmethod
    def check(cls, config: TrialConfig, dataset: Any) -> None:
        """Always fits."""

    def add(self, images: torch.Tensor, start: int) -> None:
        self.given = [*getattr(self, "given", []), (start, len(images))]

    def compute(self) -> torch.Tensor:
        self.details = {"given": self.given}
        return torch.tensor(0.0)


def test_an_evaluation_tells_metrics_which_images_they_get(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METRICS, "_items", dict(METRICS._items))
    METRICS.add("recorder", MetricEntry(f"{__name__}:Recorder", source="0" * 64, description="what it was given"))
    trial = tiny(evaluation={"metrics": ("recorder",), "num_samples": 75, "batch_size": 16})
    model = TrainState.fresh(trial, CPU).model
    for rank, expected in ((0, [(0, 16), (32, 16), (64, 11)]), (1, [(16, 16), (48, 16)])):
        with monkeypatch.context() as patch:
            patch.setattr("dit_core.runtime.distributed.rank", lambda rank=rank: rank)
            patch.setattr("dit_core.runtime.distributed.world_size", lambda: 2)
            found = evaluate(trial, model, load_dataset(trial.data), images=0)
        assert found.metrics[0].details["given"] == expected


def test_metrics_with_the_same_states_keep_them_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (PixelKID, PixelPrecision, PixelRecall):
        entry = replace(METRICS.about(kind.name), path=f"{kind.__module__}:{kind.__name__}")
        monkeypatch.setitem(METRICS._items, kind.name, entry)
    names = ("recall", "fd_digits_cnn", "kid", "precision")
    dataset, images = load_dataset(TrialConfig().data), real("held_out")[:SAMPLES]
    together = load_metrics(config(metrics=names), dataset, CPU)
    for start in range(0, SAMPLES, CHUNK):
        together.update(images[start : start + CHUNK], start)
    found = {metric.name: metric for metric in together.values(copy_state=False)}
    assert len({found[name].rows.data_ptr() for name in ("recall", "kid", "precision")}) == 1
    assert found["fd_digits_cnn"].rows.data_ptr() != found["kid"].rows.data_ptr()
    for name in names:
        alone = METRICS.get(name)(config(metrics=names), dataset, CPU)
        alone.update(images, 0)
        assert found[name].result().value == pytest.approx(alone.result().value, rel=1e-9)


def test_fifty_thousand_samples_need_no_more_memory_than_ten_thousand() -> None:
    dataset, images = load_dataset(TrialConfig().data), torch.zeros(500, 1, 8, 8, dtype=torch.uint8)

    def held(kind: Any, samples: int) -> int:
        metric = kind(config(num_samples=samples), dataset, CPU)
        for start in range(0, samples, len(images)):
            metric.update(images, start)
        assert metric.metric_state
        return sum(tensor.untyped_storage().nbytes() for tensor in metric.metric_state.values())

    for kind in (PixelKID, PixelRecall, PixelInfinity, METRICS.get("fd_digits_cnn")):
        assert held(kind, 50_000) == held(kind, 10_000), kind.name


def dinov2_score(
    folder: str, weights: str, rank: int = 0, world: int = 1
) -> tuple[float, float | None, dict[str, Any]]:
    trial = TrialConfig.model_validate(
        {
            "data": {"name": "image-folder", "path": folder, "held_out_fraction": 0.2},
            "evaluation": {"metrics": ["fd_dinov2"], "dinov2_weights": weights, "num_samples": 40},
        }
    )
    metric = METRICS.get("fd_dinov2")(trial, load_dataset(trial.data), CPU)
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (40, 3, 8, 8), generator=generator, dtype=torch.uint8)
    for start in range(rank * 8, 40, world * 8):
        metric.update(images[start : start + 8], start)
    result = metric.result()
    return result.value, result.floor, result.details


def _share_on_two_machines(rank: int, world: int, meeting: str, base: str, folder: str, weights: str) -> None:
    """Each rank has a disk of its own; only the first one's knows the reference."""
    torch.set_num_threads(1)
    os.environ["DIT_ABLATE_CACHE"] = f"{base}/cache{rank}"
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=world)
    try:
        torch.save(dinov2_score(folder, weights, rank, world), f"{base}/result{rank}")
        torch.distributed.barrier()
    finally:
        torch.distributed.destroy_process_group()
    leave()


@pytest.mark.slow
def test_a_worker_that_has_no_reference_on_its_disk_does_not_keep_others_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, weights = tmp_path / "images", random_dinov2(tmp_path / "network")
    folder.mkdir()
    generator = torch.Generator().manual_seed(0)
    for i in range(50):
        pixels = torch.randint(40, 256, (8, 8, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(folder / f"{i}.png")
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "cache0"))
    alone = dinov2_score(str(folder), weights)
    arguments = (2, str(tmp_path / "meeting"), str(tmp_path), str(folder), weights)
    mp.spawn(_share_on_two_machines, args=arguments, nprocs=2)
    first, second = (torch.load(tmp_path / f"result{rank}", weights_only=True) for rank in (0, 1))
    assert first == second and first[2] == alone[2]
    assert first[:2] == pytest.approx(alone[:2], rel=1e-5)
    assert len(list((tmp_path / "cache1" / "reference-statistics").iterdir())) == 2
