"""Encoding images into latents: what is written, going on after a kill, what is refused."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import random_dinov2
from PIL import Image
from safetensors.torch import load_file
from small_trials import only, tiny

from dit_core.data import DataConfig, load_dataset
from dit_core.data import cache_latents as module
from dit_core.data.cache_latents import Caching, cache_latents, parse_device
from dit_core.data.latents_format import MANIFEST, PARTIAL, Manifest, unpack_names
from dit_core.errors import UserError
from dit_core.events import Evaluated
from dit_core.training.loop import run

CLASSES = {"ant": 5, "bee": 7, "cat": 6}
COUNT = sum(CLASSES.values())


def make_vae(path: Path, seed: int = 0, *, decoder_seed: int | None = None, **settings: object) -> str:
    """A tiny random AutoencoderKL that halves the side of an image."""
    from diffusers import AutoencoderKL

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    model = AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, **kinds, **settings)
    if decoder_seed is not None:
        torch.manual_seed(decoder_seed)
        for parameter in model.decoder.parameters():
            torch.nn.init.normal_(parameter)
    model.save_pretrained(path)
    return str(path)


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_vae(tmp_path_factory.mktemp("vae") / "first")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for name, count in CLASSES.items():
        (root / name).mkdir()
        for i in range(count):
            Image.fromarray(generator.integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(root / name / f"{i}.png")
    return root


def source(images: Path, **settings: object) -> DataConfig:
    return DataConfig.model_validate({"name": "image-folder", "path": str(images), "image_size": 8, **settings})


def latents(folder: Path, **settings: object) -> DataConfig:
    return DataConfig.model_validate({"name": "latents", "path": str(folder), "image_size": 8, **settings})


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


def shards(folder: Path, manifest: Manifest) -> dict[str, torch.Tensor]:
    parts = [load_file(folder / shard.file) for shard in manifest.shards]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0] if name != "names"}


def test_the_latents_are_the_vaes_posterior_of_both_flips(images: Path, vae: str, tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    manifest = cache_latents(source(images), tmp_path, vae, batch_size=4, shard_size=7)
    dataset = load_dataset(source(images))
    assert sorted(content(tmp_path)) == [f"latents-0000{i}.safetensors" for i in range(3)] + [MANIFEST]
    assert [shard.count for shard in manifest.shards] == [7, 7, 4] and manifest.shape == (4, 4, 4)
    assert (manifest.num_classes, manifest.count, manifest.scale) == (3, COUNT, 0.18215)
    assert manifest.source is not None and manifest.source.image_size == 8 and "bicubic" in manifest.source.crop
    found = shards(tmp_path, manifest)
    reference = AutoencoderKL.from_pretrained(vae)
    x = dataset.pixels(range(COUNT)).float() / 127.5 - 1
    for suffix, given in (("", x), ("_flipped", x.flip(-1))):
        with torch.no_grad():
            posterior = reference.encode(given).latent_dist
        assert torch.allclose(found[f"mean{suffix}"], posterior.mean, atol=1e-5)
        assert torch.allclose(found[f"std{suffix}"], posterior.std, rtol=1e-4)
    assert torch.equal(found["labels"], dataset.row_labels)
    assert not torch.allclose(found["mean_flipped"], found["mean"].flip(-1), atol=1e-2), "a VAE is not symmetric"


def test_the_split_is_that_of_the_images(images: Path, vae: str, tmp_path: Path) -> None:
    cache_latents(source(images), tmp_path, vae, shard_size=5)
    for settings in ({}, {"split_seed": 4, "held_out_fraction": 0.4}):
        first, second = load_dataset(source(images, **settings)), load_dataset(latents(tmp_path, **settings))
        assert [first.rows("train"), first.rows("held_out")] == list(second._indices.values())
        assert torch.equal(first.labels("train"), second._labels)
    assert second.batch(torch.arange(2)).x.shape == (2, 4, 4, 4)


def test_a_flip_in_training_is_the_latent_of_the_mirror_image(images: Path, vae: str, tmp_path: Path) -> None:
    manifest = cache_latents(source(images), tmp_path, vae)
    dataset = load_dataset(latents(tmp_path, random_flip=True))
    found = shards(tmp_path, manifest)
    rows = dataset._indices["train"][:2]
    mean, _, std = dataset.batch(torch.arange(2), torch.tensor([True, False]))
    for index, suffix in enumerate(("_flipped", "")):
        assert torch.allclose(mean[index], 0.18215 * found[f"mean{suffix}"][rows[index]])
        assert torch.allclose(std[index], 0.18215 * found[f"std{suffix}"][rows[index]])


def test_no_flips_halves_the_folder_and_random_flips_are_refused(images: Path, vae: str, tmp_path: Path) -> None:
    manifest = cache_latents(source(images), tmp_path, vae, flips=False, dtype="float16")
    assert manifest.tensors == ("mean", "std") and shards(tmp_path, manifest)["mean"].dtype == torch.float16
    assert load_dataset(latents(tmp_path)).batch(torch.arange(2)).x.std() > 0
    with pytest.raises(UserError, match=r"data\.random_flip: true given, but the folder holds no latents of flipped"):
        load_dataset(latents(tmp_path, random_flip=True))


def test_a_shift_comes_off_before_the_scale_and_back_on_after(images: Path, vae: str, tmp_path: Path) -> None:
    shifted = make_vae(tmp_path / "vae", shift_factor=0.2, scaling_factor=1.5)
    manifest = cache_latents(source(images), tmp_path / "out", shifted)
    dataset = load_dataset(latents(tmp_path / "out", vae_scale=1.5))
    mean = shards(tmp_path / "out", manifest)["mean"][dataset._indices["train"][:3]]
    x = dataset.batch(torch.arange(3)).x
    assert manifest.shift == 0.2 and torch.allclose(x, (mean - 0.2) * 1.5)
    decoded = module.load_vae(shifted, torch.device("cpu")).decode(mean).sample
    expected = ((decoded + 1) * 127.5).round().clamp(0, 255)
    assert (dataset.to_images(x).float() - expected).abs().max() <= 1


class Killed(BaseException):
    """Not an Exception: nothing may catch it."""


def test_an_interrupted_run_goes_on_and_ends_with_the_same_files(images: Path, vae: str, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    cache_latents(source(images), whole, vae, batch_size=2, shard_size=4)
    encoded = []

    def stop(state: Caching) -> None:
        encoded.append(state.done)
        if state.done == 10:  # in the middle of the third shard
            raise Killed

    with pytest.raises(Killed):
        cache_latents(source(images), parts, vae, batch_size=2, shard_size=4, tell=stop)
    assert not (parts / MANIFEST).exists() and len(json.loads((parts / PARTIAL).read_text())["shards"]) == 2
    with pytest.raises(UserError, match=r"data\.path: the latents in '.*parts' are not finished; run the same"):
        load_dataset(latents(parts))
    (parts / ".latents-00002.safetensors.tmp").write_bytes(b"half a shard")
    states: list[Caching] = []
    cache_latents(source(images), parts, vae, batch_size=2, shard_size=4, tell=states.append)
    assert [state.done for state in states] == [8, 10, 12, 14, 16, 18] and states[0].kept == 8
    assert content(parts) == content(whole)
    states.clear()
    before = (parts / MANIFEST).stat().st_mtime_ns
    cache_latents(source(images), parts, vae, batch_size=2, shard_size=4, tell=states.append)
    assert [state.kept for state in states] == [COUNT] and (parts / MANIFEST).stat().st_mtime_ns == before


@pytest.mark.parametrize("when", ["finished", "interrupted"])
@pytest.mark.parametrize("how", ["one bit", "missing", "truncated"])
def test_a_damaged_shard_is_encoded_again(images: Path, vae: str, tmp_path: Path, how: str, when: str) -> None:
    cache_latents(source(images), tmp_path, vae, shard_size=4)
    good = content(tmp_path)
    if when == "interrupted":
        (tmp_path / MANIFEST).rename(tmp_path / PARTIAL)
    path = tmp_path / "latents-00001.safetensors"
    raw = bytearray(path.read_bytes())
    if how == "one bit":
        raw[-1] ^= 1
        path.write_bytes(raw)
    elif how == "truncated":
        path.write_bytes(raw[:100])
    else:
        path.unlink()
    states: list[Caching] = []
    cache_latents(source(images), tmp_path, vae, shard_size=4, tell=states.append)
    assert states[0].note == "damaged, encoded again: latents-00001.safetensors"
    assert (states[1].kept, states[-1].done) == (COUNT - 4, COUNT) and content(tmp_path) == good


@pytest.mark.slow
def test_killed_for_good_in_the_middle_of_writing(images: Path, vae: str, tmp_path: Path) -> None:
    """A real process, killed with SIGKILL while a shard is half written, then the same call again."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nimport dit_core.data.latents_format as shards\n"
        "from dit_core.data import DataConfig\nfrom dit_core.data.cache_latents import cache_latents\n"
        "real, calls = shards.save_file, []\n"
        "def half(tensors, path):\n"
        "    real(tensors, path)\n    calls.append(path)\n"
        "    if len(calls) == 3:\n"
        "        Path(path).write_bytes(Path(path).read_bytes()[:500])\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        "shards.save_file = half\n"
        "cache_latents(DataConfig(name='image-folder', path=sys.argv[1], image_size=8), Path(sys.argv[2]), sys.argv[3],"
        " batch_size=2, shard_size=4)\n"
    )
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", code, str(images), str(out), vae],
        capture_output=True, timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"},  # as this process: to the bit
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    (half,) = out.glob(".latents-00002.*.tmp.safetensors")
    assert half.stat().st_size == 500
    states: list[Caching] = []
    cache_latents(source(images), out, vae, batch_size=2, shard_size=4, tell=states.append)
    assert states[0].kept == 8, "two shards were finished"
    cache_latents(source(images), tmp_path / "whole", vae, batch_size=2, shard_size=4)
    assert content(out) == content(tmp_path / "whole") and not half.exists()


