"""Images and weights as people have them: odd modes, links, layouts, wrappers and files that are something else."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from random_weights import random_dit
from small_trials import tiny

from dit_core.data import DataConfig, load_dataset
from dit_core.data.crop import center_crop, open_rgb
from dit_core.data.huggingface import HuggingFace
from dit_core.data.paths import walk
from dit_core.errors import UserError
from dit_core.interop.initial import check, load
from dit_core.model.dit import DiT
from dit_core.parts import LAYOUTS
from dit_core.paths import expanded

RAMP = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)


def encoded(image: Image.Image, kind: str = "TIFF") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("pixels", "kind", "says"),
    [
        (RAMP, "TIFF", "floating-point numbers"),
        (RAMP * 255, "TIFF", "floating-point numbers"),
        (RAMP * 2 - 1, "TIFF", "floating-point numbers"),
        ((RAMP * 255).astype(np.int32), "TIFF", "whole numbers of more than 16 bits"),
        ((RAMP * 2e9).astype(np.int32), "TIFF", "whole numbers of more than 16 bits"),
        ((RAMP * 255).astype(np.uint16), "TIFF", "it would be black"),
        ((RAMP * 255).astype(np.uint16), "PNG", "it would be black"),
    ],
)
def test_an_image_that_does_not_say_what_is_white_is_refused(pixels: Any, kind: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        open_rgb(encoded(Image.fromarray(pixels), kind))


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bits_keep_their_upper_half(kind: str, order: str) -> None:
    if (kind, order) == ("PNG", ">u2"):
        pytest.skip("Pillow writes no PNG of that mode")
    image = open_rgb(encoded(Image.fromarray((RAMP * 65535).astype(order)), kind))
    assert np.array_equal(np.asarray(image)[..., 0], (RAMP * 65535).astype(np.int64) // 256)


def test_a_black_image_of_sixteen_bits_is_one() -> None:
    assert not np.asarray(open_rgb(encoded(Image.fromarray(np.zeros((4, 4), np.uint16)), "PNG"))).any()


@pytest.mark.parametrize("size", [(1, 20000), (20000, 1), (3, 30000)])
def test_a_very_long_image_is_cut_before_it_is_enlarged(size: tuple[int, int]) -> None:
    row = np.arange(max(size), dtype=np.int64) * 255 // max(size)
    pixels = np.broadcast_to(row[:, None], (max(size), min(size)))
    image = Image.fromarray(np.repeat((pixels if size[1] > size[0] else pixels.T)[..., None], 3, 2).astype(np.uint8))
    found = center_crop(image, 256)
    assert found.shape == (256, 256, 3) and abs(float(found.mean()) - 127) < 2


def photographs(folder: Path, count: int = 4) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng([number, *folder.name.encode()]).integers(0, 256, (9, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("cat/up", ".."),
        ("cat/self", "."),
        ("zebra", "cat"),
        ("ant", "cat"),
        ("cat/again", "../dog"),
        ("cat/same.png", "../dog/0.png"),
        ("cat/above", "../.."),
    ],
)
def test_what_lies_in_a_folder_is_there_once_whatever_links_lead_to_it(
    link: str, leads_to: str, tmp_path: Path
) -> None:
    top = tmp_path / "images"
    for name in ("cat", "dog"):
        photographs(top / name)
    (top / link).symlink_to(leads_to)
    dataset = load_dataset(DataConfig(name="image-folder", path=str(top), image_size=8))
    assert (len(dataset.names()) + dataset.count("held_out"), dataset.num_classes) == (8, 2)
    assert any(f"1 links lead to what is listed already and were not followed, such as {link}" in note
               for note in dataset.notes)  # fmt: skip


def test_links_to_elsewhere_are_followed_once(tmp_path: Path) -> None:
    photographs(tmp_path / "elsewhere" / "cat")
    (tmp_path / "elsewhere" / "cat" / "back").symlink_to(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a").symlink_to(tmp_path / "elsewhere" / "cat")
    (tmp_path / "images" / "b").symlink_to(tmp_path / "elsewhere" / "cat")
    (tmp_path / "images" / "loop").symlink_to("loop")
    repeated: list[str] = []
    found = list(walk(tmp_path / "images", repeated))
    assert [name for name in found if name.startswith("a/")] == [f"a/{i}.png" for i in range(4)]
    assert found[-1] == "loop" and "b" in repeated and len(found) == 5


@pytest.mark.parametrize(
    ("folders", "says"),
    [
        (("train/cat", "train/dog", "val/cat", "val/dog"), "train, val"),
        (("Train/cat", "TEST/cat"), "TEST, Train"),
        (("test/cat", "validation/cat", "training/cat"), "test, training, validation"),
        (("train/cat", "train/dog"), "train"),
        (("images/cat", "images/dog"), "images"),
        (("train", "test"), "test, train"),
    ],
)
def test_classes_that_look_like_something_else_are_named(folders: tuple[str, ...], says: str, tmp_path: Path) -> None:
    for name in folders:
        photographs(tmp_path / name)
    (note,) = load_dataset(DataConfig(name="image-folder", path=str(tmp_path), image_size=8)).notes
    assert note.startswith(f"The classes are {says}, the folders below data.path") and "set data.path=" in note


@pytest.mark.parametrize("folders", [("cat", "dog"), ("cat",), ("cat/a", "dog/a")])
def test_usual_classes_need_no_word(folders: tuple[str, ...], tmp_path: Path) -> None:
    for name in folders:
        photographs(tmp_path / name)
    assert load_dataset(DataConfig(name="image-folder", path=str(tmp_path), image_size=8)).notes == ()


@pytest.fixture(scope="module")
def _apart(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        import datasets

        patch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("datasets")))
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        yield


def png(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), "PNG")


@pytest.mark.usefixtures("_apart")
@pytest.mark.parametrize(
    ("ending", "text", "classes", "note"),
    [
        ("cls", lambda i: i % 3, 3, ""),
        ("cls", lambda i: i % 3 + 1, 3, "The labels 1 to 3 in 'cls' are taken as 0 to 2"),
        ("class", lambda i: i % 2, 2, ""),
        ("class", lambda i: ("cat", "dog")[i % 2], 2, ""),
        ("txt", lambda i: f"a caption {i}", 0, "data.label_column can name one of txt"),
        ("json", lambda i: json.dumps({"class": i % 2}), 0, "data.label_column can name one of json"),
    ],
)
def test_files_beside_the_images_of_a_tar(ending: str, text: Any, classes: int, note: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for number in range(6):
            for kind, content in (("png", png(number)), (ending, str(text(number)).encode())):
                member = tarfile.TarInfo(f"{number:04d}.{kind}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    dataset = load_dataset(DataConfig(name="huggingface", path=str(tmp_path), image_size=8))
    assert dataset.num_classes == classes and (not note or note in dataset.notes[0])
    assert bool(note) == bool(dataset.notes)


@pytest.mark.usefixtures("_apart")
@pytest.mark.parametrize(
    ("values", "first"),
    [
        ([{"bytes": png(i), "path": f"{i}.png"} for i in range(6)], 1),
        ([{"path": None, "bytes": png(i)} for i in range(6)], 0),
        ([{"bytes": png(i)} for i in range(6)], 0),
        ([png(i) for i in range(6)], 0),
        ([None, *(png(i) for i in range(1, 6))], 0),
    ],
)
def test_images_in_parquet_that_do_not_say_so(values: list[Any], first: int, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    labels = [number % 3 + first for number in range(6)]
    noise = [b"no image"] * 6
    pq.write_table(pa.table({"noise": noise, "img": values, "label": labels}), tmp_path / "x.parquet")
    dataset = load_dataset(DataConfig(name="huggingface", path=str(tmp_path), image_size=8, corrupt="skip"))
    assert isinstance(dataset, HuggingFace) and dataset._column == "img" and dataset.num_classes == 3
    kept = [row for row, value in enumerate(values) if value is not None]
    assert dataset.row_labels.tolist() == [row % 3 for row in kept]


@pytest.mark.parametrize("given", ["", " ", "\t\n"])
def test_an_empty_name_is_no_path(given: str) -> None:
    with pytest.raises(UserError, match=r"^data\.path: an empty name is no path; the current folder is \.$"):
        load_dataset(DataConfig(name="image-folder", path=given, image_size=8))
    assert expanded(".") == Path()


CONFIG = tiny().model


def plain() -> dict[str, torch.Tensor]:
    tensors = LAYOUTS.get("official").from_ours(random_dit(CONFIG).state_dict())
    return {name: tensor.clone() for name, tensor in tensors.items()}


def loaded(content: Any, folder: Path) -> DiT:
    path = str(folder / "weights.pt")
    torch.save(content, path)
    check(path, CONFIG)
    model = DiT(CONFIG)
    load(model, path)
    return model


@pytest.mark.parametrize(
    "wrap",
    [
        lambda named: {f"module.{name}": value for name, value in named.items()},
        lambda named: {f"_orig_mod.{name}": value for name, value in named.items()},
        lambda named: {f"module._orig_mod.{name}": value for name, value in named.items()},
        lambda named: {"ema": {f"module.{name}": value for name, value in named.items()}, "model": {}},
        lambda named: {"model": named, "opt": {}},
        lambda named: {"state_dict": named, "epoch": 3},
    ],
)
def test_weights_in_a_wrapper_are_those_weights(wrap: Any, tmp_path: Path) -> None:
    named = plain()
    state = loaded(wrap(named), tmp_path).state_dict()
    expected = LAYOUTS.get("official").to_ours(named)
    assert all(torch.equal(state[name], value) for name, value in expected.items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_weights_of_any_precision(dtype: torch.dtype, tmp_path: Path) -> None:
    named = {name: value.to(dtype) for name, value in plain().items()}
    bias = loaded(named, tmp_path).state_dict()["blocks.0.attn.qkv.bias"]
    assert torch.equal(bias, named["blocks.0.attn.qkv.bias"].float())


PATCH, BIAS = "x_embedder.proj.weight", "blocks.0.attn.qkv.bias"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda named: {**named, PATCH: named[PATCH].flatten(1)}, rf"{PATCH} \(expected 4 dimensions such as"),
        (lambda named: {**named, PATCH: torch.tensor(1.0)}, rf"{PATCH} \(expected 4 dimensions"),
        (lambda named: {**named, "pos_embed": torch.tensor(1.0)}, r"pos_embed \(expected 3 dimensions"),
        (lambda named: {**named, "pos_embed": torch.zeros(0)}, r"pos_embed \(expected 3 dimensions"),
        (lambda named: {**named, "final_layer.linear.weight": torch.tensor(1.0)}, r"final_layer\.linear\.weight \(exp"),
        (lambda named: {**named, BIAS: named[BIAS] * float("nan")}, rf"numbers in {BIAS} that are not finite"),
        (lambda named: {**named, BIAS: named[BIAS] / 0}, rf"numbers in {BIAS} that are not finite"),
        (lambda named: {**named, BIAS: named[BIAS].int()}, rf"{BIAS} as int32; wanted: real numbers"),
        (lambda named: {**named, BIAS: named[BIAS].to(torch.complex64)}, rf"{BIAS} as complex64; wanted: real numbers"),
        (lambda named: {**named, BIAS: named[BIAS].to_sparse()}, f"{BIAS} quantised, sparse or without its numbers"),
        (lambda named: {**named, BIAS: named[BIAS].to("meta")}, f"{BIAS} quantised, sparse or without its numbers"),
        (lambda named: {0: torch.zeros(2)}, "holds no named tensors"),
        (lambda named: {**named, None: torch.zeros(2)}, "holds no named tensors"),
        (lambda named: [1, 2], "holds no named tensors"),
        (lambda named: {}, "in no known layout"),
    ],
)
def test_weights_that_cannot_be_loaded_say_which_tensor_and_why(change: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says) as caught:
        loaded(change(plain()), tmp_path)
    assert str(caught.value).startswith("training.initial_weights: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n", "it is a Git LFS pointer"),
        (b"<!DOCTYPE html><html>sign in</html>", "it is a web page"),
        (b"", "it is empty"),
    ],
)
def test_a_file_that_is_something_else_says_so(suffix: str, content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=says) as caught:
        check(str(path), CONFIG)
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize(
    "weight_map",
    [["a"], "x", None, 3, {"a": 1}, {"a": ["x"]}, {"a": None}, {"a": "../x.safetensors"}, {"a": "/etc/passwd"}],
)
def test_an_index_must_name_files_beside_it(weight_map: Any, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    index = tmp_path / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(UserError, match=r"weight_map must map the tensors' names to files of weights beside it"):
        check(str(tmp_path), CONFIG)
