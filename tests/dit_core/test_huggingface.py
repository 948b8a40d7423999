"""Hugging Face data sets: local files made on the spot, offline."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dit_core.data import DataConfig, load_dataset
from dit_core.data.cache_latents import cache_latents
from dit_core.data.crop import crop, open_rgb
from dit_core.data.huggingface import HuggingFace
from dit_core.errors import UserError, parse

COUNT = 12


@pytest.fixture(scope="module", autouse=True)
def _offline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hub")))
        import datasets

        patch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("datasets")))
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        yield


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


PICTURES = [png(i) for i in range(COUNT)]
LABELS = [i % 3 for i in range(COUNT)]


def table(count: int = COUNT, **columns: Any) -> Any:
    """A data set with a column of images, a class label and a text, or what is given instead."""
    import datasets

    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["ant", "bee", "cat"])}
    data: dict[str, Any] = {"image": [{"bytes": PICTURES[i], "path": None} for i in range(count)]}
    given: dict[str, Any] = {"label": LABELS[:count], "text": [f"number {i}" for i in range(count)], **columns}
    data.update({name: values for name, values in given.items() if values is not None})
    kinds = {name: kind for name, kind in features.items() if name in data}
    built = datasets.Dataset.from_dict(data)
    for name, kind in kinds.items():
        if name != "label" or columns.get("label") is None:
            built = built.cast_column(name, kind)
    return built


def parquet(folder: Path, **columns: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    table(**columns).to_parquet(str(folder / "train.parquet"))
    return folder


def saved(folder: Path, **columns: Any) -> Path:
    table(**columns).save_to_disk(str(folder))
    return folder


def splits(folder: Path, **columns: Any) -> Path:
    import datasets

    datasets.DatasetDict({"train": table(**columns), "test": table(count=6)}).save_to_disk(str(folder))
    return folder


def files(folder: Path) -> Path:
    for i, content in enumerate(PICTURES):
        path = folder / "train" / ("ant", "bee", "cat")[LABELS[i]] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def config(path: object, **settings: object) -> DataConfig:
    return DataConfig.model_validate({"name": "huggingface", "path": str(path), "image_size": 8, **settings})


@pytest.mark.parametrize("make", [parquet, saved, splits, files])
def test_every_local_kind_gives_the_images_and_labels(make: Callable[[Path], Path], tmp_path: Path) -> None:
    dataset = load_dataset(config(make(tmp_path / "data"), held_out_fraction=0.25))
    assert isinstance(dataset, HuggingFace)
    assert (dataset.num_classes, dataset.channels, dataset.size) == (3, 3, 8)
    assert (len(dataset), dataset.count("held_out")) == (9, 3)
    others = ("Images are taken from the split 'train' alone; there are also test",)
    assert dataset.notes == (others if make is splits else ())
    expected = {
        crop(open_rgb(content), 8).numpy().tobytes(): label for content, label in zip(PICTURES, LABELS, strict=True)
    }
    x, y, _ = dataset.batch(torch.arange(9))
    found = {pixels.numpy().tobytes(): int(label) for pixels, label in zip(dataset.to_images(x), y, strict=True)}
    for images, label in zip(dataset.reference("held_out"), [dataset.labels("held_out")], strict=True):
        found |= {pixels.numpy().tobytes(): int(one) for pixels, one in zip(images, label, strict=True)}
    assert found == expected


def test_rows_keep_their_order_and_their_side_of_the_split(tmp_path: Path) -> None:
    first = load_dataset(config(parquet(tmp_path / "a")))
    assert first.keys == tuple(map(str, range(COUNT)))
    assert torch.equal(first.pixels(range(COUNT)), torch.stack([crop(open_rgb(content), 8) for content in PICTURES]))
    again = load_dataset(config(saved(tmp_path / "b")))
    assert again.fingerprint == first.fingerprint, "the same images and labels, wherever they lie"
    assert load_dataset(config(tmp_path / "a", split_seed=3)).fingerprint != first.fingerprint
    other = load_dataset(config(parquet(tmp_path / "c", label=[2, *LABELS[1:]])))
    assert other.content != first.content


def test_the_file_changes_and_so_does_the_data_set(tmp_path: Path) -> None:
    before = load_dataset(config(parquet(tmp_path / "a")))
    parquet(tmp_path / "a", label=LABELS[::-1])
    assert load_dataset(config(tmp_path / "a")).content != before.content


@pytest.mark.parametrize(
    ("labels", "classes", "first"),
    [
        (None, 0, 0),
        (["dog", "ant", "cat"] * 4, 3, 2),
        ([1, 0, 2] * 4, 3, 1),
    ],
)
def test_labels_of_any_kind_or_none(tmp_path: Path, labels: list[Any] | None, classes: int, first: int) -> None:
    dataset = load_dataset(config(parquet(tmp_path, label=labels)))
    assert dataset.num_classes == classes and int(dataset.row_labels[0]) == first


def test_labels_can_be_left_out_and_columns_be_named(tmp_path: Path) -> None:
    assert load_dataset(config(saved(tmp_path / "a"), label_column="none")).num_classes == 0
    named = load_dataset(config(tmp_path / "a", image_column="image", label_column="text"))
    assert named.num_classes == COUNT


def test_a_column_of_plain_bytes_can_be_named(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_dict({"jpg": PICTURES, "label": LABELS}).save_to_disk(str(tmp_path / "a"))
    dataset = load_dataset(config(tmp_path / "a", image_column="jpg"))
    assert torch.equal(dataset.pixels([3])[0], crop(open_rgb(PICTURES[3]), 8))


def test_a_split_can_be_named(tmp_path: Path) -> None:
    dataset = load_dataset(config(splits(tmp_path / "a"), source_split="test"))
    assert len(dataset.keys) == 6


def refused(path: object, message: str, **settings: object) -> None:
    with pytest.raises(UserError, match=message) as raised:
        load_dataset(config(path, **settings))
    assert "\n" not in str(raised.value)


def test_wrong_columns_and_splits_are_named_with_what_there_is(tmp_path: Path) -> None:
    import datasets

    path = splits(tmp_path / "a")
    refused(
        path, r"data\.image_column: unknown value 'imag'; allowed: image, label, text; .* 'image'", image_column="imag"
    )
    refused(path, r"data\.image_column: 'text' holds no images; columns with images: image", image_column="text")
    refused(path, r"data\.label_column: unknown value 'klass'; allowed: image, label, text, none", label_column="klass")
    refused(path, r"data\.source_split: unknown value 'val'; allowed: train, test", source_split="val")
    datasets.DatasetDict({"a": table(), "b": table()}).save_to_disk(str(tmp_path / "b"))
    refused(tmp_path / "b", r"data\.source_split: required, since there are several: a, b")
    two = table().add_column("label2", LABELS).cast_column("label2", datasets.ClassLabel(names=["x", "y", "z"]))
    two.save_to_disk(str(tmp_path / "c"))
    refused(
        tmp_path / "c", r"data\.label_column: required, since several columns hold labels: label, label2 \(or none\)"
    )
    datasets.Dataset.from_dict({"number": [1, 2]}).save_to_disk(str(tmp_path / "d"))
    refused(tmp_path / "d", r"data\.image_column: required, since 0 columns hold images; columns: number")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 7] * 4, r"data\.label_column: 4 classes of 'label' have no image|data\.label_column: 5 classes"),
        ([-1] * COUNT, r"data\.label_column: 'label' holds negative labels"),
        ([0.5] * COUNT, r"data\.label_column: 'label' holds neither whole numbers nor texts only"),
        ([10**12] * COUNT, r"data\.label_column: 'label' holds the label 1000000000000; labels must be 0, 1, 2"),
        ([None, *LABELS[1:]], r"data\.label_column: 'label' holds neither .* or lacks values"),
    ],
)
def test_labels_that_make_no_sense(tmp_path: Path, labels: list[Any], message: str) -> None:
    refused(parquet(tmp_path, label=labels), message)


def test_corrupt_rows_are_named_and_refused_or_skipped(tmp_path: Path) -> None:
    import datasets

    broken = [PICTURES[0], b"no image", *PICTURES[2:5], None, *PICTURES[6:]]
    data = datasets.Dataset.from_dict(
        {"image": [one and {"bytes": one, "path": None} for one in broken], "label": LABELS}
    )
    data.cast_column("image", datasets.Image()).save_to_disk(str(tmp_path / "a"))
    refused(tmp_path / "a", r"data\.corrupt: 2 of 12 images cannot be read: row 1 \(not an image\), row 5 \(no image\)")
    dataset = load_dataset(config(tmp_path / "a", corrupt="skip"))
    assert len(dataset.keys) == 10 and "1" not in dataset.keys and "2 of 12 images skipped" in dataset.notes[0]
    assert torch.equal(dataset.pixels([1])[0], crop(open_rgb(PICTURES[2]), 8)) and int(dataset.row_labels[1]) == 2


def test_what_is_no_data_set(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", r"data\.path: '.*nowhere' does not exist")
    refused(tmp_path, r"data\.path: no data set can be loaded from")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "rows.csv").write_text("x,y\n1,2\n")
    refused(tmp_path / "a", r"data\.path: '.*' holds csv data; allowed: parquet, arrow, imagefolder, webdataset")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "train.parquet").write_bytes(b"PAR1 and then nothing")
    refused(tmp_path / "b", r"data\.path: no data set can be loaded from '.*' \(\w+: .*\); give a folder of Parquet")
    with pytest.raises(UserError, match=r"data\.path: required for the data set 'huggingface' and missing"):
        load_dataset(DataConfig(name="huggingface"))


def test_no_code_of_a_data_set_is_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    folder = tmp_path / "evil"
    folder.mkdir()
    (folder / "evil.py").write_text(f"open({str(marker)!r}, 'w')\n")
    refused(folder, r"data\.path: no data set can be loaded from")
    assert not marker.exists()


@pytest.mark.slow
def test_a_hub_name_without_a_network(tmp_path: Path) -> None:
    code = (
        "from dit_core.data import DataConfig, load_dataset\nfrom dit_core.errors import UserError\n"
        "try: load_dataset(DataConfig(name='huggingface', path='some-one/some-images', image_size=8))\n"
        "except UserError as error: print(error)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip().splitlines()) == 1
    assert done.stdout.startswith("data.path: no data set can be loaded from 'some-one/some-images' (")


def test_columns_mean_nothing_to_other_data_sets() -> None:
    for field in ("image_column", "label_column", "source_split"):
        with pytest.raises(UserError, match=rf"data\.{field}: 'x' given, but only the data set 'huggingface' has one"):
            parse(DataConfig, {field: "x"})


def test_its_latents_can_be_cached(tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, **kinds).save_pretrained(tmp_path / "vae")
    source = config(parquet(tmp_path / "data"))
    manifest = cache_latents(source, tmp_path / "out", str(tmp_path / "vae"))
    assert manifest.source is not None and manifest.source.data_set == "huggingface" and manifest.count == COUNT
    latents = load_dataset(DataConfig(name="latents", path=str(tmp_path / "out"), image_size=8))
    assert torch.equal(torch.tensor(latents._indices["train"]), torch.tensor(load_dataset(source).rows("train")))
