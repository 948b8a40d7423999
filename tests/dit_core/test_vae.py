"""Loading a VAE, checking that it fits, and the sentence when it cannot be loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from dit_core.data.vae import check_vae, decode_latents, load_vae, vae_identity
from dit_core.errors import UserError

CPU = torch.device("cpu")
FITS = {"shape": (2, 4, 4), "image_size": 8, "scale": 0.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from diffusers import AutoencoderKL

    torch.set_num_threads(1)
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("vae")
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    model = AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, latent_channels=2, scaling_factor=0.5, **kinds)
    model.save_pretrained(path)
    return path


def test_it_is_loaded_once_and_fits(folder: Path) -> None:
    vae = load_vae(str(folder), CPU)
    assert load_vae(str(folder), CPU) is vae and not vae.training
    check_vae(vae, str(folder), **FITS)


def test_decoding_divides_by_the_scale_and_batches_do_not_matter(folder: Path) -> None:
    vae = load_vae(str(folder), CPU)
    x = torch.randn(20, 2, 4, 4)
    images = decode_latents(vae, x, 0.5)
    assert images.dtype == torch.uint8 and images.shape == (20, 3, 8, 8)
    decoded = vae.decode(x / 0.5).sample
    assert (images.float() - ((decoded + 1) * 127.5).round().clamp(0, 255)).abs().max() <= 1
    assert (images.float() - decode_latents(vae, x, 1.0).float()).abs().max() > 1
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(decode_latents(vae, x, 0.5), images), "a network in bfloat16 must not blur the images"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (4, 4, 4)}, r"data\.vae: 'it' has 2 latent channels, the latents have 4"),
        ({"image_size": 32}, r"data\.image_size: 32 given, but 'it' decodes latents of side 4 to 8"),
        ({"scale": 0.18215}, r"data\.vae_scale: 0\.18215 given, but 'it' states 0\.5"),
    ],
)
def test_what_does_not_fit_is_named(folder: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_vae(load_vae(str(folder), CPU), "it", **{**FITS, **change})


def changed(folder: Path, to: Path, **settings: object) -> str:
    """The same VAE that states something else about its latents."""
    from diffusers import AutoencoderKL

    model = AutoencoderKL.from_pretrained(str(folder))
    model.register_to_config(**settings)
    model.save_pretrained(to)
    return str(to)


def test_a_shift_is_added_back(folder: Path, tmp_path: Path) -> None:
    shifted = changed(folder, tmp_path, shift_factor=0.25)
    vae = load_vae(shifted, CPU)
    check_vae(vae, "it", **FITS, shift=0.25)
    with pytest.raises(UserError, match=r"data\.vae: 'it' shifts its latents by 0\.25, these latents by 0\.0"):
        check_vae(vae, "it", **FITS)
    x = torch.randn(3, 2, 4, 4)
    assert torch.equal(decode_latents(vae, x, 0.5, 0.25), decode_latents(vae, x + 0.125, 0.5))


def test_statistics_per_channel_are_not_supported_silently(folder: Path, tmp_path: Path) -> None:
    vae = load_vae(changed(folder, tmp_path, latents_mean=[0.1, 0.2], latents_std=[1.0, 2.0]), CPU)
    with pytest.raises(UserError, match=r"data\.vae: 'it' normalises its latents per channel, which is not supported"):
        check_vae(vae, "it", **FITS)


def test_its_identity_is_its_weights_encoder_and_decoder_apart(folder: Path, tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    first = vae_identity(str(folder))
    assert first.name == str(folder) and first.encoder != first.decoder and len(first.encoder) == 64
    half = changed(folder, tmp_path / "copy", scaling_factor=0.7)
    assert vae_identity(half).encoder == first.encoder and vae_identity(half).decoder == first.decoder
    for part, parameter in (("encoder", "encoder.conv_in.bias"), ("encoder", "quant_conv.bias"),
                            ("decoder", "decoder.conv_in.bias"), ("decoder", "post_quant_conv.bias")):  # fmt: skip
        model = AutoencoderKL.from_pretrained(str(folder))
        model.get_parameter(parameter).data[0] += 1e-3
        model.save_pretrained(tmp_path / parameter)
        other = vae_identity(str(tmp_path / parameter))
        assert (other.encoder != first.encoder) == (part == "encoder")
        assert (other.decoder != first.decoder) == (part == "decoder")


def test_a_folder_without_a_vae(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"data\.vae: no AutoencoderKL can be loaded from '.*' \(OSError: .*config\.json"
    ):
        load_vae(str(tmp_path), CPU)


def test_a_truncated_vae(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        content = file.read_bytes()
        (tmp_path / file.name).write_bytes(content[:-100] if file.suffix == ".safetensors" else content)
    with pytest.raises(UserError, match=r"data\.vae: no AutoencoderKL can be loaded from"):
        load_vae(str(tmp_path), CPU)


def test_weights_of_another_shape(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"latent_channels": 2', '"latent_channels": 4'))
    with pytest.raises(UserError, match=r"data\.vae: no AutoencoderKL can be loaded from"):
        load_vae(str(tmp_path), CPU)


@pytest.mark.slow
def test_a_hub_name_without_a_network(tmp_path: Path) -> None:
    code = (
        "import torch\nfrom dit_core.data.vae import load_vae\nfrom dit_core.errors import UserError\n"
        "try: load_vae('some-one/some-vae', torch.device('cpu'))\n"
        "except UserError as error: print(error)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip().splitlines()) == 1
    assert done.stdout.startswith("data.vae: no AutoencoderKL can be loaded from 'some-one/some-vae' (")
    assert "offline mode is enabled" in done.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda named: {k: v for k, v in named.items() if not k.startswith("quant_conv.")}, "lacks quant_conv.bias, q"),
        (
            lambda named: {k: v for k, v in named.items() if not k.startswith("post_quant")},
            "lacks post_quant_conv.bias",
        ),
        (lambda named: {k: v for k, v in named.items() if k != "decoder.conv_out.bias"}, "lacks decoder.conv_out.bias"),
        (lambda named: {**named, "more.weight": torch.zeros(2)}, "beside those of its configuration more.weight"),
        (lambda named: {f"first_stage_model.{k}": v for k, v in named.items()}, "lacks decoder.conv_in.bias, .* and"),
        (
            lambda named: {**named, "decoder.conv_out.bias": torch.full((3,), float("nan"))},
            "holds numbers in decoder.conv_out.bias that are not finite",
        ),
    ],
)
def test_weights_that_are_not_whole_are_refused(folder: Path, tmp_path: Path, change: Any, says: str) -> None:
    from safetensors.torch import load_file, save_file

    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    name = "diffusion_pytorch_model.safetensors"
    save_file(change(load_file(folder / name)), tmp_path / name, metadata={"format": "pt"})
    with pytest.raises(UserError, match=says):
        load_vae(str(tmp_path), CPU)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("_class_name", "AutoencoderTiny", "is of the class AutoencoderTiny; allowed: AutoencoderKL"),
        ("_class_name", "UNet2DModel", "is of the class UNet2DModel; allowed: AutoencoderKL"),
        ("scaling_factor", 0, "states scaling_factor 0; wanted: a number above 0"),
        ("scaling_factor", "half", "states scaling_factor 'half'; wanted: a number above 0"),
    ],
)
def test_a_configuration_of_something_else_is_refused(
    folder: Path, tmp_path: Path, field: str, value: object, says: str
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, field: value}))
    with pytest.raises(UserError, match=says):
        load_vae(str(tmp_path), CPU)


def test_an_empty_name() -> None:
    with pytest.raises(UserError, match=r"data\.vae: no name given"):
        load_vae("", CPU)
