"""What the importer makes of the corpora that it is developed on: nothing wrong, and most of it right."""

import pytest
from plan_scores import LEAST, QUICK, Product, score


@pytest.fixture(scope="module")
def product() -> Product:
    return Product()


FOLDERS = [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow, id=one) for one in list(LEAST)[::2]]
"""Every second one; `test_plan_scores_too.py` has the others, so that two cores share them."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_entry_becomes_what_it_does_not_say(folder: str, product: Product) -> None:
    score(folder, product)
