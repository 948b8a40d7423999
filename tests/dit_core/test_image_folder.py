"""Folders of images: crop, classes, corrupt files, memory or disk, fingerprint."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dit_core.data import DataConfig, encoded, load_dataset
from dit_core.data.crop import center_crop, crop, open_rgb
from dit_core.data.image_folder import ImageFolder
from dit_core.errors import UserError


def picture(seed: int, width: int = 20, height: int = 16) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def decode(content: bytes, size: int) -> torch.Tensor:
    return crop(open_rgb(content), size)


def names(dataset: ImageFolder, split: str) -> list[str]:
    return [dataset.keys[row] for row in dataset.rows(split)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    for number, name in enumerate(("cat", "ant", "bee")):
        (root / name).mkdir(parents=True)
        for i in range(6):
            suffix = ("png", "jpg", "webp", "bmp")[i % 4]
            picture(10 * number + i).save(root / name / f"{i}.{suffix}")
    return root


def config(path: Path, **settings: object) -> DataConfig:
    return DataConfig.model_validate({"name": "image-folder", "path": str(path), "image_size": 8, **settings})


def test_classes_are_sub_folders_in_alphabetical_order(folder: Path) -> None:
    dataset = load_dataset(config(folder, held_out_fraction=1 / 3))
    assert (dataset.num_classes, dataset.channels, dataset.size) == (3, 3, 8)
    assert (len(dataset), dataset.count("held_out"), dataset.notes) == (12, 6, ())
    x, y, _ = dataset.batch(torch.arange(12))
    assert x.shape == (12, 3, 8, 8) and y.min() >= 0 and y.max() == 2
    for i, name in enumerate(names(dataset, "train")):
        assert y[i] == ("ant", "bee", "cat").index(name.split("/")[0])
        expected = decode((folder / name).read_bytes(), 8)
        assert torch.equal(dataset.to_images(x[i : i + 1])[0], expected)
    assert torch.equal(torch.cat(list(dataset.reference("train", 5))), dataset.to_images(x))


def test_the_split_keeps_an_image_on_its_side_of_the_same_names(folder: Path) -> None:
    dataset = load_dataset(config(folder))
    train, held_out = (set(names(dataset, split)) for split in ("train", "held_out"))
    assert not train & held_out and len(train | held_out) == 18


def test_a_flat_folder_is_unlabelled(tmp_path: Path) -> None:
    for i in range(4):
        picture(i).save(tmp_path / f"{i}.png")
    dataset = load_dataset(config(tmp_path, held_out_fraction=0.25))
    assert dataset.num_classes == 0 and len(dataset) == 3
    assert dataset.batch(torch.arange(3))[1].tolist() == [0, 0, 0], "row 0 of the label table is the null class here"


def test_the_crop_is_the_papers() -> None:
    """Box halving twice (60 -> 30 -> 15, which is below 2 * 8), then bicubic, then the centre."""
    image = picture(3, width=100, height=60)
    by_hand = image.resize((50, 30), Image.Resampling.BOX).resize((25, 15), Image.Resampling.BOX)
    by_hand = by_hand.resize((round(25 * 8 / 15), 8), Image.Resampling.BICUBIC)
    left = (by_hand.width - 8) // 2
    assert np.array_equal(center_crop(image, 8), np.asarray(by_hand)[:, left : left + 8])


def test_box_halving_is_the_mean_of_four_pixels() -> None:
    """A side that is a power of two times the result's needs halving only: bicubic then changes nothing."""
    image = picture(4, width=64, height=32)
    expected = np.asarray(image).astype(np.int64)
    for _ in range(2):
        expected = (expected[:, ::2] + expected[:, 1::2] + 1) // 2  # Pillow rounds to bytes after each direction
        expected = (expected[::2] + expected[1::2] + 1) // 2
    assert np.array_equal(center_crop(image, 8), expected[:, 4:12])


