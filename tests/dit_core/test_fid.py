"""``fid`` through the real Inception-v3 with weights made on the spot, and every way its weights can be wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.errors import UserError
from dit_core.metrics import METRICS, frechet_metric
from dit_core.metrics.fid import FID, load_inception

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random state dict of torch-fidelity's Inception-v3, saved as its own weights are."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Fresh(FeatureExtractorInceptionV3):
        def load_state_dict(self, *_: object, **__: object) -> None:
            """Keeps the initial weights."""

    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save({}, path)
    torch.manual_seed(0)
    network = Fresh("inception", ["2048"], feature_extractor_weights_path=str(path))
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    torch.save(network.state_dict(), path)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images")
    generator = torch.Generator().manual_seed(0)
    for i in range(12):
        pixels = torch.randint(0, 256, (8, 8, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(root / f"{i}.png")
    return root


def config(folder: Path | None, weights: str | None, **evaluation: object) -> TrialConfig:
    data = {} if folder is None else {"name": "image-folder", "path": str(folder), "held_out_fraction": 0.25}
    settings = {"metrics": ["fid"], "inception_weights": weights, "num_samples": 10, "allow_few_samples": True}
    return TrialConfig.model_validate({"data": data, "evaluation": {**settings, **evaluation}})


def generated(seed: int = 1, count: int = 10, channels: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 128, (count, channels, 8, 8), generator=generator, dtype=torch.uint8)


class Images(Dataset[torch.Tensor]):
    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.images[index]


class EarlyFID(FID):
    """The same metric on the first 64-feature layer: torch-fidelity's own distance takes minutes at 2048."""

    name = "fd_inception64"
    layer = 64


def closed_form(first: torch.Tensor, second: torch.Tensor) -> float:
    """The distance from the features themselves: tr (A A' B B')^(1/2) is the nuclear norm of A' B."""
    a, b = ((x.double() - x.double().mean(0)) / (len(x) - 1) ** 0.5 for x in (first, second))
    shift = (first.double().mean(0) - second.double().mean(0)).square().sum()
    return float(shift + a.square().sum() + b.square().sum() - 2 * torch.linalg.matrix_norm(a @ b.T, "nuc"))


def test_the_whole_path_with_inception_v3(weights: str, folder: Path) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    trial = config(folder, weights)
    dataset = load_dataset(trial.data)
    metric_type = METRICS.get("fid")
    metric_type.check(trial, dataset)
    metric = metric_type(trial, dataset, CPU)
    for part in generated().split(4):
        metric.update(part)
    result = metric.compute()

    network = FeatureExtractorInceptionV3("theirs", ["2048"], feature_extractor_weights_path=weights)
    real, held_out = (torch.cat(list(dataset.reference(split))) for split in ("train", "held_out"))
    theirs = [network(images)[0] for images in (real, generated(), held_out)]
    assert torch.allclose(metric.features(generated()[:2]), theirs[1][:2], rtol=1e-4, atol=1e-5)
    assert result.value == pytest.approx(closed_form(theirs[0], theirs[1]), rel=1e-3)
    assert result.floor == pytest.approx(closed_form(theirs[0], theirs[2]), rel=1e-3)
    assert result.name == "fid" and result.value > 2 * result.floor > 0
    assert result.details == {
        "features": "Inception-v3 pool (torch-fidelity port of the TensorFlow network)",
        "weights": "weights.pth",
        "feature_dim": 2048,
        "samples": 10,
        "reference": "train",
        "reference_images": 9,
        "held_out_images": 3,
        "few_samples": True,
        "floor_few_images": True,
    }


def test_torch_fidelity_and_torchmetrics_agree(weights: str, folder: Path) -> None:
    from torch_fidelity import calculate_metrics
    from torchmetrics.image.fid import FrechetInceptionDistance

    trial = config(folder, weights)
    dataset = load_dataset(trial.data)
    metric = EarlyFID(trial, dataset, CPU)
    metric.update(generated())
    real = torch.cat(list(dataset.reference("train")))
    theirs = calculate_metrics(
        input1=Images(generated()),
        input2=Images(real),
        fid=True,
        cuda=False,
        cache=False,
        verbose=False,
        save_cpu_ram=True,
        feature_layer_fid="64",
        feature_extractor_weights_path=weights,
    )["frechet_inception_distance"]
    torchmetrics = FrechetInceptionDistance(feature=64, feature_extractor_weights_path=weights, antialias=False)
    torchmetrics.update(real, real=True)
    torchmetrics.update(generated(), real=False)
    value = metric.compute().value
    assert value == pytest.approx(theirs, rel=1e-3)
    assert value == pytest.approx(float(torchmetrics.compute()), rel=1e-3)


