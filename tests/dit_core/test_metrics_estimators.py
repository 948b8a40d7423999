"""KID, precision, recall and FID at infinity on features whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.errors import UserError
from dit_core.metrics.features import subset
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.subset import FeatureSubset
from dit_core.metrics.fid_infinity import FIDInfinity
from dit_core.metrics.frechet import Gaussian
from dit_core.metrics.inception_score import InceptionScore
from dit_core.metrics.kid import KID, polynomial_mmd
from dit_core.metrics.neighbours import radii, share_inside
from dit_core.metrics.precision import Precision
from dit_core.metrics.recall import Recall
from dit_core.metrics.reference.statistics import Statistics
from dit_core.parts import METRICS

CPU = torch.device("cpu")


class Pixels(Extractor):
    """The 64 pixels of a digit as they are: an extractor that needs no network."""

    moments = ("pool",)
    subset_of = "pool"
    on_disk = False
    dims = {"pool": 64, "logits": 64}  # noqa: RUF012
    key = "pixels"

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return dict.fromkeys(self.dims, images.flatten(1).float() / 255)

    def about(self, feature: str) -> dict[str, Any]:
        return {"features": "pixels"}


PIXELS = Pixels(CPU)


class PixelKID(KID):
    dim = 64
    load = classmethod(lambda cls, config, device: PIXELS)


class PixelPrecision(Precision):
    dim = 64
    load = classmethod(lambda cls, config, device: PIXELS)


class PixelRecall(Recall):
    dim = 64
    load = classmethod(lambda cls, config, device: PIXELS)


class PixelInfinity(FIDInfinity):
    dim = 64
    load = classmethod(lambda cls, config, device: PIXELS)


class PixelScore(InceptionScore):
    """The pixels stand for the scores of 64 classes."""

    load = classmethod(lambda cls, config, device: PIXELS)


def trial(**evaluation: Any) -> TrialConfig:
    return TrialConfig.model_validate({"evaluation": evaluation})


def real(split: Any) -> torch.Tensor:
    return torch.cat(list(load_dataset(TrialConfig().data).reference(split)))


def score(kind: Any, images: torch.Tensor, batch: int = 100, order: Any = None) -> Any:
    metric = kind(trial(num_samples=len(images)), load_dataset(TrialConfig().data), CPU)
    starts = list(range(0, len(images), batch))
    for start in starts if order is None else order(starts):
        metric.update(images[start : start + batch], start)
    return metric.result()


def normal(rows: int, columns: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64) + shift


def test_values_recorded_so_far_stay() -> None:
    """Metrics whose features are the same on every machine, against what they were when states became torchmetrics'."""
    golden = json.loads((Path(__file__).parent / "data" / "golden_metrics.json").read_text())
    kinds = (PixelRecall, PixelInfinity, PixelKID, PixelPrecision, PixelScore, METRICS.get("fd_digits_cnn"))
    assert {kind.name for kind in kinds} == set(golden)
    for kind in kinds:
        result = score(kind, real("held_out")[:350], 60)
        assert result.value == pytest.approx(golden[kind.name]["value"], rel=1e-6), kind.name
        floor = golden[kind.name]["floor"]
        assert result.floor == (None if floor is None else pytest.approx(floor, rel=1e-6)), kind.name


def test_mmd_is_the_sum_over_pairs() -> None:
    x, y = normal(7, 3, 0), normal(5, 3, 1)

    def k(a: torch.Tensor, b: torch.Tensor) -> float:
        return float((a @ b / 3 + 1) ** 3)

    within_x = sum(k(x[i], x[j]) for i in range(7) for j in range(7) if i != j) / (7 * 6)
    within_y = sum(k(y[i], y[j]) for i in range(5) for j in range(5) if i != j) / (5 * 4)
    across = sum(k(a, b) for a in x for b in y) / 35
    assert polynomial_mmd(x, y) == pytest.approx(within_x + within_y - 2 * across, rel=1e-12)


