"""Latents that fast-DiT and LightningDiT have written: recognised, converted, and refused in one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dit_core.data import DataConfig, load_dataset
from dit_core.data.convert_latents import convert_latents, image_size_of
from dit_core.data.latents_format import MANIFEST
from dit_core.errors import UserError

SCALE = 0.18215
COUNT = 12


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny random AutoencoderKL that decodes (4, 4, 4) to (3, 8, 8)."""
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("vae")
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, **kinds).save_pretrained(path)
    return str(path)


def fast_dit(folder: Path) -> np.ndarray:
    """Writes as fast-DiT does, and returns the scaled latents in the order of their numbers."""
    x = np.random.default_rng(0).normal(size=(COUNT, 1, 4, 4, 4)).astype(np.float32)
    for what in ("features", "labels"):
        (folder / f"imagenet256_{what}").mkdir(parents=True)
    for i in range(COUNT):
        np.save(folder / f"imagenet256_features/{i}.npy", x[i])
        np.save(folder / f"imagenet256_labels/{i}.npy", np.array([i % 3]))
    return x[:, 0]


def lightning(folder: Path, channels: int = 4) -> dict[str, torch.Tensor]:
    """Writes as LightningDiT does on two ranks, the second shard of each with fewer rows; returns all of it."""
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(0)
    parts = []
    for rank, shard, count in ((0, 0, 5), (0, 1, 2), (1, 0, 5)):
        tensors = {
            name: torch.randn(count, channels, 4, 4, generator=generator) for name in ("latents", "latents_flip")
        }
        parts.append({**tensors, "labels": torch.arange(count) % 3})
        save_file(
            parts[-1], folder / f"latents_rank{rank:02d}_shard{shard:03d}.safetensors", {"total_size": str(count)}
        )
    (folder / "latents_stats.pt").write_bytes(b"this would fail if it were unpickled")
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def config(folder: Path, vae: str, **settings: object) -> DataConfig:
    return DataConfig.model_validate(
        {"name": "latents", "path": str(folder), "image_size": 8, "vae": vae, "held_out_fraction": 0.25, **settings}
    )


def written(folder: Path) -> dict[str, torch.Tensor]:
    shards = [load_file(path) for path in sorted(folder.glob("latents-*.safetensors"))]
    return {name: torch.cat([shard[name] for shard in shards]) for name in shards[0] if name != "names"}


@pytest.mark.parametrize("below", ["", "imagenet256_features"])
def test_fast_dit_folders_become_samples_with_their_scale_undone(tmp_path: Path, vae: str, below: str) -> None:
    x = fast_dit(tmp_path / "in")
    manifest, found = convert_latents(str(tmp_path / "in" / below), tmp_path / "out", shard_size=5)
    assert found.program == "fast-DiT" and (manifest.kind, manifest.flipped, manifest.vae) == ("sample", False, None)
    assert (manifest.scale, manifest.num_classes, manifest.count, len(manifest.shards)) == (SCALE, 3, COUNT, 3)
    stored = written(tmp_path / "out")
    assert stored["labels"].tolist() == [i % 3 for i in range(COUNT)]  # 10 follows 9, not 1
    assert torch.allclose(stored["latents"] * SCALE, torch.from_numpy(x), atol=1e-6) and set(stored) == {
        "latents",
        "labels",
    }
    dataset = load_dataset(config(tmp_path / "out", vae))
    inputs, labels, std = dataset.batch(torch.arange(len(dataset)))
    numbers = [int(name) for name in dataset.names()]
    assert std is None and torch.allclose(inputs, torch.from_numpy(x[numbers]), atol=1e-6)
    assert labels.tolist() == [number % 3 for number in numbers] and len(dataset) == 9


