"""What happens to an image before a metric's network sees it: 8 bits, then each network's own resizing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import random_dinov2, random_inception
from PIL import Image

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.data.base import from_uint8, to_uint8
from dit_core.errors import UserError
from dit_core.metrics.fd_dinov2 import DINOv2Distance
from dit_core.metrics.features.dinov2 import MEAN, STD, load_dinov2, resize
from dit_core.metrics.features.extractor import full_float32
from dit_core.metrics.features.inception import load_inception
from dit_core.parts import METRICS

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    return random_dinov2(tmp_path_factory.mktemp("dinov2"))


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 256, (1, 3, 6, 6), generator=generator).float()
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return (smooth + 20 * torch.randn(smooth.shape, generator=generator)).round().clamp(0, 255).to(torch.uint8)


def test_images_are_scored_in_8_bits() -> None:
    """What differs by less than half a level is the same image; floats are refused."""
    images = torch.arange(256, dtype=torch.uint8).view(4, 1, 8, 8)
    x = from_uint8(images)
    assert torch.equal(to_uint8(x), images)
    assert torch.equal(to_uint8(x + 0.49 / 127.5), images) and not torch.equal(to_uint8(x + 0.51 / 127.5), images)
    config = TrialConfig()
    metric = METRICS.get("fd_digits_cnn")(config, load_dataset(config.data), CPU)
    with pytest.raises(ValueError, match=r"fd_digits_cnn: images are scored as uint8, got torch\.float32"):
        metric.update(x)


@pytest.mark.parametrize("size", [(8, 8), (64, 64), (256, 256), (320, 320)])
def test_dinov2_resizes_as_pillow_does(size: tuple[int, int]) -> None:
    """dgm-eval resizes 8-bit images with Pillow, which antialiases and rounds to 8 bits."""
    image = picture(*size)
    theirs = Image.fromarray(image[0].permute(1, 2, 0).numpy()).resize((224, 224), Image.Resampling.BICUBIC)
    ours = resize(image)[0].permute(1, 2, 0).numpy()
    difference = np.abs(ours - np.asarray(theirs, dtype=np.float32))
    assert ours.dtype == np.float32 and np.array_equal(ours, ours.round())
    assert difference.max() <= 2 and difference.mean() < 0.02
    if min(size) > 224:
        aliased = torch.nn.functional.interpolate(image.float(), (224, 224), mode="bicubic").clamp(0, 255)[0]
        assert np.abs(aliased.permute(1, 2, 0).numpy() - np.asarray(theirs)).mean() > 1, "antialiasing matters"


def test_dinov2_features_are_the_normalised_class_token(weights: str) -> None:
    from torchvision import transforms
    from transformers import Dinov2Model

    images = torch.cat([picture(40, 40, seed) for seed in range(3)])
    prepare = transforms.Compose(
        [
            transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    pixels = torch.stack([prepare(Image.fromarray(image.permute(1, 2, 0).numpy())) for image in images])
    network = Dinov2Model.from_pretrained(weights).eval()
    with torch.no_grad():
        expected = network(pixels).pooler_output
    ours = load_dinov2(weights, CPU)(images)["cls"]
    assert torch.allclose(ours, expected, atol=2e-2), "Pillow differs by a level in a few pixels"
    assert (ours - expected).abs().mean() < 2e-3 < 0.1 * expected.std()
    grey = images[:, :1].contiguous()
    assert torch.equal(
        load_dinov2(weights, CPU)(grey)["cls"], load_dinov2(weights, CPU)(grey.repeat(1, 3, 1, 1))["cls"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [(8, 8), (64, 48), (320, 320)])
def test_inception_resizes_as_tensorflow_1_does(size: tuple[int, int], inception: str) -> None:
    """Output pixel i takes position i * input / output: corners not aligned, no half-pixel shift, no antialiasing."""
    image = picture(*size)
    height, width = size

    def positions(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        at = np.arange(299, dtype=np.float64) * side / 299
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, side - 1), at - low

    pixels = image[0].numpy().astype(np.float64)
    low, high, share = positions(height)
    rows = pixels[:, low] * (1 - share)[:, None] + pixels[:, high] * share[:, None]
    low, high, share = positions(width)
    expected = rows[:, :, low] * (1 - share) + rows[:, :, high] * share

    seen: list[torch.Tensor] = []
    network = load_inception(inception, CPU)._network
    handle = network.Conv2d_1a_3x3.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    load_inception(inception, CPU)(image)
    handle.remove()
    assert np.abs(seen[0][0].double().numpy() * 128 + 128 - expected).max() < 0.02


@pytest.fixture(scope="module")
def inception(tmp_path_factory: pytest.TempPathFactory) -> str:
    return random_inception(tmp_path_factory.mktemp("inception") / "weights.pth")


def test_features_are_full_float32_whatever_training_allows() -> None:
    torch.set_float32_matmul_precision("high")
    try:
        with full_float32():
            assert torch.get_float32_matmul_precision() == "highest" and not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")


def check(source: str, **settings: Any) -> None:
    evaluation = {"metrics": ["fd_dinov2"], "dinov2_weights": source, "num_samples": 40, **settings}
    config = TrialConfig.model_validate({"evaluation": evaluation})
    DINOv2Distance.check(config, load_dataset(config.data))


@pytest.mark.slow
def test_dinov2_weights_that_are_none(weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import load_file, save_file
    from transformers import Dinov2Config, Dinov2Model, ViTConfig, ViTModel

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
    ViTModel(ViTConfig(intermediate_size=32, **small)).save_pretrained(tmp_path / "vit")
    Dinov2Model(Dinov2Config(num_channels=1, **small)).save_pretrained(tmp_path / "grey")
    network = Dinov2Model(Dinov2Config(**small))
    network.save_pretrained(tmp_path / "lacking")
    file = tmp_path / "lacking" / "model.safetensors"
    state = load_file(file)
    del state["layernorm.weight"]
    save_file(state, file, metadata={"format": "pt"})
    network.save_pretrained(tmp_path / "cut")
    file = tmp_path / "cut" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    network.save_pretrained(tmp_path / "pickle")
    (tmp_path / "pickle" / "model.safetensors").unlink()
    torch.save(network.state_dict(), tmp_path / "pickle" / "pytorch_model.bin")
    (tmp_path / "empty").mkdir()
    for name, message in (
        ("vit", "is a 'vit' network, expected is 'dinov2'"),
        ("grey", "looks at 1 channels, expected are 3"),
        ("lacking", "lacks 1 of the network's weights, such as layernorm.weight"),
        ("cut", "no DINOv2 network can be loaded from"),
        ("pickle", "no DINOv2 network can be loaded from"),
        ("empty", "no DINOv2 network can be loaded from"),
        ("nowhere", "no DINOv2 network can be loaded from"),
    ):
        with pytest.raises(UserError, match=rf"evaluation\.dinov2_weights: .*{message}") as raised:
            check(str(tmp_path / name))
        assert "\n" not in str(raised.value), name
    with pytest.raises(UserError, match=r"evaluation\.dinov2_weights: no DINOv2 network .*'nobody/no-such-network'"):
        check("nobody/no-such-network")
    check(weights)


def test_fewer_samples_than_features(weights: str) -> None:
    with pytest.raises(UserError, match=r"evaluation\.num_samples: 32 given, but fd_dinov2 compares 32 features"):
        check(weights, num_samples=32)
    check(weights, num_samples=32, allow_few_samples=True)