def test_kid_is_unbiased_and_its_standard_error_is_honest() -> None:
    """Over many sets from one distribution the mean is zero and the spread is the standard error."""
    metric = KID.__new__(KID)
    found = [metric.compare(normal(400, 4, 2 * i), normal(400, 4, 2 * i + 1)) for i in range(60)]
    values = np.array([value for value, _ in found])
    errors = np.array([about["standard_error"] for _, about in found])
    assert abs(values.mean()) < 3 * values.std() / len(values) ** 0.5
    assert values.std() == pytest.approx(errors.mean(), rel=0.25)
    assert found[0][1]["blocks"] == 10 and found[0][1]["block_size"] == 40


def test_kid_sees_a_shift_whatever_the_size_of_the_blocks() -> None:
    metric = KID.__new__(KID)
    x, y = normal(20_000, 2, 0), normal(20_000, 2, 1, shift=0.5)
    large, about = metric.compare(x, y)
    small, less = metric.compare(x[:3000], y[:3000])
    assert (about["block_size"], about["blocks"], less["block_size"]) == (1000, 20, 300)
    assert abs(large - small) < 4 * (about["standard_error"] ** 2 + less["standard_error"] ** 2) ** 0.5
    assert large > 20 * about["standard_error"]


def test_balls_reach_to_the_third_neighbour() -> None:
    line = torch.tensor([[0.0], [1.0], [3.0], [6.0], [10.0]])
    assert radii(line, 3).tolist() == [6, 5, 3, 5, 9]
    assert share_inside(torch.tensor([[-6.0], [-6.1], [19.0], [19.1]]), line, radii(line, 3)) == 0.5


def test_more_rows_than_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(50, 3, 0), normal(40, 3, 1)
    whole = radii(x, 3), share_inside(y, x, radii(x, 3))
    monkeypatch.setattr("dit_core.metrics.neighbours._ROWS", 7)
    assert torch.allclose(radii(x, 3), whole[0]) and share_inside(y, x, radii(x, 3)) == whole[1]


def test_precision_falls_with_what_is_unreal_and_recall_with_what_is_missing() -> None:
    held_out, train = real("held_out"), real("train")
    labels = load_dataset(TrialConfig().data).labels("train")
    few = train[labels < 3]
    noise = torch.randint(0, 256, (300, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    precision = {name: score(PixelPrecision, x) for name, x in (("real", held_out), ("few", few), ("noise", noise))}
    recall = {name: score(PixelRecall, x) for name, x in (("real", held_out), ("few", few), ("noise", noise))}
    assert precision["real"].value > 0.7 and precision["few"].value > 0.95 and precision["noise"].value == 0
    assert recall["real"].value > 2 * recall["few"].value > 0
    assert precision["real"].floor == precision["real"].value
    assert precision["real"].details == {
        "features": "pixels", "feature_dim": 64, "samples": 359, "reference": "train",
        "reference_sha256": load_dataset(TrialConfig().data).fingerprint,
        "reference_images": 1438,
        "held_out_images": 359, "compared_samples": 359, "compared_reference": 1438, "neighbour": 3,
    }  # fmt: skip


@pytest.mark.parametrize("kind", [PixelKID, PixelPrecision, PixelRecall])
def test_neither_batches_nor_their_order_matter(kind: Any) -> None:
    images = real("held_out")
    whole = score(kind, images, 359)
    assert score(kind, images, 7) == whole
    assert score(kind, images, 50, order=reversed) == whole


def test_a_bank_keeps_a_fixed_random_choice_and_no_more() -> None:
    rows = torch.arange(1000.0)[:, None]
    kept = FeatureSubset(1000, 1, keep=64)
    for start in range(0, 1000, 30):
        kept.add(rows[start : start + 30], start)
    found, count = kept.kept()
    chosen = found[:, 0].tolist()
    assert (len(chosen), count) == (64, 1000) and len(set(chosen)) == 64
    assert chosen != sorted(chosen), "in random order: blocks of sorted images would differ"
    assert 300 < np.mean(chosen) < 700
    assert sum(value.numel() for value in (kept.rows, kept.filled)) == 64 + 65
    with pytest.raises(ValueError, match="image 1001 given, but 1000 were announced"):
        kept.add(rows[:1], 1000)


def test_details_say_how_many_were_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subset.FeatureSubset.__init__, "__defaults__", (100, "cpu"))
    metric = PixelKID(trial(num_samples=359), load_dataset(TrialConfig().data), CPU)
    metric.update(real("held_out"))
    assert metric.rows.shape == (100, 64)
    details = metric.result().details
    assert details["samples"] == 359 and details["compared_samples"] == 100


def test_fid_at_infinity_is_the_intercept() -> None:
    metric = PixelInfinity(trial(num_samples=1000), load_dataset(TrialConfig().data), CPU)
    eye = torch.eye(64, dtype=torch.float64)
    true = Statistics({"pool": Gaussian(torch.zeros(64, dtype=torch.float64), eye)}, None, None)
    sizes = []
    for count in (50, 100, 200, 400, 1000):  # shift^2 = 3 + 500 / count, equal covariances
        mean = torch.zeros(64, dtype=torch.float64)
        mean[0] = (3 + 500 / count) ** 0.5
        sizes.append(Gaussian(mean, eye, count))
    value, about = metric.score(sizes, true)
    assert value == pytest.approx(3, abs=1e-6)
    assert about["sizes"] == [100, 200, 400, 1000] and about["slope"] == pytest.approx(500, rel=1e-6)
    assert about["few_samples"] is False


def test_fid_at_infinity_removes_the_bias_of_few_samples() -> None:
    """Samples of the reference distribution: FID of N of them is positive, its limit is not."""
    metric = PixelInfinity(trial(num_samples=4000), load_dataset(TrialConfig().data), CPU)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4000, 1, 8, 8), generator=generator, dtype=torch.uint8)
    for start in range(0, 4000, 300):
        metric.update(images[start : start + 300], start)
    sizes, count = metric.gather()
    assert count == 4000 and [size.count for size in sizes] == list(range(400, 4001, 400))
    mean = torch.full((64,), 0.5, dtype=torch.float64)
    covariance = torch.eye(64, dtype=torch.float64) * (256**2 - 1) / 12 / 255**2
    value, about = metric.score(sizes, Statistics({"pool": Gaussian(mean, covariance)}, None, None))
    biased = about["fid_at_sizes"]
    assert biased == sorted(biased, reverse=True) and biased[-1] > 0
    assert abs(value) < biased[-1] / 4


