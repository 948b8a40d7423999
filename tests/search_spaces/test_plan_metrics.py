"""The names people write for metrics."""

from __future__ import annotations

import pytest

from dit_core.errors import UserError
from dit_core.parts import METRICS
from search_spaces.plan_import.conditions import metric_under, pieces_of, whole
from search_spaces.plan_import.measures import read_metric
from search_spaces.profiles import DIGITS, PAPER


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("FID", "fid"),
        ("FID-50K", "fid"),
        ("FID score (lower is better)", "fid"),
        ("Fréchet Inception Distance (FID)", "fid"),
        ("sFID", "sfid"),
        ("Spatial FID", "sfid"),
        ("Inception Score", "inception_score"),
        ("IS", "inception_score"),
        ("Inception Score (IS)", "inception_score"),
        ("Precision", "precision"),
        ("Improved Recall", "recall"),
        ("KID", "kid"),
        ("Kernel Inception Distance (KID)", "kid"),
        ("FD-DINOv2", "fd_dinov2"),
        ("fd_dinov2", "fd_dinov2"),
        ("FID infinity", "fid_infinity"),
    ],
)
def test_names_of_metrics(text: str, metric: str) -> None:
    assert read_metric(text, PAPER) == ((metric,), f"{metric}, on 50000 generated images")


@pytest.mark.parametrize(
    "text", ["FID-50K at 400K steps", "FID vs. training step", "FID-50K over training iterations", "FID curve"]
)
def test_when_a_metric_is_taken_is_no_other_metric(text: str) -> None:
    assert read_metric(text, PAPER)[0] == ("fid",)


@pytest.mark.parametrize(
    "text",
    ["forward-pass Gflops", "fwd Gflops", "Gflops per image", "sampling time per image", "none",
     "peak GPU memory usage", "GPU memory consumption", "images/sec", "throughput (images/s)"],
)  # fmt: skip
def test_what_is_recorded_anyway_in_more_words(text: str) -> None:
    assert read_metric(text, PAPER)[0] == ()


@pytest.mark.parametrize("metric", [name for name in METRICS.names() if name != "fd_digits_cnn"])
def test_digits_have_one_metric_of_their_own(metric: str) -> None:
    found, said = read_metric(metric, DIGITS)
    assert found == ("fd_digits_cnn",) and "mean nothing on 8x8 grey images" in said


def test_what_is_no_metric() -> None:
    with pytest.raises(UserError, match="no such metric; metrics: fd_digits_cnn, fid, sfid, inception_score"):
        read_metric("LPIPS", PAPER)


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        (r"FID-50K $\downarrow$", "fid"),
        (r"sFID ($\searrow$)", "sfid"),
        (r"$\text{IS} \uparrow$", "inception_score"),
        (r"\mathrm{Recall}\uparrow", "recall"),
        (r"$\Delta$FID vs. baseline", "fid"),
        ("minimise FID-50K", "fid"),
        ("Precision – larger is better", "precision"),
        ("KID (the lower the better)", "kid"),
        ("FID-50K @ 400K iterations", "fid"),
    ],
)
def test_signs_and_directions_are_no_other_metric(text: str, metric: str) -> None:
    assert read_metric(text, PAPER)[0] == (metric,)


@pytest.mark.parametrize(
    "text", ["Params (M) $\\downarrow$", "higher is better", r"Throughput $\uparrow$", "latency ↓"]
)
def test_signs_of_what_is_recorded_anyway(text: str) -> None:
    assert read_metric(text, PAPER)[0] == ()


def test_gflops_of_a_sample_say_what_is_recorded() -> None:
    assert "a sample takes one for every evaluation" in read_metric("total sampling FLOPs", PAPER)[1]


@pytest.mark.parametrize("text", ["FID-50K↓ / sFID↓ / IS↑", "FID & sFID & IS"])
def test_no_metric_of_a_list_is_lost(text: str) -> None:
    assert read_metric(text, PAPER)[0] == ("fid", "sfid", "inception_score")


@pytest.mark.parametrize("text", ["FID-50K with CLIP score", "sFID @ 50 steps", "lower CLIP score", "FID / LPIPS"])
def test_more_than_a_metric_is_not_understood(text: str) -> None:
    with pytest.raises(UserError, match="no such metric"):
        read_metric(text, PAPER)


@pytest.mark.parametrize(
    ("text", "metric", "says"),
    [
        ("FID-50K @ 50k, 150k & 300k", "fid", "says when"),
        ("Inception Score (at 100K and 400K training iterations)", "inception_score", "says when"),
        ("sFID at several training checkpoints", "sfid", "says when"),
        ("FID under the same training budget", "fid", "changes no arm"),
        ("KID at iso-FLOPs", "kid", "changes no arm"),
        ("Precision for matched parameter counts", "precision", "changes no arm"),
        ("FID at w = 1.25 and w = 4", "fid", "would change guidance_scale"),
        ("recall with a guidance scale of 1.5", "recall", "would change guidance_scale"),
        ("FID using 250 sampling steps", "fid", "is how the baseline is sampled"),
    ],
)
def test_a_metric_under_a_condition_is_computed_and_the_condition_named(text: str, metric: str, says: str) -> None:
    found, said = metric_under(text, PAPER.config, PAPER, {})
    assert found == (metric,) and says in said


@pytest.mark.parametrize(
    "text",
    [
        "FID at the moon",
        "FID with 12 heads",
        "FID at w = 1.5 and a batch of 7",
        "LPIPS at equal compute",
        "FID at 7 steps",
        "FID after 20 and 50 sampling steps",
    ],
)
def test_what_is_no_condition_of_a_metric(text: str) -> None:
    with pytest.raises(UserError):
        metric_under(text, PAPER.config, PAPER, {})


def test_a_condition_on_what_the_entry_varies_is_its_arms_or_not_read() -> None:
    text = "FID at 50 sampling steps"
    assert metric_under(text, PAPER.config, PAPER, {"sampling_steps": (50, 100)})[0] == ("fid",)
    with pytest.raises(UserError):
        metric_under(text, PAPER.config, PAPER, {"sampling_steps": (100,)})


def test_metrics_joined_with_what_is_none_and_conditions_cut_by_commas() -> None:
    assert pieces_of("sFID and a user study") == ["sFID", "a user study"]
    assert pieces_of("realism and a user study") == ["realism and a user study"]
    assert whole(["FID at 100k", "200k iterations", "IS"]) == ["FID at 100k, 200k iterations", "IS"]
    assert whole(["FID", "4 raters", "IS at w = 1", "w = 2"]) == ["FID", "4 raters", "IS at w = 1, w = 2"]
