"""The other half of the corpora, scored as in `test_plan_scores.py`."""

import pytest
from plan_scores import LEAST, QUICK, Product, score


@pytest.fixture(scope="module")
def product() -> Product:
    return Product()


FOLDERS = [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow, id=one) for one in list(LEAST)[1::2]]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_entry_becomes_what_it_does_not_say(folder: str, product: Product) -> None:
    score(folder, product)
