"""``dit-ablate cache-latents``: what it prints, how it goes on, and that its own advice works."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_study import dit_ablate

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from service.command_text import parse_setting

COMMAND = str(Path(sys.executable).with_name("dit-ablate"))
COUNT = 40


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> str:
    from diffusers import AutoencoderKL

    path = tmp_path_factory.mktemp("vae")
    torch.manual_seed(0)
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, **kinds).save_pretrained(path)
    return str(path)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_images(tmp_path_factory.mktemp("images"), COUNT)


def make_images(root: Path, count: int) -> Path:
    generator = np.random.default_rng(0)
    for i in range(count):
        path = root / ("ant", "bee")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(path)
    return root


def options(vae: str, *more: object) -> tuple[object, ...]:
    return ("--vae", vae, "--image-size", 16, "--batch-size", 4, "--shard-size", 8, "--device", "cpu", *more)


def advised(line: str) -> TrialConfig:
    """Returns the configuration that a line of advice makes."""
    advice = shlex.split(line)
    assert set(advice[::2]) == {"--set"}
    sections: dict[str, dict[str, object]] = {}
    for setting in advice[1::2]:
        name, value = parse_setting(setting)
        section, field = name.split(".")
        sections.setdefault(section, {})[field] = value
    return TrialConfig.model_validate(sections)


@pytest.mark.slow
def test_plain_lines_and_the_advice_at_the_end(images: Path, vae: str, tmp_path: Path) -> None:
    out = tmp_path / "out #2"
    done = dit_ablate("cache-latents", images, out, *options(vae))
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1] == f"{COUNT} images to encode" and lines[2].startswith(f"{COUNT} of {COUNT} images encoded, ")
    assert lines[3].startswith(f"{COUNT} images (2 classes) as latents of 4 x 8 x 8 in {out}, 0.2 MB.")
    config = advised(lines[4])
    assert lines[4].count("--set") == 8
    dataset = load_dataset(config.data)
    dataset.check(config.model)
    assert len(dataset) == 32 and dataset.name == "latents"
    again = dit_ablate("cache-latents", images, out, *options(vae))
    assert f"{COUNT} of {COUNT} images were encoded before and are verified" in again.stdout
    assert "to encode" not in again.stdout


@pytest.mark.slow
def test_corrupt_images_are_refused_or_left_out_by_name(images: Path, vae: str, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    shutil.copytree(images, folder)
    (folder / "ant" / "0.png").write_bytes(b"nothing")
    refused = dit_ablate("cache-latents", folder, tmp_path / "out", *options(vae))
    assert refused.exit_code == 2 and "1 of 40 images cannot be read: ant/0.png (not an image)" in refused.stderr
    done = dit_ablate("cache-latents", folder, tmp_path / "out", *options(vae, "--skip-corrupt"))
    assert done.exit_code == 0, done.stderr
    assert "1 of 40 images skipped because they cannot be read: ant/0.png" in done.stdout
    assert "39 of 39 images encoded" in done.stdout


def test_mistakes_are_one_sentence(images: Path, vae: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert dit_ablate("cache-latents", images, out, *options(vae)).exit_code == 0
    for arguments, says in (
        ((images, out, *options(vae, "--no-flips")), "was begun with another flips (True, now False)"),
        ((images, tmp_path / "b", *options(vae, "--data", "image-folders")), "did you mean 'image-folder'?"),
        ((tmp_path / "none", tmp_path / "b", *options(vae)), "data.path: "),
        ((images, tmp_path / "b", *options(str(images))), "data.vae: no AutoencoderKL can be loaded"),
        ((images, tmp_path / "b", *options(vae, "--label-column", "x")), "data.label_column: 'x' given, but only"),
        ((images, tmp_path / "b", *options(vae, "--device", "tpu9")), "device: 'tpu9' cannot be used"),
    ):
        done = dit_ablate("cache-latents", *arguments)
        sentence = done.stderr.strip()
        assert done.exit_code == 2 and sentence.startswith("error: ") and says in sentence, done.output
        assert "\n" not in sentence and not (tmp_path / "b").exists()


def test_latents_of_others_are_converted_and_the_advice_works(vae: str, tmp_path: Path) -> None:
    for what, value in (("features", np.zeros((1, 4, 8, 8), np.float32)), ("labels", np.array([1]))):
        (tmp_path / f"in/imagenet256_{what}").mkdir(parents=True)
        for i in range(10):
            np.save(tmp_path / f"in/imagenet256_{what}/{i}.npy", value)
    done = dit_ablate("cache-latents", "--from", tmp_path / "in", tmp_path / "out", "--vae", vae)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Latents of fast-DiT: one posterior sample an image without a deviation, so training ")
    assert "without mirror images" in lines[0] and lines[1].startswith("10 images (2 classes) as latents of 4 x 8 x 8")
    config = advised(lines[2])
    load_dataset(config.data).check(config.model)
    assert config.data.image_size == 16 and "data.random_flip=false" in lines[2]
    bare = dit_ablate("cache-latents", "--from", tmp_path / "in", tmp_path / "bare")
    assert bare.exit_code == 0 and bare.stdout.endswith(
        "Name the VAE that made them, too: --set data.vae=NAME_OR_PATH\n"
    )
    for arguments, says in (
        (("--from", tmp_path / "in", "images", tmp_path / "b"), "--from: IMAGES ('images') given, too"),
        (("--from", tmp_path / "in", tmp_path / "b", "--split", "train"), "--split: no images are read with --from"),
        (("images", tmp_path / "b"), "--vae: required to encode images and missing"),
        (("images", "--vae", vae), "OUT: required to encode images and missing"),
        (("images", tmp_path / "b", "--vae", vae, "--vae-scale", 1), "--vae-scale: only with --from"),
    ):
        refused = dit_ablate("cache-latents", *arguments)
        assert refused.exit_code == 2 and says in refused.stderr and not (tmp_path / "b").exists(), refused.output


@pytest.mark.slow
def test_ctrl_c_then_sigkill_then_continued(vae: str, tmp_path: Path) -> None:
    out, whole, count = tmp_path / "out", tmp_path / "whole", 160
    images = make_images(tmp_path / "images", count)  # enough to be stopped in the middle
    command = [COMMAND, "cache-latents", str(images), str(out), *map(str, options(vae, "--shard-size", 2))]
    # bits depend on the number of threads, which other tests of this process may have set
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    for shards, number, code in ((2, signal.SIGINT, 3), (4, signal.SIGKILL, -signal.SIGKILL)):
        # SIGINT ignored at the start, as in the background of a script: the command must not rely on the default
        process = subprocess.Popen(
            ["sh", "-c", 'trap "" INT; exec "$@"', "-", *command], stdout=subprocess.PIPE, text=True, env=environment
        )
        deadline = time.monotonic() + 600
        while len(list(out.glob("latents-*.safetensors"))) < shards and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(number)
        said = process.communicate(timeout=600)[0]
        assert process.returncode == code and not (out / "latents.json").exists(), said
        if number == signal.SIGINT:
            assert said.endswith("Stopped. Finished files are kept; the same command continues.\n")
    done = dit_ablate("cache-latents", images, out, *options(vae, "--shard-size", 2))
    assert done.exit_code == 0, done.stderr
    found = re.search(rf"(\d+) of {count} images were encoded before and are verified", done.stdout)
    assert found is not None and 6 <= int(found.group(1)) < count  # the fourth may not be in the manifest yet
    assert dit_ablate("cache-latents", images, whole, *options(vae, "--shard-size", 2)).exit_code == 0
    for path in whole.glob("*.safetensors"):
        assert path.read_bytes() == (out / path.name).read_bytes()


@pytest.mark.slow
def test_a_bar_in_a_terminal(images: Path, vae: str, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    command = [COMMAND, "cache-latents", str(images), str(tmp_path / "out"), *map(str, options(vae))]
    process = subprocess.Popen(command, stdout=follower, stderr=follower, env={**os.environ, "COLUMNS": "120"})
    os.close(follower)
    shown, deadline = b"", time.monotonic() + 600
    while time.monotonic() < deadline:
        if select.select([leader], [], [], 1)[0]:
            try:
                shown += os.read(leader, 65536)
            except OSError:  # the process has ended
                break
    os.close(leader)
    assert process.wait(timeout=600) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert "━" in text and f"{COUNT}/{COUNT} images, " in text and "per second" in text