def test_lightning_dit_folders_keep_their_flips(tmp_path: Path, vae: str) -> None:
    given = lightning(tmp_path / "in")
    manifest, found = convert_latents(str(tmp_path / "in"), tmp_path / "out", vae=vae, shard_size=4)
    assert found.program == "LightningDiT" and (manifest.kind, manifest.flipped) == ("sample", True)
    assert manifest.vae is not None and manifest.vae.name == vae and image_size_of(manifest, 256) == 8
    stored = written(tmp_path / "out")
    for name, was in (("latents", "latents"), ("latents_flipped", "latents_flip"), ("labels", "labels")):
        assert torch.equal(stored[name], given[was]), name
    dataset = load_dataset(config(tmp_path / "out", vae, random_flip=True))
    flipped = dataset.batch(torch.arange(3), torch.ones(3, dtype=torch.bool)).x
    rows = dataset._indices["train"][:3]
    assert torch.equal(flipped, given["latents_flip"][rows] * SCALE)
    plain, _ = convert_latents(str(tmp_path / "in"), tmp_path / "plain", flips=False, dtype="float16")
    assert not plain.flipped and plain.dtype == "float16" and plain.scale == SCALE


def test_latents_of_other_vaes_need_their_scale(tmp_path: Path, vae: str) -> None:
    lightning(tmp_path / "in", channels=8)
    with pytest.raises(UserError, match=r"what the 8-channel latents of .* give --vae, .* or --vae-scale"):
        convert_latents(str(tmp_path / "in"), tmp_path / "out")
    with pytest.raises(UserError, match="4 latent channels, these latents have 8"):
        convert_latents(str(tmp_path / "in"), tmp_path / "out", vae=vae)
    with pytest.raises(UserError, match="--vae-scale: -1 given; wanted: a number above 0"):
        convert_latents(str(tmp_path / "in"), tmp_path / "out", scale=-1)
    assert not (tmp_path / "out").exists()
    assert convert_latents(str(tmp_path / "in"), tmp_path / "out", scale=0.5)[0].scale == 0.5


@pytest.mark.parametrize("name", ["latents", "image-folder"])
@pytest.mark.parametrize("write", [fast_dit, lightning])
def test_such_a_folder_as_data_is_refused_with_the_command_that_converts_it(
    tmp_path: Path, name: str, write: Callable[[Path], object]
) -> None:
    folder = tmp_path / "my features"
    write(folder)
    with pytest.raises(UserError) as error:
        load_dataset(DataConfig(name=name, path=str(folder)))
    program = "fast-DiT" if write is fast_dit else "LightningDiT"
    assert str(error.value) == (
        f"data.path: {str(folder)!r} holds latents as {program}'s extract_features.py writes them; convert them with "
        f"dit-ablate cache-latents --from '{folder}' '{folder}-latents'"
    )


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("unpickled"),))


FAST_DIT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no labels": (lambda f: shutil.rmtree(f / "imagenet256_labels"), "no .npy files in imagenet256_labels"),
    "a label less": (
        lambda f: (f / "imagenet256_labels/7.npy").unlink(),
        "12 features and 11 labels: 7.npy is a feature without a label",
    ),
    "a feature less": (
        lambda f: (f / "imagenet256_features/3.npy").unlink(),
        "11 features and 12 labels: 3.npy is a label without a feature",
    ),
    "two latents in a file": (
        lambda f: np.save(f / "imagenet256_features/4.npy", np.zeros((2, 4, 4, 4), np.float32)),
        r"imagenet256_features/4.npy has shape \(2, 4, 4, 4\) .*wanted: one latent \(1, channels, side, side\)",
    ),
    "another side": (
        lambda f: np.save(f / "imagenet256_features/9.npy", np.zeros((1, 4, 8, 8), np.float32)),
        r"9.npy holds latents of shape \(4, 8, 8\), the files before it of \(4, 4, 4\)",
    ),
    "not square": (
        lambda f: np.save(f / "imagenet256_features/0.npy", np.zeros((1, 4, 8, 4), np.float32)),
        r"0.npy holds latents of shape \(4, 8, 4\); wanted: channels and two equal sides",
    ),
    "not finite": (
        lambda f: np.save(f / "imagenet256_features/10.npy", np.full((1, 4, 4, 4), np.nan, np.float32)),
        "the latent 10 of .* is not finite in float32",
    ),
    "labels as floats": (
        lambda f: np.save(f / "imagenet256_labels/2.npy", np.zeros(1)),
        "imagenet256_labels/2.npy holds labels of .*wanted: 1 integers",
    ),
    "a negative label": (
        lambda f: np.save(f / "imagenet256_labels/2.npy", np.array([-1])),
        "2.npy holds the label -1; labels begin at 0",
    ),
    "a pickle": (
        lambda f: np.save(f / "imagenet256_features/1.npy", np.array([Evil()]), allow_pickle=True),
        "1.npy cannot be read .*allow_pickle=False",
    ),
    "cut off": (
        lambda f: (f / "imagenet256_features/5.npy").write_bytes(b"\x93NUMPY\x01"),
        "imagenet256_features/5.npy cannot be read",
    ),
}


