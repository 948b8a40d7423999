"""What the importer has to make of each folder of written plans, and how a folder is scored."""

import json
import sys
from pathlib import Path

PLANS = Path(__file__).parents[1] / "plans"
sys.path.insert(0, str(PLANS))

from score import Product, score_file  # noqa: E402

QUICK = ("second",)
"""Folders that `make test-fast` scores, too: reading one takes ten seconds."""

LEAST = {
    "lm-style": 0.95,
    "second": 0.93,
    "third": 0.94,
    "fourth": 0.91,
    "fifth": 0.93,
    "sixth": 0.85,
    "seventh": 0.92,
    "eighth": 0.96,
    "ninth": 0.97,
    "tenth": 0.97,
    "eleventh": 0.96,
    "twelfth": 0.92,
    "thirteenth": 0.94,
    "fourteenth": 0.92,
    "fifteenth": 0.88,
    "sixteenth": 0.96,
    "seventeenth": 0.97,
    "eighteenth": 0.91,
    "nineteenth": 0.95,
    "twentieth": 0.95,
    "twentyfirst": 0.97,
    "twentysecond": 0.97,
    "twentythird": 0.97,
    "twentyfourth": 0.97,
    "twentyfifth": 0.9,
    "twentysixth": 0.98,
    "twentyseventh": 0.98,
    "twentyeighth": 0.98,
    "twentyninth": 0.97,
    "thirtieth": 0.9,
    "thirtyfirst": 0.9,
    "thirtysecond": 0.67,
    "thirtythird": 0.91,
}
"""The share of each folder's entries that has to be right. Every folder is scored once, here."""

TAKEN_OTHERWISE = {
    "twelfth": {"Effect of Hidden Dimension"},  # 2x, 4x and 8x of the width, where it should perhaps be asked of what
    "fifteenth": {
        "Embedding Layer",  # learned embeddings: of positions, where it should be asked
        "capacity of the network",  # the next smaller and larger size, where it should be asked
    },
    "sixteenth": {
        "LR warm-up",  # the usual lengths of a warm-up, where it should be asked
    },
    "nineteenth": {
        "Ablation 1: Gating in the adaLN-Zero Block",  # the arm is right, and a description of it is left open
    },
    "thirtysecond": {  # held out
        "Where the conditioning enters",
        "Noise schedule",
        "S2.2 Batch size",
        "Class labels",
        "Ladder F: a modernised loss",
        "adaLN-Zero gating",
    },
    "thirtythird": {"Guided sampling"},  # held out
    "twentyfifth": {
        "Training Batch Size",  # the arms are right, and "seeing the same number of images" is left open
    },
}
"""Entries that became something that the answer does not say, and are known to."""


def score(folder: str, product: Product) -> None:
    """Asserts that no entry of a folder becomes what it does not say, and that enough of them are read rightly."""
    plans = sorted(path for path in (PLANS / folder).iterdir() if not path.name.endswith(".expected.json"))
    found = [(path.name, *item) for path in plans for item in score_file(product, path, brief=True)]
    entries = sum(len(json.loads(path.with_name(f"{path.name}.expected.json").read_text())) for path in plans)
    verdicts = [verdict for _, _, verdict, _ in found]
    assert len(found) >= entries >= 60
    wrong = {str(entry.get("entry", entry)) for _, entry, verdict, _ in found if verdict == "WRONG"}
    assert wrong <= TAKEN_OTHERWISE.get(folder, set())
    assert verdicts.count("RIGHT") / len(found) >= LEAST[folder]
