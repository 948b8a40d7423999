"""Aligning tokens with given features: the file, the loss, the network, and that it trains, stops and goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from given_features import DIGITS, TOKENS, WIDTH, digits_features
from random_weights import batch, random_dit, small
from safetensors.torch import save_file
from small_trials import curve, tiny
from torch import nn

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.data.config import DataConfig
from dit_core.data.features import Features, save_features
from dit_core.errors import UserError, parse
from dit_core.gflops import count
from dit_core.identity import train_id
from dit_core.interop.layout import inference_state
from dit_core.parts import BLOCKS
from dit_core.runtime import distributed
from dit_core.training.batches import draw
from dit_core.training.checkpoint import Checkpoints, checksum, read
from dit_core.training.loop import run
from dit_core.training.loss import alignment_loss
from dit_core.training.state import initial_network

CPU = torch.device("cpu")
ON: dict[str, Any] = {"alignment_layer": 2, "alignment_width": 5}


def trial(path: str, weight: float = 0.5, **data: Any) -> TrialConfig:
    return tiny(
        model={"depth": 2, "alignment_layer": 1, "alignment_width": WIDTH},
        data={"features": path, **data},
        training={"alignment_weight": weight, "learning_rate": 1e-2},
    )


def test_features_come_by_name_in_any_order_and_mirrored_where_the_image_is(tmp_path: Path) -> None:
    rows = torch.arange(4.0)[:, None, None].expand(4, 2, 3)
    save_features(tmp_path / "f", ["d", "b", "a", "é c"], rows, -rows - 1)
    found = Features(str(tmp_path / "f"), ["a", "b", "é c"], mirrored=True)
    assert (found.tokens, found.width) == (2, 3)
    given = found.batch(torch.tensor([2, 0, 0]), torch.tensor([False, True, False]))
    assert given.dtype == torch.float32 and given[:, 0, 0].tolist() == [3, -3, 2]
    assert found.batch(torch.tensor([1]))[0, 1].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"features": torch.zeros(2, 4, 3)}, "has no tensor 'names'; wanted: features and names"),
        ({"names": torch.tensor([97], dtype=torch.uint8)}, "has no tensor 'features'"),
        ({"features": torch.zeros(2, 4, 3), "names": torch.tensor([97], dtype=torch.uint8)}, "its 1 distinct names"),
        ({"features": torch.zeros(1, 4), "names": torch.tensor([97], dtype=torch.uint8)}, "(images, tokens, width)"),
        ({"features": torch.zeros(1, 4, 3), "names": torch.tensor([97], dtype=torch.uint8)},
         "lacks 2 of the 3 training images, e.g. 'b'"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused(tensors: dict[str, torch.Tensor], message: str, tmp_path: Path) -> None:
    save_file(tensors, tmp_path / "f")
    with pytest.raises(UserError) as error:
        Features(str(tmp_path / "f"), ["a", "b", "c"], mirrored=False)
    assert str(error.value).startswith("data.features: ") and message in str(error.value)


def test_no_file_and_no_mirrored_features_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.features: .* is not there; give a safetensors file"):
        load_dataset(DataConfig(features=str(tmp_path / "none")))
    (tmp_path / "text").write_text("features")
    with pytest.raises(UserError, match=r"data\.features: text .* is not a safetensors file"):
        load_dataset(DataConfig(features=str(tmp_path / "text")))
    plain = digits_features(tmp_path / "plain")
    with pytest.raises(UserError, match=r"no features of mirrored images \('flipped'\), which data\.random_flip needs"):
        load_dataset(DataConfig(features=plain, random_flip=True))


def test_the_fingerprint_is_of_the_features_and_not_of_their_place(tmp_path: Path) -> None:
    paths = [digits_features(tmp_path / name, seed=seed) for name, seed in (("one", 0), ("two", 0), ("three", 1))]
    found = [load_dataset(trial(path).data).fingerprint for path in paths]
    assert found[0] == found[1] != found[2]
    assert load_dataset(tiny().data).fingerprint not in found
    assert train_id(trial(paths[0]), found[0]) == train_id(trial(paths[1]), found[1])
    digits_features(tmp_path / "one", seed=1)
    assert load_dataset(trial(paths[0]).data).fingerprint == found[2], "a file that changed is read again"


@pytest.mark.parametrize("world", [1, 2])
def test_a_batch_has_the_features_of_its_images(world: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = trial(digits_features(tmp_path / "f", flipped=True), random_flip=True)
    dataset, parts = load_dataset(config.data), []
    for rank in range(world):
        monkeypatch.setattr(distributed, "world_size", lambda: world)
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        parts.append(draw(config, dataset, 3, CPU))
    x0, features = torch.cat([part.x0 for part in parts]), torch.cat([part.features for part in parts])
    everything = {
        dataset.batch(torch.tensor([index]), torch.tensor([flip])).x.numpy().tobytes(): dataset.features.batch(
            torch.tensor([index]), torch.tensor([flip])
        )
        for index in range(len(dataset))
        for flip in (False, True)
    }
    assert len(x0) == 32
    for image, own in zip(x0, features, strict=True):
        assert torch.equal(everything[image.numpy().tobytes()][0], own)


def test_the_loss_is_pytorchs_cosine_embedding_loss_less_one_and_a_sum_over_images() -> None:
    generator = torch.Generator().manual_seed(0)
    projected, features = torch.randn(6, 4, 9, generator=generator), torch.randn(6, 8, 9, generator=generator)
    keep = torch.stack([torch.randperm(8, generator=generator)[:4] for _ in range(6)])
    chosen = torch.stack([image[rows] for image, rows in zip(features, keep, strict=True)])
    expected = nn.CosineEmbeddingLoss()(projected.flatten(0, 1), chosen.flatten(0, 1), torch.ones(24)) - 1
    found = alignment_loss(projected, features, keep, of=6)
    torch.testing.assert_close(found, expected)
    halves = [alignment_loss(projected[part], features[part], keep[part], of=6) for part in (slice(0, 3), slice(3, 6))]
    torch.testing.assert_close(sum(halves), found)
    torch.testing.assert_close(alignment_loss(chosen, features, keep, of=6), torch.tensor(-1.0))
    torch.testing.assert_close(alignment_loss(5 * features, features, None, of=6), torch.tensor(-1.0))


@pytest.mark.parametrize("block", BLOCKS.names())
def test_the_network_projects_the_image_s_tokens_of_its_block_and_samples_as_before(block: str) -> None:
    config = small(block=block, registers=2, **ON)
    model = random_dit(config)
    seen: list[torch.Tensor] = []
    model.blocks[1].register_forward_hook(lambda _, __, out: seen.append(out))
    with torch.no_grad():
        output, projected = model(*batch(config), project=True)
        assert projected.shape == (6, 16, 5)
        torch.testing.assert_close(projected, model.alignment(seen[0][:, :16]))
        assert torch.equal(output, model(*batch(config)))
    with pytest.raises(ValueError, match="nothing to project with"):
        random_dit(small(block=block))(*batch(config), project=True)


def test_it_changes_no_other_initial_weight_and_is_not_exported() -> None:
    found = []
    for changes in ({}, ON):
        torch.manual_seed(0)
        found.append(initial_network(small(**changes)))
    plain, aligned = (model.state_dict() for model in found)
    assert all(torch.equal(aligned[name], value) for name, value in plain.items())
    assert {name.partition(".")[0] for name in aligned.keys() - plain.keys()} == {"alignment"}
    assert inference_state(found[1]).keys() == plain.keys()


def test_only_training_costs_more() -> None:
    plain, aligned = count(small()), count(small(**ON))
    assert aligned.parts == plain.parts and aligned.gmacs == plain.gmacs
    hidden = round(48 * 16 / 9)
    assert aligned.trained_gmacs - plain.gmacs == pytest.approx(16 * (48 * hidden + hidden**2 + hidden * 5) / 1e9)
    masked = count(small(mask_token=True, **ON), 0.5).trained_gmacs - count(small(mask_token=True), 0.5).trained_gmacs
    assert masked == pytest.approx((aligned.trained_gmacs - plain.gmacs) / 2)


def test_tokens_align_and_a_training_that_stopped_comes_back_to_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "f"
    one = torch.ones(DIGITS, TOKENS, WIDTH)
    save_features(path, [str(row) for row in range(DIGITS)], one)
    config = trial(str(path))
    points = list(curve(run(config, tmp_path / "straight", until=32 * 32, evaluate=False, device=CPU)))
    similar = [(point.mse + point.vb - point.loss) / 0.5 for point in points]
    assert abs(similar[0]) < 0.9 and similar[-1] > 0.95
    for until in (32 * 10, 32 * 32):
        list(run(config, tmp_path / "stopped", until=until, evaluate=False, device=CPU))
    sums = [
        checksum(read(Checkpoints(tmp_path / name / "checkpoints").path(1024), 1024), 1024)
        for name in ("straight", "stopped")
    ]
    assert sums[0] == sums[1]


def test_masked_tokens_are_left_out(tmp_path: Path) -> None:
    config = trial(digits_features(tmp_path / "f"))
    masked = TrialConfig.model_validate(
        {**config.model_dump(), "model": {**config.model.model_dump(), "mask_token": True},
         "training": {**config.training.model_dump(), "mask_ratio": 0.5}}
    )  # fmt: skip
    assert len(list(run(masked, tmp_path, until=64, evaluate=False, device=CPU))) == 3


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"training": {"alignment_weight": 0.5}}, "model.alignment_layer: 0 given beside training.alignment_weight; "
         "tokens are aligned with all of training.alignment_weight, model.alignment_layer, model.alignment_width"),
        ({"model": {"alignment_layer": 1, "alignment_width": 4}}, "training.alignment_weight: 0 given beside "),
        ({"model": {"alignment_layer": 99, "alignment_width": 4}, "training": {"alignment_weight": 0.5}},
         "model.alignment_layer: 99 given, but there are 28 blocks; allowed: 1 to 28"),
        ({"model": {"alignment_layer": 8, "alignment_width": 4}, "training": {"alignment_weight": 0.5}},
         "data.features: none given, but training.alignment_weight aligns tokens with features"),
    ],
)  # fmt: skip
def test_half_an_alignment_is_refused(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        parse(TrialConfig, sections)
    assert str(error.value).startswith(message)


def test_features_that_do_not_fit_the_network_are_refused(tmp_path: Path) -> None:
    for wrong, message in (
        ({"tokens": 16}, r"model\.patch_size: makes 4 tokens, but data\.features has features of 16 tokens"),
        ({"width": 7}, r"model\.alignment_width: 12 given, but data\.features has features of 7 values of a token"),
    ):
        config = trial(digits_features(tmp_path / "f", **wrong))
        with pytest.raises(UserError, match=message):
            load_dataset(config.data).check(config.model)
