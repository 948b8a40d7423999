"""A study of unlabelled images, from the command line to its report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from networks import random_dinov2
from PIL import Image
from tiny_study import BATCH, dit_ablate, overrides, write_study


@pytest.mark.slow
def test_a_study_of_unlabelled_images(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    generator = np.random.default_rng(0)
    for i in range(48):
        Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(images / f"{i}.png")
    baseline = overrides(
        data__name="image-folder", data__path=str(images), model__in_channels=3, model__num_classes=0,
        evaluation__metrics=["fd_dinov2"], evaluation__dinov2_weights=random_dinov2(tmp_path / "dinov2"),
        evaluation__allow_few_samples=True,
    )  # fmt: skip
    path = write_study(
        tmp_path, baseline=baseline, primary_metric="fd_dinov2", seeds=[0], rungs=[], budget_images=2 * BATCH,
        ablations=[{"axis": "patch_size", "values": [4]}],
    )  # fmt: skip
    store = tmp_path / "store"
    result = dit_ablate("run", path, "--executor", "local", "--json", "--store", store)
    assert result.exit_code == 0, result.stderr
    assert len(json.loads(result.stdout)["trials"]) == 2
    (report,) = (store / "studies").rglob("report.md")
    text = report.read_text()
    assert "unlabelled" in text and "Samples of seed 0; every row starts from the same noise." in text
    assert not re.search(r"\b(0 classes|classes 0|nan)\b", text)