def test_another_process_on_the_same_folder_is_refused(images: Path, vae: str, tmp_path: Path) -> None:
    with module.alone(tmp_path), pytest.raises(UserError, match=r"is being written by another process; wait for it"):
        cache_latents(source(images), tmp_path, vae)
    cache_latents(source(images), tmp_path, vae)


def test_going_on_with_something_else_is_refused(images: Path, vae: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cache_latents(source(images), out, vae)
    other = tmp_path / "other"
    for i in range(3):
        (other / "a").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (i, 0, 0)).save(other / "a" / f"{i}.png")
    good = content(out)
    cases: list[tuple[DataConfig, str, dict[str, object], str]] = [
        (source(images, image_size=16), vae, {}, r"another image size \(8, now 16\)"),
        (source(other), vae, {}, r"another data set \(18 images of image-folder with content \w+, now 3 images of"),
        (source(images), make_vae(tmp_path / "v", seed=1), {}, r"another VAE \(.*first with encoder weights \w{12}, "),
        (source(images), make_vae(tmp_path / "s", scaling_factor=1.0), {}, r"another shift and scale \(.*0\.18215"),
        (source(images), vae, {"flips": False}, r"another flips \(True, now False\)"),
        (source(images), vae, {"dtype": "float16"}, r"another dtype \(float32, now float16\)"),
        (source(images), vae, {"shard_size": 5}, r"another shard size \(4096, now 5\)"),
    ]
    for data, network, options, message in cases:
        with pytest.raises(UserError, match=message) as raised:
            cache_latents(data, out, network, **options)
        assert "\n" not in str(raised.value) and content(out) == good


