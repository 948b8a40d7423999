"""Image metrics of torchmetrics by their import path: what they score, and what is refused before training."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from test_metrics_estimators import PIXELS, real, score, trial

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.errors import UserError, parse
from dit_core.identity import eval_id
from dit_core.metrics.frechet_metric import FrechetMetric
from dit_core.metrics.from_torchmetrics import FromTorchmetrics, metric
from dit_core.metrics.torchmetrics_names import usable
from dit_core.parts import METRICS
from service.cost.scoring import scoring_gmacs

ROOM = "torchmetrics.image."
FID = f"{ROOM}fid.FrechetInceptionDistance"
KID = f"{ROOM}kid.KernelInceptionDistance"
MIFID = f"{ROOM}mifid.MemorizationInformedFrechetInceptionDistance"
IS = f"{ROOM}inception.InceptionScore"
TV = f"{ROOM}tv.TotalVariation"


def in_pixels(name: str) -> Any:
    """The class with the 64 pixels of a digit in the place of Inception-v3's features."""
    return type("InPixels", (metric(name),), {"load": classmethod(lambda cls, config, device: PIXELS)})


class PixelFID(FrechetMetric):
    name = "fd_pixels"
    feature = "pool"
    load = classmethod(lambda cls, config, device: PIXELS)
    check_images = classmethod(lambda cls, config, dataset: None)


def test_torchmetrics_fid_is_ours() -> None:
    images = real("held_out")[:350]
    theirs, ours = score(in_pixels(FID), images, 60), score(PixelFID, images, 60)
    assert theirs.value == pytest.approx(ours.value, rel=1e-6) and theirs.name == FID
    assert theirs.details["samples"] == 350 and theirs.details["reference_images"] == 1438
    assert theirs.details["reference_sha256"] == ours.details["reference_sha256"]


@pytest.mark.parametrize("name", [MIFID, IS, pytest.param(KID, marks=pytest.mark.slow)])
def test_those_that_keep_features_or_draw_subsets_are_functions_of_the_images(name: str) -> None:
    images = torch.cat([real("held_out"), real("train")[:700]])
    state = torch.get_rng_state()
    first, again = score(in_pixels(name), images, 300), score(in_pixels(name), images, 77)
    assert first.value == pytest.approx(again.value, rel=1e-9) and first.value == first.value
    assert torch.equal(state, torch.get_rng_state())
    assert ("standard_deviation" in first.details) == (name != MIFID)


def test_one_that_looks_at_single_images_gets_them_from_0_to_1() -> None:
    images = real("held_out")[:100]
    x = images.double() / 255
    expected = x.diff(dim=-1).abs().sum() + x.diff(dim=-2).abs().sum()
    assert score(METRICS.get(TV), images, 30).value == pytest.approx(float(expected), rel=1e-5)


def test_direction_and_identity() -> None:
    assert [METRICS.about(name).direction for name in (FID, KID, MIFID, TV, IS)] == ["min"] * 4 + ["max"]
    assert METRICS.names() == [name for name in METRICS] and FID not in METRICS.names() and FID in METRICS
    config = trial(metrics=(FID,), num_samples=64)
    (revision,) = METRICS.revisions(FID).values()
    assert revision["source"].startswith("torchmetrics ")
    assert len({eval_id("0", 0, config, name) for name in (FID, KID, "fid")}) == 3
    assert set(usable()) >= {FID, KID, MIFID, IS, TV}


def test_its_pass_through_the_network_is_counted_once() -> None:
    alone, both = (scoring_gmacs(trial(metrics=names)) for names in (("fid",), ("fid", FID, IS)))
    assert alone == both < scoring_gmacs(trial(metrics=("fid", TV)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{ROOM}lpip.LearnedPerceptualImagePatchSimilarity", r"compares pairs of images \(img1, img2\), and a "
         "generated image has no partner; allowed of torchmetrics: .*FrechetInceptionDistance"),
        (f"{ROOM}ssim.StructuralSimilarityIndexMeasure", r"compares pairs of images \(preds, target\)"),
        (f"{ROOM}perceptual_path_length.PerceptualPathLength", "asks for a generator, and an evaluation has images"),
        (f"{ROOM}fid.FrechetInceptoinDistance", "unknown value .*did you mean '.*fid.FrechetInception"),
        (f"{ROOM}nowhere.Metric", "unknown value"),
        ("torchmetrics.text.BLEUScore", "unknown value"),
    ],
)  # fmt: skip
def test_what_cannot_score_samples_is_refused_when_the_study_is_read(name: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^evaluation.metrics: .*{message}"):
        parse(TrialConfig, {"evaluation": {"metrics": [name]}})


def test_what_it_needs_is_checked_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = load_dataset(TrialConfig().data)

    def check(name: str, **evaluation: Any) -> None:
        in_pixels(name).check(trial(metrics=(name,), **evaluation), dataset)

    for name, samples, message in (
        (FID, 64, "64 given, but .* compares 64 features and needs 65 or more samples"),
        (KID, 999, "999 given, but .* draws subsets of 1000 and needs 1000 or more samples"),
        (IS, 9, "9 given, but .* makes 10 splits and needs 10 or more samples"),
    ):
        with pytest.raises(UserError, match=rf"evaluation\.num_samples: {message}"):
            check(name, num_samples=samples)
        check(name, num_samples=1024)
    check(FID, num_samples=64, allow_few_samples=True)
    with pytest.raises(UserError, match=r"reference_statistics: 'a\.npz' given, but .* looks at the reference images"):
        check(FID, reference_statistics="a.npz")
    monkeypatch.setattr("dit_core.metrics.from_torchmetrics.MOST_BYTES", 2**20)
    check(FID)
    with pytest.raises(UserError, match=r"keeps the features of 2,462 images, 0\.0 GiB in every worker; allowed: 0\.0"):
        check(MIFID)


def test_images_that_it_cannot_see_are_said_in_a_sentence() -> None:
    class WithoutChannels(FromTorchmetrics):
        name = "without-channels"
        kind = metric(TV).kind
        _given = classmethod(lambda cls, images, real: (images[:, 0] / 255,))

    with pytest.raises(
        UserError, match=r"^evaluation\.metrics: without-channels cannot score the images \(RuntimeError: "
    ):
        WithoutChannels.check(trial(), load_dataset(TrialConfig().data))
