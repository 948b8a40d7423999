"""What GPUs there are is the same whether PyTorch is asked or not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CODE = """
import json, sys
from dit_core.runtime import cards
found = cards.cards()
imported, driver = "torch" in sys.modules, cards._has_driver()
import torch
cards.cards.cache_clear()
print(json.dumps([imported, driver, found == cards.cards(), len(found.names), torch.cuda.device_count()]))
"""


@pytest.mark.slow
def test_the_cards_are_those_that_pytorch_sees_which_is_imported_only_where_there_may_be_one() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    imported, driver, same, found, seen = json.loads(done.stdout)
    assert same and found == seen
    assert not imported or driver or sys.platform != "linux"