def test_too_few_images_are_refused() -> None:
    dataset = load_dataset(TrialConfig().data)
    for kind, samples, message in (
        (PixelKID, 19, r"evaluation\.num_samples: 19 given, but kid compares 10 blocks of at least 2 and needs 20 or"),
        (PixelPrecision, 3, r"evaluation\.num_samples: 3 given, but precision looks at 3 neighbours and needs 4 or"),
        (PixelRecall, 3, r"evaluation\.num_samples: 3 given, but recall looks at 3 neighbours"),
        (PixelInfinity, 129, r"evaluation\.num_samples: 129 given, but fid_infinity compares 64 features at several"),
    ):
        with pytest.raises(UserError, match=message):
            kind.check(trial(num_samples=samples), dataset)
        kind.check(trial(num_samples=130), dataset)


@pytest.mark.parametrize(("kind", "least"), [(PixelKID, 2), (PixelPrecision, 4), (PixelRecall, 4), (PixelInfinity, 20)])
def test_below_some_number_there_is_no_value_at_all(kind: Any, least: int) -> None:
    dataset, generator = load_dataset(TrialConfig().data), torch.Generator().manual_seed(0)
    kind.check(trial(num_samples=least, allow_few_samples=True), dataset)
    metric = kind(trial(num_samples=least), dataset, CPU)
    metric.update(torch.randint(0, 256, (least, 1, 8, 8), generator=generator, dtype=torch.uint8))
    assert np.isfinite(metric.result().value)
    if least > 2:  # num_samples is at least 2
        with pytest.raises(UserError, match=rf"{least - 1} given, but {kind.name} compares sets of images and needs"):
            kind.check(trial(num_samples=least - 1, allow_few_samples=True), dataset)


def test_few_reference_images_are_refused() -> None:
    config = TrialConfig.model_validate({"data": {"held_out_fraction": 0.991}, "evaluation": {"num_samples": 200}})
    with pytest.raises(UserError, match=r"kid .* needs 20 or more reference images, but the training split has 16"):
        PixelKID.check(config, load_dataset(config.data))
