"""Reference statistics: from a data set, a folder or an .npz file, computed once, kept on disk, never trusted blindly.

``fd_dinov2`` with a tiny network stands for every Fréchet distance here: the code is the same, 32 features are quick.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import random_dinov2
from PIL import Image

from dit_core.config import TrialConfig
from dit_core.data import DataConfig, load_dataset
from dit_core.errors import UserError
from dit_core.events import MetricResult
from dit_core.metrics.features.dinov2 import DINOv2, load_dinov2
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.reference import cache, references
from dit_core.metrics.reference.export import export_reference
from dit_core.metrics.reference.file import ReferenceFile, save_reference_file
from dit_core.metrics.reference.statistics import Statistics
from dit_core.parts import METRICS

CPU = torch.device("cpu")
WIDTH = 32


def pictures(count: int, seed: int, low: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, 256, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)


def save_images(folder: Path, images: torch.Tensor) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{i:03}.png")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    return random_dinov2(tmp_path_factory.mktemp("dinov2"), WIDTH)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_images(tmp_path_factory.mktemp("images"), pictures(50, 0, low=40))


@pytest.fixture(autouse=True)
def _own_empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On disk and in the process."""
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "cache"))
    references._known.clear()


def trial(folder: Path, weights: str, **evaluation: Any) -> TrialConfig:
    settings = {"metrics": ["fd_dinov2"], "dinov2_weights": weights, "num_samples": 40}
    data = {"name": "image-folder", "path": str(folder), "held_out_fraction": 0.2}
    return TrialConfig.model_validate({"data": data, "evaluation": {**settings, **evaluation}})


def score(config: TrialConfig, images: torch.Tensor | None = None, name: str = "fd_dinov2") -> MetricResult:
    dataset = load_dataset(config.data)
    METRICS.get(name).check(config, dataset)
    metric = METRICS.get(name)(config, dataset, CPU)
    metric.update(pictures(40, 1) if images is None else images)
    return metric.result()


def check(config: TrialConfig, name: str = "fd_dinov2") -> None:
    METRICS.get(name).check(config, load_dataset(config.data))


def count_passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    passes: list[int] = []
    forward = DINOv2.forward

    def counted(self: DINOv2, images: torch.Tensor) -> dict[str, torch.Tensor]:
        passes.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(DINOv2, "forward", counted)
    return passes


def statistics(extractor: Extractor, images: torch.Tensor) -> Statistics:
    return references.collect(extractor, images.split(7), len(images))


# --- what is compared


def test_training_images_are_the_reference_and_held_out_ones_the_floor(folder: Path, weights: str) -> None:
    result = score(trial(folder, weights))
    assert result.details == {
        "features": "DINOv2 class token",
        "weights": weights,
        "feature_dim": WIDTH,
        "samples": 40,
        "reference": "train",
        "reference_sha256": load_dataset(trial(folder, weights).data).fingerprint,
        "reference_images": 40,
        "held_out_images": 10,
        "few_samples": False,
        "floor_few_images": True,
    }
    held_out = torch.cat(list(load_dataset(trial(folder, weights).data).reference("held_out")))
    again = score(trial(folder, weights, allow_few_samples=True, num_samples=10), held_out)
    assert result.floor == pytest.approx(again.value, rel=1e-9) and result.value > 0


def test_a_folder_replaces_the_training_images(folder: Path, weights: str, tmp_path: Path) -> None:
    other = save_images(tmp_path / "other", pictures(60, 1))
    config = trial(folder, weights, reference_images=str(other))
    result = score(config, pictures(60, 1))
    assert result.value == pytest.approx(0, abs=1e-9)
    assert (result.details["reference"], result.details["reference_images"]) == (str(other), 60)
    assert result.floor != score(trial(folder, weights)).floor


def test_one_reference_only(folder: Path, weights: str) -> None:
    with pytest.raises(ValueError, match=r"evaluation\.reference_statistics: 'a\.npz' given beside .*give one of them"):
        trial(folder, weights, reference_statistics="a.npz", reference_images="b")


# --- kept on disk


