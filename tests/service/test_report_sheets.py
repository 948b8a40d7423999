"""Pictures of samples are the same whatever was drawn before, and a figure is made once for those of one layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.report import sheets as module
from service.report.sheets import Row, Sheets


def rows(*captions: str, size: tuple[int, int] = (40, 8), seed: int = 0) -> list[Row]:
    drawn = np.random.default_rng(seed).integers(0, 255, (len(captions), size[1], size[0]), dtype=np.uint8)
    return [
        (f"{caption}  ·  51,200 images", Image.fromarray(own)) for caption, own in zip(captions, drawn, strict=True)
    ]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every figure that is made."""
    found: list[int] = []
    real = module.canvas

    def counted(*arguments: Any, **settings: Any) -> Any:
        found.append(1)
        return real(*arguments, **settings)

    monkeypatch.setattr(module, "canvas", counted)
    return found


SHEETS = {
    "other images and captions": (rows("0.5", "a longer caption", seed=1), 1),
    "a row more": (rows("2", "4", "8"), 2),
    "other sizes": (rows("2", "4", size=(40, 20)), 2),
    "a caption that is higher": (rows("2", r"$\frac{1}{2}$"), 2),
}


@pytest.mark.parametrize("case", SHEETS)
def test_a_sheet_is_the_same_after_another_as_alone(case: str, made: list[int]) -> None:
    own, figures = SHEETS[case]
    drawing = Sheets()
    first = drawing.draw(rows("2", "4"))
    second = drawing.draw(own)
    assert len(made) == figures
    assert second == Sheets().draw(own) != first
    assert drawing.draw(rows("2", "4")) == first
