"""Wrong data folders: one clear sentence each."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from dit_core.data import DataConfig, load_dataset
from dit_core.errors import UserError, parse


def load(name: str, path: Path | None, **settings: object) -> None:
    given = {"name": name, "path": None if path is None else str(path), "image_size": 8, **settings}
    load_dataset(DataConfig.model_validate(given))


@pytest.mark.parametrize("name", ["image-folder", "latents"])
class TestFolder:
    def test_not_given(self, name: str) -> None:
        with pytest.raises(UserError, match=f"data.path: required for the data set '{name}' and missing"):
            load(name, None)

    def test_missing(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"data\.path: '.*nowhere' does not exist"):
            load(name, tmp_path / "nowhere")

    def test_a_file(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(UserError, match=r"data\.path: '.*file' is a file, not a folder"):
            load(name, tmp_path / "file")

    def test_below_a_file(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(UserError, match=r"data\.path: '.*inside'"):
            load(name, tmp_path / "file" / "inside")

    def test_a_name_too_long(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"data\.path: .* cannot be read \(File name too long\)"):
            load(name, tmp_path / ("x" * 300))

    def test_empty(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"data\.path: no (images|latents\.json) in"):
            load(name, tmp_path)


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path)


def test_an_empty_class(tmp_path: Path) -> None:
    image(tmp_path / "a" / "1.png")
    (tmp_path / "b").mkdir()
    with pytest.raises(UserError, match=r"no images in the class folders b \(1 empty\)"):
        load("image-folder", tmp_path)


def test_a_class_with_only_corrupt_images(tmp_path: Path) -> None:
    for i in range(4):
        image(tmp_path / "a" / f"{i}.png")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.png").write_text("nothing")
    with pytest.raises(UserError, match=r"data\.path: no readable image in b"):
        load("image-folder", tmp_path, corrupt="skip")


def test_nothing_but_corrupt_images(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_text("nothing")
    with pytest.raises(UserError, match=r"1 of 1 images cannot be read: 1\.png \(not an image\); nothing is left"):
        load("image-folder", tmp_path, corrupt="skip")


def test_images_beside_class_folders(tmp_path: Path) -> None:
    image(tmp_path / "a" / "1.png")
    image(tmp_path / "2.png")
    with pytest.raises(UserError, match=r"1 images such as 2\.png lie beside class folders such as a"):
        load("image-folder", tmp_path)


def test_too_few_images_to_hold_any_out(tmp_path: Path) -> None:
    image(tmp_path / "1.png")
    with pytest.raises(UserError, match=r"data\.held_out_fraction: 0\.2 of 1 images leaves 1 for training and 0"):
        load("image-folder", tmp_path)


def test_a_vae_for_pixels(tmp_path: Path) -> None:
    image(tmp_path / "1.png")
    with pytest.raises(UserError, match=r"data\.vae: 'x' given, but only the data set 'latents'"):
        load("image-folder", tmp_path, vae="x")


def test_an_unknown_policy_for_corrupt_images() -> None:
    with pytest.raises(UserError, match=r"data\.corrupt: unknown value 'ignore'; allowed: refuse, skip"):
        parse(DataConfig, {"corrupt": "ignore"})
