"""What the importer makes of the corpora that it is developed on: nothing wrong, and most of it right."""

import json
import sys
from pathlib import Path

import pytest

PLANS = Path(__file__).parents[1] / "plans"
sys.path.insert(0, str(PLANS))

from score import Product, score_file  # noqa: E402


@pytest.fixture(scope="module")
def product() -> Product:
    return Product()


QUICK = ("second",)
"""Folders that `make test-fast` scores, too: reading one takes ten seconds."""
LEAST = {"lm-style": 0.95, "second": 0.93, "third": 0.87, "fourth": 0.88, "fifth": 0.92}
"""The share of each folder's entries that has to be right. Every folder is scored once, here."""
FOLDERS = [
    pytest.param(folder, least, marks=() if folder in QUICK else pytest.mark.slow, id=folder)
    for folder, least in LEAST.items()
]


@pytest.mark.parametrize(("folder", "least"), FOLDERS)
def test_no_entry_becomes_what_it_does_not_say(folder: str, least: float, product: Product) -> None:
    plans = sorted(path for path in (PLANS / folder).iterdir() if not path.name.endswith(".expected.json"))
    found = [(path.name, *item) for path in plans for item in score_file(product, path, brief=True)]
    entries = sum(len(json.loads(path.with_name(f"{path.name}.expected.json").read_text())) for path in plans)
    verdicts = [verdict for _, _, verdict, _ in found]
    assert len(found) >= entries >= 60
    assert [item for item in found if item[2] == "WRONG"] == []
    assert verdicts.count("RIGHT") / len(found) >= least