def test_a_second_process_finds_them_on_disk(folder: Path, weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = count_passes(monkeypatch)
    first = score(trial(folder, weights))
    assert sum(passes) == 40 + 40 + 10
    references._known.clear()
    passes.clear()
    assert score(trial(folder, weights)) == first
    assert passes == [40], "only the generated images were looked at"
    assert len(list(cache.folder().iterdir())) == 2


def test_in_one_process_even_the_disk_is_read_once(folder: Path, weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = score(trial(folder, weights))
    monkeypatch.setattr(cache, "read", None)
    assert score(trial(folder, weights)) == first


def test_other_data_weights_or_crops_are_other_files(folder: Path, weights: str, tmp_path: Path) -> None:
    score(trial(folder, weights))
    score(trial(folder, weights, num_samples=50), pictures(50, 2))
    assert len(list(cache.folder().iterdir())) == 2, "how much is generated does not matter"
    torch.manual_seed(1)
    score(trial(folder, other_weights(tmp_path / "network")))
    assert len(list(cache.folder().iterdir())) == 4
    score(trial(save_images(tmp_path / "copy", pictures(50, 3)), weights))
    assert len(list(cache.folder().iterdir())) == 6
    data = trial(folder, weights).data.model_copy(update={"image_size": 4})
    score(trial(folder, weights).model_copy(update={"data": data}))
    assert len(list(cache.folder().iterdir())) == 8


def other_weights(folder: Path) -> str:
    """The same layout, one weight changed."""
    from transformers import Dinov2Model

    source = random_dinov2(folder, WIDTH)
    network = Dinov2Model.from_pretrained(source)
    with torch.no_grad():
        network.layernorm.bias[0] += 1
    network.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_file_is_written_again(
    folder: Path, weights: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = score(trial(folder, weights))
    for path in cache.folder().iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        broken = {"cut": bytes(content[:-9]), "flipped": bytes(content), "empty": b"", "text": b"hello"}[damage]
        path.write_bytes(broken)
    references._known.clear()
    assert score(trial(folder, weights)) == first
    references._known.clear()
    passes = count_passes(monkeypatch)
    score(trial(folder, weights))
    assert passes == [40], "the files are whole again"


def test_a_folder_that_cannot_be_written_stops_nothing(
    folder: Path, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "file"))
    assert score(trial(folder, weights)).value > 0
    assert "reference statistics cannot be kept in" in caplog.text


@pytest.mark.slow
def test_many_writers_leave_one_whole_file(tmp_path: Path) -> None:
    code = (
        "import torch, sys; from pathlib import Path\n"
        "from dit_core.metrics.reference.statistics import Statistics\n"
        "from dit_core.metrics.frechet import Gaussian\n"
        "from dit_core.metrics.reference.cache import read, write\n"
        "path = Path(sys.argv[1])\n"
        "eye = torch.eye(200, dtype=torch.float64)\n"
        "probe = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)\n"
        "for _ in range(12):\n"
        "    write(path, probe, Statistics({'x': Gaussian(eye[0].clone(), eye, 5)}, torch.ones(9, 2), 5))\n"
        "    found = read(path, probe, torch.device('cpu'))\n"
        "    assert found is not None and torch.equal(found.gaussians['x'].covariance, eye) and found.count == 5\n"
    )
    root = Path(__file__).parents[2]
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "x")], cwd=root, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=600)
        assert writer.returncode == 0, errors.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_statistics_of_images_that_were_decoded_otherwise_do_not_count(tmp_path: Path) -> None:
    """A VAE may change behind its name; a pixel that rounds differently is no other image."""
    kept, images = Statistics({}, torch.ones(2, 3), 2), pictures(4, 0, low=1)
    cache.write(tmp_path / "x", images, kept)
    nearly = images.clone()
    nearly[0, 0, :3, :3] -= 1
    assert cache.read(tmp_path / "x", nearly, CPU) is not None
    assert cache.read(tmp_path / "x", images - 1, CPU) is None
    assert cache.read(tmp_path / "x", images[:3], CPU) is None


# --- .npz files


