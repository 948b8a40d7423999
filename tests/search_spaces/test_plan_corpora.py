"""The corpora of written plans: every expected reading can be run, or says what it needs, and is in its plan."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

PLANS = Path(__file__).parents[1] / "plans"
sys.path.insert(0, str(PLANS))

from score import PROFILE, Product, norm, readings  # noqa: E402

FOLDERS = {
    "lm-style": 87,
    "second": 60,
    "third": 151,
    "fourth": 149,
    "fifth": 80,
    "sixth": 80,
    "seventh": 84,
    "eighth": 84,
    "ninth": 84,
    "tenth": 84,
    "eleventh": 84,
    "twelfth": 84,
    "thirteenth": 84,
    "fourteenth": 84,
    "fifteenth": 84,
    "sixteenth": 84,
    "seventeenth": 84,
    "eighteenth": 84,
    "nineteenth": 84,
    "twentieth": 84,
    "twentyfirst": 84,
    "twentysecond": 84,
    "twentythird": 84,
    "twentyfourth": 84,
    "twentyfifth": 84,
    "twentysixth": 84,
    "twentyseventh": 84,
    "twentyeighth": 84,
    "twentyninth": 84,
    "thirtieth": 84,
    "thirtyfirst": 84,
    "thirtysecond": 77,
    "thirtythird": 84,
}
"""Entries of each."""
FILES = [path for folder in FOLDERS for path in sorted((PLANS / folder).glob("*.expected.json"))]
ENTRIES = [
    pytest.param(path, entry, id=f"{path.parent.name}/{path.name.removesuffix('.expected.json')}: {entry['entry']}")
    for path in FILES
    for entry in json.loads(path.read_text())
]
KEYS = {
    *("entry", "names", "expect", "axis", "action", "values", "metrics", "metrics_refused", "also", "profile"),
    *("candidates", "needs", "refused_values", "unit", "why"),
}


@pytest.fixture(scope="module")
def product() -> Product:
    return Product()


def test_the_corpora_are_whole() -> None:
    for folder, count in FOLDERS.items():
        assert sum(str(param.id).startswith(f"{folder}/") for param in ENTRIES) == count
    for path in FILES:
        assert path.with_name(path.name.removesuffix(".expected.json")).is_file()


@pytest.mark.parametrize(("path", "entry"), ENTRIES)
def test_an_expected_reading_can_be_run_and_is_in_its_plan(path: Path, entry: dict[str, Any], product: Product) -> None:
    assert set(entry) <= KEYS
    assert entry["why"]
    written = norm(path.with_name(path.name.removesuffix(".expected.json")).read_text())
    assert norm(entry["entry"]) in written
    compiled = [reading for reading in readings(entry) if reading["expect"] == "compiled"]
    assert compiled or all(reading["expect"] in ("refused", "ask") for reading in readings(entry))
    for reading in compiled:
        arms, impossible = product.expected_arms(reading, entry.get("profile", PROFILE))
        assert reading.get("needs") or not impossible
        assert arms or reading.get("needs") or reading is not entry
    assert all(norm(text) in written for text in entry.get("refused_values", ()))
    for reading in readings(entry):
        assert reading["expect"] != "ask" or reading["candidates"]
