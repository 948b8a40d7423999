"""Folders of latents: writing, sampling posteriors, flips, verification."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from dit_core.config import TrialConfig
from dit_core.data import DataConfig, load_dataset
from dit_core.data.latents_format import MANIFEST, unpack_names, write_latents
from dit_core.data.vae import vae_identity
from dit_core.errors import UserError
from dit_core.files import file_sha256
from dit_core.runtime.noise import normals
from dit_core.runtime.randomness import image_order
from dit_core.training.batches import draw

SCALE = 0.18215
COUNT = 25
NAMES = [f"image {number}.png" for number in range(COUNT)]


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny random AutoencoderKL that decodes (4, 4, 4) to (3, 8, 8)."""
    from diffusers import AutoencoderKL

    torch.set_num_threads(1)
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("vae")
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, **kinds).save_pretrained(path)
    return str(path)


def tensors(*, posterior: bool = True, flipped: bool = False) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    names = ("mean", "std") if posterior else ("latents",)
    names += tuple(f"{name}_flipped" for name in names) if flipped else ()
    batch = {name: torch.rand(COUNT, 4, 4, 4, generator=generator) for name in names}
    return {**batch, "labels": torch.arange(COUNT) % 3}


def write(folder: Path, vae: str | None, **kinds: bool) -> dict[str, torch.Tensor]:
    batch = tensors(**kinds)
    parts = ({name: tensor[start : start + 7] for name, tensor in batch.items()} for start in range(0, COUNT, 7))
    made_by = None if vae is None else vae_identity(vae)
    write_latents(folder, parts, NAMES, scale=SCALE, num_classes=3, vae=made_by, shard_size=10)
    return batch


def config(folder: Path, **settings: object) -> DataConfig:
    return DataConfig.model_validate({"name": "latents", "path": str(folder), "image_size": 8, **settings})


def test_the_written_folder_is_what_the_format_says(tmp_path: Path, vae: str) -> None:
    batch = write(tmp_path, vae)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert [shard["count"] for shard in manifest["shards"]] == [10, 10, 5] and manifest["count"] == COUNT
    assert manifest["kind"] == "posterior" and manifest["shape"] == [4, 4, 4]
    assert manifest["vae"]["name"] == vae and manifest["dtype"] == "float32" and manifest["shift"] == 0
    shards = [load_file(tmp_path / shard["file"]) for shard in manifest["shards"]]
    for name, tensor in batch.items():
        assert torch.equal(torch.cat([shard[name] for shard in shards]), tensor)
    assert [name for shard in shards for name in unpack_names(shard["names"])] == NAMES
    assert all(file_sha256(tmp_path / shard["file"]) == shard["sha256"] for shard in manifest["shards"])


def test_a_posterior_is_given_as_means_and_deviations(tmp_path: Path, vae: str) -> None:
    batch = write(tmp_path, vae)
    dataset = load_dataset(config(tmp_path))
    assert (dataset.channels, dataset.size, dataset.num_classes) == (4, 4, 3)
    assert (len(dataset), dataset.count("held_out"), dataset.image_shape) == (20, 5, (3, 8, 8))
    rows = torch.tensor(dataset._indices["train"])
    mean, y, std = dataset.batch(torch.arange(20))
    assert mean.dtype == std.dtype == torch.float32 and torch.equal(y, batch["labels"][rows])
    assert torch.allclose(mean, SCALE * batch["mean"][rows]) and torch.allclose(std, SCALE * batch["std"][rows])
    mean, _, std = dataset.batch(torch.tensor([7, 3]))
    assert torch.allclose(mean, SCALE * batch["mean"][rows[[7, 3]]])
    assert torch.allclose(std, SCALE * batch["std"][rows[[7, 3]]])


def test_training_samples_a_posterior_by_the_images_position(tmp_path: Path, vae: str) -> None:
    write(tmp_path, vae)
    dataset = load_dataset(config(tmp_path))
    trial = TrialConfig.model_validate(
        {"model": {"input_size": 4, "num_classes": 3}, "training": {"batch_size": 8}, "data": config(tmp_path)}
    )
    found = draw(trial, dataset, 3, torch.device("cpu"))
    positions = torch.arange(24, 32)
    mean, _, std = dataset.batch(image_order(24, 8, 20, trial.seed))
    expected = mean + std * normals(positions, (4, 4, 4), trial.seed, "posterior")
    assert torch.allclose(found.x0, expected, atol=1e-6) and (found.x0 - mean).std() > 0.01
    assert torch.equal(found.noise, normals(positions, (4, 4, 4), trial.seed, "noise"))


def test_a_plain_sample_needs_no_noise(tmp_path: Path, vae: str) -> None:
    batch = write(tmp_path, vae, posterior=False)
    dataset = load_dataset(config(tmp_path))
    x, _, std = dataset.batch(torch.arange(20))
    assert std is None
    assert torch.allclose(x, SCALE * batch["latents"][dataset._indices["train"]])


def test_flips_use_the_latents_of_the_flipped_image(tmp_path: Path, vae: str) -> None:
    batch = write(tmp_path, vae, posterior=False, flipped=True)
    dataset = load_dataset(config(tmp_path, random_flip=True))
    rows = dataset._indices["train"]
    x = dataset.batch(torch.arange(2), flip=torch.tensor([True, False])).x
    assert torch.allclose(x[0], SCALE * batch["latents_flipped"][rows[0]])
    assert torch.allclose(x[1], SCALE * batch["latents"][rows[1]])


def test_half_precision_latents_become_float32(tmp_path: Path, vae: str) -> None:
    batch = tensors(posterior=False)
    batch["latents"] = batch["latents"].half()
    write_latents(tmp_path, [batch], NAMES, scale=SCALE, num_classes=3, vae=vae_identity(vae))
    x = load_dataset(config(tmp_path)).batch(torch.arange(3)).x
    assert x.dtype == torch.float32 and x.std() > 0