def test_grey_images_are_repeated_to_three_channels(weights: str) -> None:
    trial = config(None, weights)
    metric = EarlyFID(trial, load_dataset(trial.data), CPU)
    grey = generated(channels=1)
    assert torch.equal(metric.features(grey), metric.features(grey.repeat(1, 3, 1, 1)))


def test_reference_images_replace_the_training_images(weights: str, folder: Path, tmp_path: Path) -> None:
    for i, image in enumerate(generated(seed=5)):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / f"{i}.png")
    trial = config(folder, weights, reference_images=str(tmp_path))
    EarlyFID.check(trial, load_dataset(trial.data))
    metric = EarlyFID(trial, load_dataset(trial.data), CPU)
    metric.update(generated(seed=5))
    result = metric.compute()
    assert result.value == pytest.approx(0, abs=1e-6)
    assert (result.details["reference"], result.details["reference_images"]) == (str(tmp_path), 10)
    plain = EarlyFID(config(folder, weights), load_dataset(trial.data), CPU)
    plain.update(generated(seed=5))
    assert plain.compute().floor != result.floor


def test_real_images_are_looked_at_once(weights: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = config(folder, weights)
    dataset = load_dataset(trial.data)
    results = []
    for _ in range(2):
        metric = EarlyFID(trial, dataset, CPU)
        metric.update(generated())
        results.append(metric.compute())
        monkeypatch.setattr(frechet_metric, "_batches", None)
    assert results[0] == results[1]


def check(trial: TrialConfig) -> None:
    METRICS.get("fid").check(trial, load_dataset(trial.data))


def test_few_samples_are_refused(weights: str, folder: Path) -> None:
    with pytest.raises(UserError, match=r"evaluation\.num_samples: 10 given, but fid compares 2048 features"):
        check(config(folder, weights, allow_few_samples=False))
    with pytest.raises(UserError, match=r"fid compares 2048 features .* but the training split has 9"):
        check(config(folder, weights, allow_few_samples=False, num_samples=4096))


def test_a_missing_reference_folder(weights: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"evaluation\.reference_images: data\.path: '.*nowhere' does not exist"):
        check(config(folder, weights, reference_images=str(tmp_path / "nowhere")))


def test_weights_that_are_no_weights(weights: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "cut.pth").write_bytes(Path(weights).read_bytes()[:1_000_000])
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "code.pth")
    (tmp_path / "empty.pth").write_bytes(b"")
    for name, message in (
        ("nowhere.pth", "'.*nowhere.pth' does not exist"),
        ("", "is not a file"),
        ("text.pth", "does not hold torch-fidelity's Inception-v3 weights"),
        ("cut.pth", "does not hold torch-fidelity's Inception-v3 weights"),
        ("empty.pth", "does not hold torch-fidelity's Inception-v3 weights"),
        ("code.pth", "does not hold torch-fidelity's Inception-v3 weights"),
        ("other.pth", "does not hold torch-fidelity's Inception-v3 weights"),
        ("list.pth", "holds no state dict of tensors"),
    ):
        with pytest.raises(UserError, match=f"evaluation.inception_weights: .*{message}") as raised:
            check(config(folder, str(tmp_path / name)))
        assert "\n" not in str(raised.value), name


def test_weights_are_loaded_once(weights: str) -> None:
    assert load_inception(weights, CPU, 64) is load_inception(weights, CPU, 64)


def test_no_weights_and_no_network(folder: Path, tmp_path: Path) -> None:
    """A real attempt to download, through a proxy where nobody listens."""
    code = (
        f"from test_fid import check, config\nfrom dit_core.errors import UserError\n"
        f"from pathlib import Path\n"
        f"try: check(config(Path({str(folder)!r}), None))\n"
        f"except UserError as error: print(error)"
    )
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {**os.environ, **nowhere, "no_proxy": "", "NO_PROXY": "", "TORCH_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, env=environment, timeout=120, cwd=Path(__file__).parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("evaluation.metrics: fid needs Inception-v3 weights and they cannot be downloaded (")
    assert "weights-inception-2015-12-05-6726825d.pth" in done.stdout
    assert done.stdout.strip().endswith("give its local path as evaluation.inception_weights")
    assert len(done.stdout.strip().splitlines()) == 1
