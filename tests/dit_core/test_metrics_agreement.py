"""Inception metrics agree with torch-fidelity on the same images and the same (random) weights.

Takes about half a minute: Inception-v3 looks at every image twice, and covariances of 2048 features are decomposed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from networks import random_inception
from PIL import Image
from torch.utils.data import Dataset

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.data.base import ImageDataset
from dit_core.metrics.features.inception import load_inception
from dit_core.metrics.features.subset import FeatureSubset
from dit_core.metrics.kid import polynomial_mmd
from dit_core.metrics.reference.references import reference
from dit_core.parts import METRICS

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
NAMES = ("fid", "sfid", "inception_score", "precision", "recall", "kid")
SAMPLES, FILES = 20, 24


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> TrialConfig:
    folder = tmp_path_factory.mktemp("images")
    generator = torch.Generator().manual_seed(0)
    for i in range(FILES):
        pixels = torch.randint(40, 256, (8, 8, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(folder / f"{i}.png")
    weights = random_inception(tmp_path_factory.mktemp("inception") / "weights.pth")
    return TrialConfig.model_validate(
        {
            "data": {"name": "image-folder", "path": str(folder), "held_out_fraction": 4 / 24},
            "evaluation": {
                "metrics": NAMES, "inception_weights": weights, "num_samples": SAMPLES, "allow_few_samples": True,
            },
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def dataset(trial: TrialConfig) -> ImageDataset:
    return load_dataset(trial.data)


def images_of(dataset: ImageDataset, split: Any) -> torch.Tensor:
    return torch.cat(list(dataset.reference(split)))


def generated() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 216, (SAMPLES, 3, 8, 8), generator=generator, dtype=torch.uint8)


class Ours:
    """One evaluation: results, the features of the generated images, and the sizes of the network's batches."""

    def __init__(self, trial: TrialConfig, dataset: ImageDataset) -> None:
        extractor = load_inception(trial.evaluation.inception_weights, CPU)
        metrics = [METRICS.get(name)(trial, dataset, CPU) for name in NAMES]
        for metric in metrics:
            type(metric).check(trial, dataset)
        self.passes: list[int] = []
        features = []
        handle = extractor._network.Conv2d_1a_3x3.register_forward_hook(
            lambda _module, _inputs, output: self.passes.append(len(output))
        )
        for part in generated().split(15):
            for metric in metrics:
                metric.update(part)
            features.append(extractor(part))
        handle.remove()
        self.features = {name: torch.cat([part[name] for part in features]) for name in extractor.dims}
        self.real = reference(trial, dataset, extractor, None)
        self.results = {metric.name: metric.result() for metric in metrics}


@pytest.fixture(scope="module")
def ours(trial: TrialConfig, dataset: ImageDataset) -> Ours:
    return Ours(trial, dataset)


class Images(Dataset[torch.Tensor]):
    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.images[index]


@pytest.fixture(scope="module")
def theirs(trial: TrialConfig, dataset: ImageDataset) -> dict[str, float]:
    from torch_fidelity import calculate_metrics

    return calculate_metrics(
        input1=Images(generated()),
        input2=Images(images_of(dataset, "train")),
        fid=True,
        isc=True,
        kid=True,
        prc=True,
        feature_extractor="inception-v3-compat",
        kid_subsets=1,
        kid_subset_size=SAMPLES,
        cuda=False,
        cache=False,
        verbose=False,
        feature_extractor_weights_path=trial.evaluation.inception_weights,
    )


def test_one_pass_serves_every_metric(ours: Ours) -> None:
    assert ours.passes == [15, 5]


def test_fid(ours: Ours, theirs: dict[str, float], dataset: ImageDataset) -> None:
    result = ours.results["fid"]
    assert result.value == pytest.approx(theirs["frechet_inception_distance"], rel=1e-5)
    assert result.floor is not None and result.value > 2 * result.floor > 0
    copying = {"data_copying_statistic", "data_copying_share", "data_copying_training_images"}
    assert copying <= set(result.details)
    assert {key: value for key, value in result.details.items() if key not in copying} == {
        "features": "Inception-v3 pool (torch-fidelity port of the TensorFlow network)",
        "weights": "weights.pth",
        "feature_dim": 2048,
        "samples": SAMPLES,
        "reference": "train",
        "reference_sha256": dataset.fingerprint,
        "reference_images": 20,
        "held_out_images": 4,
        "few_samples": True,
        "floor_few_images": True,
    }