@pytest.mark.parametrize(
    ("size", "halved", "resized"),
    [
        # (width, height) of the image; after box halving; after bicubic resizing; the crop is 64 x 64
        ((500, 375), (125, 93), (86, 64)),  # 375 -> 187 -> 93, which is below 128
        ((375, 500), (93, 125), (64, 86)),
        ((128, 128), (64, 64), (64, 64)),  # exactly twice: halved
        ((127, 300), (127, 300), (64, 151)),  # just below twice: not halved, although the other side is
        ((65, 64), (65, 64), (65, 64)),
        ((20, 30), (20, 30), (64, 96)),  # enlarged
        ((1001, 517), (125, 64), (125, 64)),  # 517 -> 258 -> 129 -> 64
    ],
)
def test_the_crop_step_by_step(size: tuple[int, int], halved: tuple[int, int], resized: tuple[int, int]) -> None:
    """Restates guided-diffusion's ``center_crop_arr`` with every intermediate size written out."""
    image = picture(sum(size), *size)
    step = image
    if halved != size:
        while step.size != halved:
            step = step.resize((step.size[0] // 2, step.size[1] // 2), resample=Image.BOX)
            assert min(step.size) >= min(halved), "the sizes above are wrong"
    array = np.array(step.resize(resized, resample=Image.BICUBIC))
    y, x = (array.shape[0] - 64) // 2, (array.shape[1] - 64) // 2
    expected = array[y : y + 64, x : x + 64]
    assert expected.shape == (64, 64, 3) and np.array_equal(center_crop(image, 64), expected)


def test_orientation_and_channel_order_survive(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[:4, :, 0], pixels[:, :4, 2] = 200, 90  # red above, blue on the left
    Image.fromarray(pixels).save(tmp_path / "a.png")
    decoded = decode((tmp_path / "a.png").read_bytes(), 8)
    assert torch.equal(decoded, torch.from_numpy(pixels).permute(2, 0, 1))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK", "I;16"])
def test_every_mode_becomes_three_channels(tmp_path: Path, mode: str) -> None:
    grey = picture(1, 8, 8).convert("L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 256)
    else:
        image = grey.convert(mode) if mode == "P" else grey.convert("RGB").convert(mode)
    path = tmp_path / f"a.{'tiff' if mode == 'CMYK' else 'png'}"
    image.save(path)
    decoded = decode(path.read_bytes(), 8)
    assert decoded.shape == (3, 8, 8)
    if mode != "1":
        assert (decoded.float() - torch.from_numpy(np.asarray(grey).astype(np.float32))).abs().mean() < 4


def test_flip(folder: Path) -> None:
    dataset = load_dataset(config(folder))
    plain = dataset.batch(torch.arange(2)).x
    flipped = dataset.batch(torch.arange(2), flip=torch.tensor([True, False])).x
    assert torch.equal(flipped[0], plain[0].flip(-1)) and torch.equal(flipped[1], plain[1])


def test_images_too_many_for_memory_are_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = load_dataset(config(folder))
    monkeypatch.setattr(encoded, "KEEP_BYTES", 100)
    again = ImageFolder.load(config(folder))
    indices = torch.arange(len(kept))
    assert torch.equal(again.batch(indices)[0], kept.batch(indices)[0])
    assert again.fingerprint == kept.fingerprint
    first = folder / names(again, "train")[0]
    picture(99).save(first)
    kept.batch(torch.arange(1))  # from memory
    with pytest.raises(UserError, match=f"{first.name} has changed since"):
        again.batch(torch.arange(1))
    first.unlink()
    with pytest.raises(UserError, match=f"{first.name} cannot be read any more"):
        again.batch(torch.arange(1))


def test_fingerprint_follows_the_images_and_not_the_place(folder: Path, tmp_path: Path) -> None:
    first = load_dataset(config(folder))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder, elsewhere)
    assert load_dataset(config(elsewhere)).fingerprint == first.fingerprint
    assert load_dataset(config(folder, split_seed=3)).fingerprint != first.fingerprint
    picture(77).save(elsewhere / names(first, "train")[0])
    assert load_dataset(config(elsewhere)).fingerprint != first.fingerprint, "a changed folder must not come from cache"


def test_corrupt_images_are_refused_by_name_and_number(folder: Path) -> None:
    for i in range(6):
        (folder / "bee" / f"broken{i}.png").write_bytes(b"no image at all")
    whole = (folder / "ant" / "0.png").read_bytes()
    (folder / "ant" / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"data\.corrupt: 7 of 25 images cannot be read: ant/cut\.png \(.*and 2 more"):
        load_dataset(config(folder))


def test_corrupt_images_are_skipped_by_setting_and_noted(folder: Path) -> None:
    before = load_dataset(config(folder))
    (folder / "bee" / "broken.jpg").write_bytes(b"")
    after = load_dataset(config(folder, corrupt="skip"))
    assert len(after.notes) == 1 and "1 of 19 images skipped" in after.notes[0] and "bee/broken.jpg" in after.notes[0]
    assert after.fingerprint == before.fingerprint


def test_other_files_are_ignored_with_a_note(folder: Path) -> None:
    (folder / "bee" / "README.txt").write_text("hello")
    (folder / "bee" / ".hidden.png").write_text("hello")
    assert load_dataset(config(folder)).notes == ("1 files are no images and were ignored, such as bee/README.txt",)


def test_a_broken_link_is_named_as_corrupt(folder: Path) -> None:
    (folder / "bee" / "link.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(UserError, match=r"1 of 19 images cannot be read: bee/link\.png \(No such file or directory\)"):
        load_dataset(config(folder))


def test_file_names_may_be_any_bytes(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    picture(50).save(folder / "bee" / "plain.png")
    (folder / "bee" / "plain.png").rename(folder / "bee" / name)
    assert len(load_dataset(config(folder)).fingerprint) == 64
    (folder / "bee" / name).write_text("nothing")
    with pytest.raises(UserError, match=r"bee/caf\?\.png") as raised:
        load_dataset(config(folder))
    str(raised.value).encode("utf-8")