def test_what_cannot_be_encoded_is_refused_before_anything_is_written(images: Path, vae: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    digits = DataConfig()
    with pytest.raises(UserError, match=r"data\.vae: .* encodes images with 3 channels, the data set 'digits' has 1"):
        cache_latents(digits, out, vae)
    with pytest.raises(UserError, match=r"data\.image_size: 9 given, but .* needs a multiple of 2"):
        cache_latents(source(images, image_size=9), out, vae)
    with pytest.raises(UserError, match=r"dtype: unknown value 'float64'; allowed: float32"):
        cache_latents(source(images), out, vae, dtype="float64")
    with pytest.raises(UserError, match=r"data\.vae: no AutoencoderKL can be loaded"):
        cache_latents(source(images), out, str(images))
    with pytest.raises(UserError, match=r"device: 'gpu' cannot be used"):
        parse_device("gpu")
    assert not out.exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"'.*file' cannot be written \(File exists\)"):
        cache_latents(source(images), tmp_path / "file", vae)


def test_latents_are_not_encoded_again(images: Path, vae: str, tmp_path: Path) -> None:
    cache_latents(source(images), tmp_path / "a", vae)
    with pytest.raises(UserError, match=r"data\.name: 'latents' given, but only images can be encoded"):
        cache_latents(latents(tmp_path / "a"), tmp_path / "b", vae)


