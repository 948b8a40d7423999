"""The embedded digits: range, split, fingerprint, and the contract of a data set."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits

from dit_core.data import DataConfig, load_dataset
from dit_core.data.split import split_indices
from dit_core.errors import UserError
from dit_core.model.config import ModelConfig
from dit_core.parts import DATASETS

DIGITS_FINGERPRINT = "da403b973181c463cbd5e667ab1a22a4fe28d26c795ad5596d1b986d1d714f57"


def everything(dataset, split):
    return torch.cat(list(dataset.reference(split)))


def test_pixels_are_the_sources_rounded_to_bytes() -> None:
    dataset = load_dataset(DataConfig())
    train, _ = split_indices([str(i) for i in range(1797)], 0.2, 0)
    source = load_digits()
    images = everything(dataset, "train")
    assert images.dtype == torch.uint8 and images.shape == (1438, 1, 8, 8)
    assert torch.equal(images[:, 0], torch.from_numpy(source.images[train] * 255 / 16).round().to(torch.uint8))
    assert dataset.labels("train").tolist() == source.target[train].tolist()
    assert images.min() == 0 and images.max() == 255


def test_a_batch_is_in_minus_one_to_one_and_goes_back_to_the_same_bytes() -> None:
    dataset = load_dataset(DataConfig())
    indices = torch.tensor([5, 0, 1437, 5])
    x, y, _ = dataset.batch(indices)
    assert x.dtype == torch.float32 and y.dtype == torch.int64
    assert x.min() >= -1 and x.max() <= 1 and x.min() == -1
    assert torch.equal(dataset.to_images(x), everything(dataset, "train")[indices])
    assert torch.equal(y, dataset.labels("train")[indices])


def test_out_of_range_outputs_are_clipped_and_nan_becomes_black() -> None:
    x = torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0, float("nan"), float("inf"), float("-inf")]).view(1, 1, 1, 8)
    assert load_dataset(DataConfig()).to_images(x).flatten().tolist() == [0, 0, 128, 255, 255, 0, 255, 0]


def test_only_the_images_asked_for_are_flipped() -> None:
    dataset = load_dataset(DataConfig())
    indices = torch.arange(3)
    plain = dataset.batch(indices).x
    flipped = dataset.batch(indices, flip=torch.tensor([False, True, False])).x
    assert torch.equal(flipped[[0, 2]], plain[[0, 2]])
    assert torch.equal(flipped[1], plain[1].flip(-1)) and not torch.equal(flipped[1], plain[1])


def test_split_is_disjoint_complete_and_fixed() -> None:
    keys = [str(i) for i in range(1797)]
    train, held_out = split_indices(keys, 0.2, 0)
    assert sorted(train + held_out) == list(range(1797))
    assert (len(train), len(held_out)) == (1438, 359)
    assert held_out[:5] == [7, 15, 18, 20, 25], "the split is part of every identity and must never move"
    assert split_indices(keys, 0.2, 1)[1] != held_out


def test_every_class_is_in_both_parts() -> None:
    dataset = load_dataset(DataConfig())
    for split in ("train", "held_out"):
        counts = torch.bincount(dataset.labels(split), minlength=10)
        assert counts.min() > 20


def test_fingerprint_is_fixed_and_follows_the_split() -> None:
    assert load_dataset(DataConfig()).fingerprint == DIGITS_FINGERPRINT
    assert load_dataset(DataConfig(split_seed=1)).fingerprint != DIGITS_FINGERPRINT
    assert load_dataset(DataConfig(held_out_fraction=0.3)).fingerprint != DIGITS_FINGERPRINT
    assert load_dataset(DataConfig(random_flip=True)).fingerprint == DIGITS_FINGERPRINT


def test_loading_twice_gives_the_same_object() -> None:
    assert load_dataset(DataConfig()) is load_dataset(DataConfig())


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_reference_comes_in_batches_and_counts_agree(split: str) -> None:
    dataset = load_dataset(DataConfig())
    sizes = [len(batch) for batch in dataset.reference(split, batch_size=100)]
    assert max(sizes) == 100 and sum(sizes) == dataset.count(split)
    assert len(dataset) == dataset.count("train")


FITS = {"input_size": 8, "in_channels": 1, "num_classes": 10, "hidden_size": 16, "num_heads": 2, "depth": 1}


@pytest.mark.parametrize(("field", "value"), [("input_size", 16), ("in_channels", 4), ("num_classes", 1000)])
def test_a_model_that_does_not_fit_is_refused_by_field(field: str, value: int) -> None:
    dataset = load_dataset(DataConfig())
    dataset.check(ModelConfig(**FITS))
    with pytest.raises(UserError, match=rf"model\.{field}: {value} does not fit the data set 'digits', which has"):
        dataset.check(ModelConfig(**{**FITS, field: value}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_size": 16}, r"data\.image_size: 16 given, but digits are 8x8"),
        ({"path": "somewhere"}, r"data\.path: 'somewhere' given"),
        ({"vae": "some/vae"}, r"data\.vae: 'some/vae' given"),
        ({"held_out_fraction": 0.0001}, r"data\.held_out_fraction: 0\.0001 of 1797 images leaves 1797 for training"),
    ],
)
def test_settings_that_have_no_meaning_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_dataset(DataConfig(**settings))


def test_an_unknown_data_set_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"did you mean 'digits'\?"):
        DATASETS.get("digit", "data.name")