def test_reference_images_are_decoded_means(tmp_path: Path, vae: str) -> None:
    from diffusers import AutoencoderKL

    batch = write(tmp_path, vae)
    dataset = load_dataset(config(tmp_path))
    images = torch.cat(list(dataset.reference("held_out", 2)))
    with torch.no_grad():
        decoded = AutoencoderKL.from_pretrained(vae).decode(batch["mean"][dataset._indices["held_out"]]).sample
    expected = ((decoded + 1) * 127.5).round().clamp(0, 255)
    assert images.dtype == torch.uint8 and images.shape == (5, 3, 8, 8)
    assert (images.float() - expected).abs().max() <= 1 and images.float().std() > 0


def test_fingerprint_follows_the_latents_and_not_the_place(tmp_path: Path, vae: str) -> None:
    write(tmp_path / "a", vae)
    write(tmp_path / "b", vae)
    write(tmp_path / "c", vae, posterior=False)
    first, second, other = (load_dataset(config(tmp_path / name)).fingerprint for name in "abc")
    assert first == second != other
    assert load_dataset(config(tmp_path / "a", split_seed=5)).fingerprint != first


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"random_flip": True}, r"data\.random_flip: true given, but the folder holds no latents of flipped images"),
        ({"vae_scale": 1.5}, r"data\.vae_scale: 1\.5 given, but latents\.json states 0\.18215"),
        ({"image_size": 16}, r"data\.image_size: 16 given, but .* decodes latents of side 4 to 8"),
    ],
)
def test_settings_that_do_not_fit(tmp_path: Path, vae: str, settings: dict[str, object], message: str) -> None:
    write(tmp_path, vae)
    with pytest.raises(UserError, match=message):
        load_dataset(config(tmp_path, **settings))


def test_no_vae_anywhere(tmp_path: Path) -> None:
    write(tmp_path, None)
    with pytest.raises(UserError, match=r"data\.vae: required to decode the latents"):
        load_dataset(config(tmp_path))


def damage(folder: Path, how: str) -> None:
    path = folder / "latents-00001.safetensors"
    manifest = json.loads((folder / MANIFEST).read_text())
    content = load_file(path)
    if how == "missing":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-40])
    elif how == "one bit":
        raw = bytearray(path.read_bytes())
        raw[-1] ^= 1
        path.write_bytes(raw)
    else:
        if how == "no std":
            del content["std"]
        elif how == "other shape":
            content["mean"] = content["mean"][:, :2].contiguous()
        elif how == "label":
            content["labels"][0] = 3
        save_file(content, path)
        manifest["shards"][1]["sha256"] = file_sha256(path)
        (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("missing", "missing"),
        ("truncated", "its SHA-256 is not the one"),
        ("one bit", "its SHA-256 is not the one"),
        ("no std", "no tensor std"),
        ("other shape", "mean is not 10 latents of"),
        ("label", r"a label is outside 0 \.\. 2"),
    ],
)
def test_a_damaged_shard_is_refused_or_skipped_by_name(tmp_path: Path, vae: str, how: str, reason: str) -> None:
    batch = write(tmp_path, vae)
    damage(tmp_path, how)
    with pytest.raises(
        UserError, match=rf"1 of 3 shards of latents cannot be read: latents-00001\.safetensors \({reason}"
    ):
        load_dataset(config(tmp_path))
    rest = load_dataset(config(tmp_path, corrupt="skip"))
    assert len(rest) + rest.count("held_out") == 15 and "1 of 3 shards of latents skipped" in rest.notes[0]
    x, y, _ = rest.batch(torch.arange(len(rest)))
    rows = [row if row < 10 else row + 10 for row in rest._indices["train"]]
    assert torch.allclose(x, SCALE * batch["mean"][rows]) and torch.equal(y, batch["labels"][rows])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"latents\.json cannot be read"),
        ('{"kind": "posterior"}', r"latents\.json: shape: required and missing; scale: required and missing"),
        (None, r"latents\.json states 26 latents, its shards do not add up to that"),
    ],
)
def test_a_damaged_manifest(tmp_path: Path, vae: str, text: str | None, message: str) -> None:
    write(tmp_path, vae)
    if text is None:
        text = json.dumps({**json.loads((tmp_path / MANIFEST).read_text()), "count": 26})
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(UserError, match=message):
        load_dataset(config(tmp_path))


def test_the_writer_refuses_what_the_format_does_not_have(tmp_path: Path) -> None:
    labels = torch.zeros(2, dtype=torch.int64)
    x = torch.zeros(2, 4, 4, 4)
    for batches, message in (
        ([], "no latents"),
        ([{"mean": x, "labels": labels}], "None|kind"),
        ([{"latents": x, "std": x, "labels": labels}], "a sample folder has latents"),
        ([{"latents": x, "labels": labels[:1]}], "does not fit"),
        ([{"latents": x, "labels": labels}, {"latents": x[:, :2], "labels": labels}], "does not fit"),
    ):
        with pytest.raises(ValueError, match=message):
            write_latents(tmp_path, batches, ["a", "b"], scale=1.0, num_classes=1)
        assert not (tmp_path / MANIFEST).exists()


def test_training_images_are_called_by_their_names(tmp_path: Path, vae: str) -> None:
    write(tmp_path, vae)
    dataset = load_dataset(config(tmp_path))
    names = dataset.names()
    assert len(names) == len(set(names)) == len(dataset) < COUNT
    labels = dataset.batch(torch.arange(len(dataset))).y.tolist()
    assert labels == [NAMES.index(name) % 3 for name in names]
