"""Shortcuts in reading a large study find what the long way finds."""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from dit_core.identity import Naming, digest
from dit_core.runtime import cards
from service.analysis.pausing import no_collection
from service.records.backend import FolderBackend
from service.records.envelope import CorruptRecord, Record, seal, unseal
from service.records.kinds import EvaluationRecord, Point, Stretch
from service.records.read_once import Span

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


def said_of(content: dict[str, Any], kind: type[Record]) -> str:
    envelope = {"format": 2, "kind": "curve", "written": "2026-01-01T00:00:00+00:00", "content": content}
    try:
        unseal(json.dumps({**envelope, "sha256": digest(envelope)}).encode(), kind, "key")
    except CorruptRecord as error:
        return str(error)
    return "sound"


def test_a_curve_is_checked_alike_with_and_without_its_windows() -> None:
    point = Point(images=64, loss=1.0, mse=float("nan"), vb=0.0, seconds=1.0)
    whole = Stretch(start=0, images=128, points=(point, point), began=1.0, seconds=2.0)
    assert unseal(seal(whole, key="key"), Span, "key").content.model_dump() == {**whole.model_dump(), "points": ()}
    content = json.loads(whole.model_dump_json())
    odds: tuple[Any, ...] = (None, {}, [None], [[]], [content], "")
    spoilt: list[dict[str, Any]] = [{**content, "points": odd} for odd in odds]
    for name in Point.model_fields:
        values: tuple[Any, ...] = (None, "x", [], -1, 1.5, "NaN")
        for odd in values:
            spoilt.append({**content, "points": [content["points"][0], {**content["points"][1], name: odd}, {}]})
            spoilt.append({**content, "points": [{**content["points"][1], name: odd, "more": 1}]})
    spoilt += [{key: value for key, value in content.items() if key != name} for name in content]
    said = [said_of(one, Stretch) for one in spoilt]
    assert said == [said_of(one, Span) for one in spoilt]
    assert 5 < said.count("sound") < len(said) / 2 and "key: unreadable (6 validation errors for Stretch)" in said


def test_identities_that_are_written_out_once_are_those_of_all_they_hold() -> None:
    sampled = {"metric": "é", "sampler": {"b": 1.5, "a": None}, "vae": None}
    others: tuple[dict[str, Any], ...] = ({}, sampled, {"image": 1, "images2": 2, "z": 3})
    for measured in others:
        found = Naming(measured).names("ab", (0, 128))
        assert found == {images: digest({**measured, "train": "ab", "images": images}) for images in (0, 128)}


def test_a_file_is_read_whole_however_large_and_a_folder_in_its_place_is_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, data, read = FolderBackend(tmp_path), bytes(range(256)) * 40, os.read
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "b").mkdir()
    (tmp_path / "c").symlink_to("nowhere")
    assert [backend.get(key) for key in "abcd"] == [data, b"", b"", None]
    monkeypatch.setattr(os, "read", lambda number, size: read(number, min(size, 1000)))  # as of files beyond 2 GiB
    assert backend.get("a") == data


def test_garbage_is_collected_again_afterwards() -> None:
    with pytest.raises(ValueError), no_collection():
        assert not gc.isenabled()
        with no_collection():
            pass
        assert not gc.isenabled(), "the outer one ends it"
        raise ValueError
    assert gc.isenabled() and gc.get_freeze_count() == 0


def test_cards_are_told_without_pytorch_as_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cards.asked()
    modules = {name: module for name, module in sys.modules.items() if name != "torch"}
    monkeypatch.setattr(sys, "modules", modules)
    cards.cards.cache_clear()
    assert cards.cards() == whole
    assert "torch" not in modules or whole.names, "it was not imported for it"
    cards.cards.cache_clear()
