"""Numbers as people write them."""

import json
from pathlib import Path

import pytest

from dit_core.errors import UserError
from search_spaces.axes import AXES
from search_spaces.plan_import import import_plan
from search_spaces.plan_import.numerals import plain_numbers
from search_spaces.plan_import.values import Range, read_values
from search_spaces.plan_import.written import split_items
from search_spaces.profiles import DIGITS, PAPER


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("10,240", "10240"),
        ("1,024 images", "1024 images"),
        ("50%", "0.5"),
        ("5×10⁻⁴", "5e-4"),
        ("2·10^-4", "2e-4"),
        ("10^{-3}", "1e-3"),
        ("400K", "400000"),
        ("1.5M", "1500000"),
        ("four channels", "4 channels"),
        ("½", "0.5"),
        ("DiT-XL/2", "DiT-XL/2"),
        ("zero-init", "zero-init"),
        ("0.9999", "0.9999"),
        ("1, 2", "1, 2"),
    ],
)
def test_one_number_in_many_ways(text: str, plain: str) -> None:
    assert plain_numbers(text) == plain


@pytest.mark.parametrize(
    ("axis", "text", "values"),
    [
        ("batch_size", "1,024", (1024,)),
        ("batch_size", "128 images", (128,)),
        ("learning_rate", "5×10⁻⁴", (5e-4,)),
        ("learning_rate", "2x", (8e-3,)),
        ("learning_rate", "half the learning rate", (2e-3,)),
        ("guidance_scale", "w = 1.5", (1.5,)),
        ("guidance_scale", "with CFG (w = 4.0)", (4.0,)),
        ("guidance_scale", "without CFG", (1.0,)),
        ("depth", "28 → 24 → 12", (28, 24, 12)),
        ("depth", "from 28 blocks down to 14 and 7", (28, 14, 7)),
        ("num_heads", "8 heads / 12 heads (paper) / 24 heads", (8, 12, 24)),
        ("class_dropout", "10%", (0.1,)),
        ("warmup_images", "6,400 images", (6400,)),
        ("warmup_images", "linear over the first 100 steps", (6400,)),
        ("ema_decay", "no EMA", (0.0,)),
        ("patch_size", "larger patches (4x4, 8x8)", (4, 8)),
        ("patch_size", "2×2 (default)", (2,)),
        ("beta2", "β2 = 0.95", (0.95,)),
        ("beta1", "β₁ = 0.8", (0.8,)),
        ("batch_size", "bs = 64", (64,)),
        ("weight_decay", "λ = 0.1", (0.1,)),
    ],
)
def test_numbers_on_their_axis(axis: str, text: str, values: tuple[float, ...]) -> None:
    profile = DIGITS
    base = profile.config
    if axis == "depth":
        profile, base = PAPER, PAPER.config
    assert read_values(text, AXES.get(axis), base, profile)[0] == values


@pytest.mark.parametrize(
    ("axis", "text"),
    [
        ("learning_rate", "50 epochs"),
        ("learning_rate", "1e-4 with 5 experts"),
        ("depth", "3x3 kernel, stride 1"),
        ("patch_size", "4 of 16 heads"),
        ("sampler", "DDIM (50 steps)"),
        ("block", "adaLN (without the final norm)"),
        ("decoder", "non-linear decoder"),
        ("decoder", "convolutional U-Net of equal Gflops"),
        ("norm", "RMSNorm with 8 experts"),
        ("beta2", "β1 = 0.8"),
        ("beta1", "beta2 = 0.95"),
        ("learning_rate", "eps = 1e-6"),
        ("learning_rate", "wd = 0.01"),
        ("ema_decay", "foo = 0.9"),
    ],
)
def test_a_number_or_a_word_that_nobody_reads_is_not_passed_over(axis: str, text: str) -> None:
    with pytest.raises(UserError):
        read_values(text, AXES.get(axis), DIGITS.config, DIGITS)


def test_a_range_names_its_ends_only() -> None:
    with pytest.raises(Range, match=r"which values lie between 0\.2 and 0\.5"):
        read_values("from 0.2 to 0.5", AXES.get("class_dropout"), DIGITS.config, DIGITS)


def test_a_share_is_no_number_of_a_study_file() -> None:
    with pytest.raises(UserError, match="is not a number"):
        AXES.get("learning_rate").parse("50%", DIGITS)


def test_a_comma_between_thousands_separates_nothing() -> None:
    assert split_items("256, 512, 1,024 images") == ["256", "512", "1,024 images"]
    assert split_items("logit-normal(0, 1), uniform") == ["logit-normal(0, 1)", "uniform"]


@pytest.mark.parametrize(
    "number",
    [
        "1e999",
        "-1e999",
        "9" * 400,
        "1e999x",
        f"{'9' * 400} %",
        "1e999 k",
        "nan",
        "inf",
    ],
)
def test_numbers_beyond_all_bounds_are_no_values(number: str, tmp_path: Path) -> None:
    for axis in ("patch size", "learning rate"):
        path = tmp_path / "plan.json"
        path.write_text(json.dumps([{"part": axis, "action": "REPLACE", "replacement": [number]}]))
        with pytest.raises(UserError):
            import_plan(path)