def npz(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


def test_our_own_file_gives_the_same_value(folder: Path, weights: str, tmp_path: Path) -> None:
    config = trial(folder, weights)
    dataset, extractor = load_dataset(config.data), load_dinov2(weights, CPU)
    real = references.of_dataset(dataset, config.data, extractor, ("train",))
    save_reference_file(tmp_path / "ref.npz", real, extractor)
    plain, given = score(config), score(trial(folder, weights, reference_statistics=str(tmp_path / "ref.npz")))
    assert (given.value, given.floor) == (plain.value, plain.floor)
    assert given.details["reference"] == str(tmp_path / "ref.npz") and given.details["reference_images"] == 40
    with np.load(tmp_path / "ref.npz", allow_pickle=False) as file:  # as pytorch-fid and others read it
        assert file["mu"].shape == (WIDTH,) and file["sigma"].shape == (WIDTH, WIDTH)


def test_a_data_sets_reference_can_be_given_away(folder: Path, weights: str, tmp_path: Path) -> None:
    config = trial(folder, weights)
    export_reference(config, tmp_path / "ref.npz", metric="fd_dinov2", images=15)
    given = score(trial(folder, weights, reference_statistics=str(tmp_path / "ref.npz")))
    assert given.value == score(config).value
    stored = torch.cat(list(ReferenceFile(str(tmp_path / "ref.npz")).batches(4)))
    train = torch.cat(list(load_dataset(config.data).reference("train")))
    matches = (stored[:, None] == train[None]).flatten(2).all(2)
    assert stored.shape == (15, 3, 8, 8) and matches.any(1).all() and matches.any(0).sum() == 15
    assert not matches[:, :15].any(0).all(), "a random choice"
    for metric in ("inception_score", "fd_digits_cnn"):
        with pytest.raises(UserError, match=f"metric: {metric} given, but it has no reference statistics"):
            export_reference(config, tmp_path / "no.npz", metric=metric)
    with pytest.raises(UserError, match="did you mean 'fd_dinov2'"):
        export_reference(config, tmp_path / "no.npz", metric="fd_dino")


def test_a_file_of_unknown_count_is_taken(folder: Path, weights: str, tmp_path: Path) -> None:
    real = statistics(load_dinov2(weights, CPU), pictures(50, 7)).gaussians["cls"]
    path = npz(tmp_path / "adm.npz", mu=real.mean.numpy(), sigma=real.covariance.numpy().astype(np.float32))
    result = score(trial(folder, weights, reference_statistics=path), pictures(50, 7))
    assert result.value == pytest.approx(0, abs=1e-3) and "reference_images" not in result.details
    assert result.details["few_samples"] is False


@pytest.mark.slow
def test_images_in_a_file_are_enough(folder: Path, weights: str, tmp_path: Path) -> None:
    images = pictures(300, 5)
    path = npz(tmp_path / "images.npz", arr_0=images.permute(0, 2, 3, 1).numpy())
    result = score(trial(folder, weights, reference_statistics=path), images)
    assert result.value == pytest.approx(0, abs=1e-6) and result.details["reference_images"] == 300
    assert torch.equal(torch.cat(list(ReferenceFile(path).batches(64))), images)


def test_a_compressed_file_reads_the_same(tmp_path: Path) -> None:
    images = pictures(30, 5)
    np.savez_compressed(tmp_path / "c.npz", arr_0=images.permute(0, 2, 3, 1).numpy())
    assert torch.equal(torch.cat(list(ReferenceFile(str(tmp_path / "c.npz")).batches(7))), images)


def test_images_are_stored_as_adms_evaluator_expects(weights: str, tmp_path: Path) -> None:
    extractor, images = load_dinov2(weights, CPU), pictures(40, 3)
    save_reference_file(tmp_path / "r.npz", statistics(extractor, images), extractor, images)
    save_reference_file(tmp_path / "grey.npz", statistics(extractor, images[:, :1]), extractor, images[:, :1])
    with np.load(tmp_path / "r.npz", allow_pickle=False) as file:
        assert file["arr_0"].dtype == np.uint8 and file["arr_0"].shape == (40, 8, 8, 3)
        assert np.array_equal(file["arr_0"][3, :, :, 1], images[3, 1].numpy())
    assert ReferenceFile(str(tmp_path / "grey.npz")).images == (40, 8, 8, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grey.npz", "r.npz"]


def test_statistics_of_another_extractor(folder: Path, weights: str, tmp_path: Path) -> None:
    other, images = load_dinov2(other_weights(tmp_path / "network"), CPU), pictures(50, 3)
    save_reference_file(tmp_path / "other.npz", statistics(other, images), other)
    config = trial(folder, weights, reference_statistics=str(tmp_path / "other.npz"))
    with pytest.raises(UserError) as raised:
        check(config)
    key = load_dinov2(weights, CPU).key
    assert f"holds statistics of {other.key!r}, expected are those of {key!r}" in str(raised.value)
    assert str(raised.value).startswith("evaluation.reference_statistics: ") and "\n" not in str(raised.value)


def test_what_is_wrong_with_a_file_is_said(folder: Path, weights: str, tmp_path: Path) -> None:
    eye, images = np.eye(WIDTH), pictures(40, 1).permute(0, 2, 3, 1).numpy()
    (tmp_path / "text.npz").write_text("hello")
    np.save(tmp_path / "single.npz", eye)
    (tmp_path / "single.npz.npy").rename(tmp_path / "single.npz")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps({"mu": 1}))
    npz(tmp_path / "objects.npz", mu=np.array([{"a": 1}], dtype=object), sigma=eye)
    whole = npz(tmp_path / "cut.npz", mu=eye[0], sigma=eye)
    Path(whole).write_bytes(Path(whole).read_bytes()[:500])
    bad = {
        "nowhere.npz": "does not exist",
        "": "is not a file",
        "text.npz": r"cannot be read as an \.npz file of numbers",
        "single.npz": r"cannot be read as an \.npz file of numbers \(it is no archive of arrays\)",
        "pickle.npz": r"cannot be read as an \.npz file of numbers",
        "objects.npz": r"cannot be read as an \.npz file of numbers \(.*pickle",
        "cut.npz": r"cannot be read as an \.npz file of numbers",
    }
    wrong = {
        "dim": ({"mu": np.zeros(2048), "sigma": np.eye(8)}, r"holds mu of shape \(2048,\) and sigma of .*32 features"),
        "nan": ({"mu": eye[0] * np.nan, "sigma": eye}, "holds an array mu that is not all finite numbers"),
        "text-array": ({"mu": eye[0].astype(str), "sigma": eye}, "holds an array mu that is not all finite numbers"),
        "half": ({"mu": eye[0]}, r"has no array sigma, nor images \(arr_0\), which fd_dinov2 could use instead"),
        "float": ({"arr_0": images / 255.0}, r"arr_0 is float64 of shape \(40, 8, 8, 3\), expected are uint8"),
        "order": ({"arr_0": images.transpose(0, 3, 1, 2)}, r"arr_0 is uint8 of shape \(40, 3, 8, 8\), expected are"),
        "none": ({"arr_0": images[:0]}, r"arr_0 is uint8 of shape \(0, 8, 8, 3\), expected are uint8 images"),
        "side": ({"arr_0": images[:, :4, :4]}, "has images of 4x4, but those of the data set 'image-folder' are 8x8"),
    }
    for name, (arrays, message) in wrong.items():
        npz(tmp_path / f"{name}.npz", **arrays)
        bad[f"{name}.npz"] = message
    for name, message in bad.items():
        config = trial(folder, weights, reference_statistics=str(tmp_path / name))
        with pytest.raises(UserError, match=rf"evaluation\.reference_statistics: .*{message}") as raised:
            check(config)
        assert "\n" not in str(raised.value), name


def test_a_file_that_is_replaced_is_read_again(folder: Path, weights: str, tmp_path: Path) -> None:
    path = npz(tmp_path / "r.npz", mu=np.zeros(WIDTH), sigma=np.eye(WIDTH))
    first = score(trial(folder, weights, reference_statistics=path))
    npz(tmp_path / "r.npz", mu=np.full(WIDTH, 5.0), sigma=np.eye(WIDTH), count=np.array(99))
    second = score(trial(folder, weights, reference_statistics=path))
    assert second.value > first.value + 100 and second.floor != first.floor


def test_metrics_that_need_feature_vectors_want_images(folder: Path, weights: str, tmp_path: Path) -> None:
    """Whatever the network is: the file is looked at before its weights matter."""
    path = npz(tmp_path / "r.npz", mu=np.zeros(2048), sigma=np.eye(2048))
    config = trial(folder, weights, reference_statistics=path)
    dataset = load_dataset(config.data)
    for name in ("precision", "recall", "kid"):
        with pytest.raises(UserError, match=rf"has no images \(arr_0\), but {name} compares feature vectors"):
            references.check_reference(name, config, dataset, load_dinov2(weights, CPU), None)


def test_digits_take_no_file(tmp_path: Path) -> None:
    config = TrialConfig.model_validate({"evaluation": {"reference_statistics": str(tmp_path / "r.npz")}})
    with pytest.raises(UserError, match=r"evaluation\.reference_statistics: .* compares with the training images only"):
        METRICS.get("fd_digits_cnn").check(config, load_dataset(DataConfig()))