def test_a_latent_that_is_not_finite_names_its_image(images: Path, tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    path = make_vae(tmp_path / "v")
    model = AutoencoderKL.from_pretrained(path)
    model.quant_conv.weight.data *= 1e6
    model.save_pretrained(path)
    with pytest.raises(UserError, match=r"data\.vae: the latent of ant/0\.png is not finite in float16"):
        cache_latents(source(images), tmp_path / "out", path, dtype="float16")


def test_the_vae_that_decodes_must_be_the_one_that_encoded(images: Path, vae: str, tmp_path: Path) -> None:
    cache_latents(source(images), tmp_path / "out", vae)
    same_encoder = make_vae(tmp_path / "same", decoder_seed=5)
    load_dataset(latents(tmp_path / "out", vae=same_encoder))  # a fine-tuned decoder, as sd-vae-ft-mse has
    other = make_vae(tmp_path / "other", seed=9)
    with pytest.raises(UserError, match=r"data\.vae: '.*other' has other encoder weights \(\w{12}\) than the VAE that"):
        load_dataset(latents(tmp_path / "out", vae=other))


@pytest.mark.slow
def test_a_vae_that_changed_its_decoder_is_refused_unless_named(images: Path, tmp_path: Path) -> None:
    """In processes of their own, since a VAE is loaded once per process."""
    path = make_vae(tmp_path / "v")
    cache_latents(source(images), tmp_path / "out", path)
    make_vae(tmp_path / "v", decoder_seed=5)
    code = (
        "import sys\nfrom dit_core.data import DataConfig, load_dataset\nfrom dit_core.errors import UserError\n"
        "for vae in (None, sys.argv[2]):\n"
        "    try: print(len(load_dataset(DataConfig(name='latents', path=sys.argv[1], image_size=8, vae=vae))))\n"
        "    except UserError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out"), path],
        capture_output=True, text=True, timeout=600, env=dict(os.environ),
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[0].startswith("data.vae: the decoder of ") and lines[1:] == ["14"], done.stderr


def test_file_names_of_any_bytes_survive(vae: str, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    odd = os.fsdecode(b"caf\xe9\n.png")
    for i in range(3):
        Image.new("RGB", (8, 8), (i, 9, 9)).save(folder / f"{i}.png")
    (folder / "2.png").rename(folder / odd)
    manifest = cache_latents(source(folder), tmp_path / "out", vae)
    assert unpack_names(load_file(tmp_path / "out" / manifest.shards[0].file)["names"]) == ["0.png", "1.png", odd]
    assert manifest.num_classes == 0


@pytest.mark.parametrize("labelled", [True, False])
def test_a_trial_trains_on_them_and_its_samples_are_decoded(
    images: Path, vae: str, tmp_path: Path, labelled: bool
) -> None:
    folder = images
    if not labelled:
        folder = tmp_path / "flat"
        folder.mkdir()
        for number, path in enumerate(sorted(images.rglob("*.png"))):
            (folder / f"{number}.png").write_bytes(path.read_bytes())
    cache_latents(source(folder), tmp_path / "latents", vae)
    config = tiny(
        model={"input_size": 4, "in_channels": 4, "patch_size": 2, "num_classes": 3 if labelled else 0},
        data={"name": "latents", "path": str(tmp_path / "latents"), "image_size": 8, "random_flip": True},
        evaluation={"metrics": ["fd_dinov2"], "dinov2_weights": random_dinov2(tmp_path / "dinov2"), "num_samples": 40,
                    "allow_few_samples": True, "grid_images": 9},
    )  # fmt: skip
    events = list(run(config, tmp_path / "trial", until=96, device=torch.device("cpu")))
    (scored,) = only(Evaluated, events)
    assert np.isfinite(scored.metrics[0].value) and np.isfinite(scored.metrics[0].floor)
    grid = Image.open(io.BytesIO(scored.grid))
    assert grid.mode == "RGB" and grid.size[0] == (3 if labelled else 8) * 50 - 2
