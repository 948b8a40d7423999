"""Shortcuts in reading a large study find what the long way finds."""

from __future__ import annotations

import gc
import json
import sys

import pytest

from dit_core.identity import digest
from dit_core.runtime import cards
from service.analysis.pausing import no_collection
from service.records.envelope import CorruptRecord, seal, unseal
from service.records.kinds import EvaluationRecord

KEY = "trials/a/evaluations/1.json"


def record(**changes: object) -> EvaluationRecord:
    fields = {"eval_id": "é" * 3, "images": 1, "name": "fd", "value": 1e-05, "study": "s", "details": {"\u2028": 1e16}}
    return EvaluationRecord.model_validate({**fields, **changes})


def test_what_the_faster_parser_cannot_read_is_read_by_the_other_one() -> None:
    """A checksum over text that one of the two parsers refuses still counts."""
    envelope = json.loads(seal(record(), "2026-01-01T00:00:00+00:00", KEY))
    envelope.pop("sha256")
    envelope["content"]["details"] = {"half a pair": "\ud800", "deep": json.loads("[" * 300 + "]" * 300)}
    data = json.dumps({**envelope, "sha256": digest(envelope)}).encode()
    assert unseal(data, EvaluationRecord, KEY).content.details["half a pair"] == "\ud800"


@pytest.mark.parametrize("value", [1e-05, 1e16, -0.0, 5e-324, 0.1, float("nan"), float("inf")])
def test_numbers_come_back_as_they_were(value: float) -> None:
    read = unseal(seal(record(value=value), key=KEY), EvaluationRecord, KEY).content.value
    assert repr(read) == repr(value)


def test_every_damaged_byte_is_noticed() -> None:
    data = seal(record(), key=KEY)
    for place in range(len(data)):
        spoilt = bytearray(data)
        spoilt[place] ^= 1
        try:
            read = unseal(bytes(spoilt), EvaluationRecord, KEY)
        except CorruptRecord:
            continue
        assert read == unseal(data, EvaluationRecord, KEY), place  # white space, which says nothing


def test_garbage_is_collected_again_afterwards() -> None:
    with pytest.raises(ValueError), no_collection():
        assert not gc.isenabled()
        with no_collection():
            pass
        assert not gc.isenabled(), "the outer one ends it"
        raise ValueError
    assert gc.isenabled()


def test_cards_are_told_without_pytorch_as_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cards.asked()
    modules = {name: module for name, module in sys.modules.items() if name != "torch"}
    monkeypatch.setattr(sys, "modules", modules)
    cards.cards.cache_clear()
    assert cards.cards() == whole
    assert "torch" not in modules or whole.names, "it was not imported for it"
    cards.cards.cache_clear()