@pytest.mark.parametrize("case", FAST_DIT)
def test_damaged_fast_dit_folders_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    monkeypatch.chdir(tmp_path)
    fast_dit(tmp_path / "in")
    damage, says = FAST_DIT[case]
    damage(tmp_path / "in")
    refused(tmp_path, says)
    assert not (tmp_path / "unpickled").exists()


def shard(folder: Path, **changes: torch.Tensor | None) -> None:
    path = folder / "latents_rank00_shard001.safetensors"
    tensors = {**load_file(path), **changes}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, path)


LIGHTNING: dict[str, tuple[Callable[[Path], object], str]] = {
    "no labels": (lambda f: shard(f, labels=None), "latents_rank00_shard001.safetensors has no tensor labels"),
    "no flips": (lambda f: shard(f, latents_flip=None), "has no tensor latents_flip"),
    "fewer labels": (lambda f: shard(f, labels=torch.zeros(1).long()), r"labels of shape \(1,\), which do not fit"),
    "fewer flips": (lambda f: shard(f, latents_flip=torch.zeros(1, 4, 4, 4)), "which do not fit each other"),
    "another side": (
        lambda f: shard(f, latents=torch.zeros(2, 4, 8, 8)),
        r"shard001.safetensors holds latents of shape \(4, 8, 8\), the files before it of \(4, 4, 4\)",
    ),
    "labels as floats": (lambda f: shard(f, labels=torch.zeros(2)), "holds labels .*wanted: 2 integers"),
    "integers": (lambda f: shard(f, latents=torch.zeros(2, 4, 4, 4).long()), "latents of type torch.int64"),
    "nothing": (
        lambda f: shard(
            f, latents=torch.zeros(0, 4, 4, 4), latents_flip=torch.zeros(0, 4, 4, 4), labels=torch.zeros(0)
        ),
        "shard001.safetensors holds no latents",
    ),
    "a shard less": (lambda f: (f / "latents_rank00_shard000.safetensors").unlink(), "shard 0 of rank 0 is missing"),
    "cut off": (
        lambda f: (f / "latents_rank01_shard000.safetensors").write_bytes(b"abc"),
        "rank01_shard000.safetensors cannot be read",
    ),
}


@pytest.mark.parametrize("case", LIGHTNING)
def test_damaged_lightning_dit_folders_are_one_sentence(tmp_path: Path, case: str) -> None:
    lightning(tmp_path / "in")
    damage, says = LIGHTNING[case]
    damage(tmp_path / "in")
    refused(tmp_path, says)


def refused(folder: Path, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        convert_latents(str(folder / "in"), folder / "out")
    assert "\n" not in str(error.value) and not (folder / "out" / MANIFEST).exists()


def test_other_folders_and_full_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match="holds neither imagenet256_features and imagenet256_labels"):
        convert_latents(str(tmp_path / "other"), tmp_path / "out")
    with pytest.raises(UserError, match=r"--from: .*none.* cannot be read"):
        convert_latents(str(tmp_path / "none"), tmp_path / "out")
    lightning(tmp_path / "in")
    with pytest.raises(UserError, match="is the folder that is converted"):
        convert_latents(str(tmp_path / "in"), tmp_path / "in")
    convert_latents(str(tmp_path / "in"), tmp_path / "out")
    with pytest.raises(UserError, match="holds latents already"):
        convert_latents(str(tmp_path / "in"), tmp_path / "out")