def test_inception_score(ours: Ours, theirs: dict[str, float]) -> None:
    result = ours.results["inception_score"]
    assert result.value == pytest.approx(theirs["inception_score_mean"], rel=1e-6)
    assert result.details["standard_deviation"] == pytest.approx(theirs["inception_score_std"], rel=1e-4)
    assert result.value > 1.02 and result.floor is None
    assert (result.details["samples"], result.details["splits"]) == (SAMPLES, 10)


def test_precision_and_recall(ours: Ours, theirs: dict[str, float]) -> None:
    assert ours.results["precision"].value == pytest.approx(theirs["precision"], abs=1e-9)
    assert ours.results["recall"].value == pytest.approx(theirs["recall"], abs=1e-9)
    assert 0 < ours.results["precision"].value < 1 or 0 < ours.results["recall"].value < 1
    details = ours.results["recall"].details
    assert (details["compared_samples"], details["compared_reference"], details["neighbour"]) == (SAMPLES, 20, 3)


def test_kid(ours: Ours, theirs: dict[str, float]) -> None:
    from torch_fidelity.metric_kid import kernel_mmd

    assert ours.real.subset is not None
    assert polynomial_mmd(ours.features["pool"], ours.real.subset) == pytest.approx(
        theirs["kernel_inception_distance_mean"], rel=1e-4
    )
    subset = FeatureSubset(SAMPLES, 2048)
    subset.add(ours.features["pool"], 0)
    x, y = (rows.double().numpy() for rows in (subset.kept()[0], ours.real.subset))
    blocks = [kernel_mmd(x[i : i + 2], y[i : i + 2]) for i in range(0, SAMPLES, 2)]
    result = ours.results["kid"]
    assert result.value == pytest.approx(np.mean(blocks), rel=1e-6)
    assert result.details["standard_error"] == pytest.approx(np.std(blocks, ddof=1) / len(blocks) ** 0.5, rel=1e-6)
    assert (result.details["blocks"], result.details["block_size"]) == (10, 2)


def test_spatial_features_are_those_of_mixed_6_conv(trial: TrialConfig, ours: Ours) -> None:
    """The first channels of torch-fidelity's own ``Mixed_6d``, in TensorFlow's order: row, column, channel."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    network = FeatureExtractorInceptionV3(
        "theirs", ["2048"], feature_extractor_weights_path=trial.evaluation.inception_weights
    )
    maps: list[torch.Tensor] = []
    network.Mixed_6d.register_forward_hook(lambda _module, _inputs, output: maps.append(output))
    network(generated()[:3])
    expected = maps[0][:, :7].numpy().transpose(0, 2, 3, 1).reshape(3, 2023)
    assert expected.min() == 0 < expected.max(), "after the ReLU"
    np.testing.assert_allclose(ours.features["spatial"][:3], expected, rtol=1e-4, atol=1e-5)


def test_sfid_is_scipys_formula(trial: TrialConfig, dataset: ImageDataset, ours: Ours) -> None:
    """In the span of the features, where the formula is exact and quick."""
    extractor = load_inception(trial.evaluation.inception_weights, CPU)
    real = torch.cat([extractor(part)["spatial"] for part in images_of(dataset, "train").split(10)])
    x, y = ours.features["spatial"].double().numpy(), real.double().numpy()
    basis, _ = np.linalg.qr(np.concatenate([x, y]).T)
    x, y = x @ basis, y @ basis
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    shift = np.square(x.mean(0) - y.mean(0)).sum()
    expected = shift + np.trace(first + second - 2 * scipy.linalg.sqrtm(first @ second).real)
    result = ours.results["sfid"]
    assert result.value == pytest.approx(expected, rel=1e-4)
    assert result.details["feature_dim"] == 2023 and "mixed_6/conv" in result.details["features"]


def test_grey_images_are_repeated_to_three_channels(trial: TrialConfig) -> None:
    extractor = load_inception(trial.evaluation.inception_weights, CPU)
    grey = generated()[:2, :1]
    one, three = extractor(grey), extractor(grey.repeat(1, 3, 1, 1))
    assert all(torch.equal(one[name], three[name]) for name in ("pool", "spatial", "logits"))
