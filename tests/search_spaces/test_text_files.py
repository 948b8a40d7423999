"""YAML as version 1.2 reads it, strictly, and single values as they are typed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dit_core.errors import UserError
from search_spaces.text_files import read_value, read_yaml, write_value, write_yaml

SCALARS = {
    "010": 10, "0o10": 8, "0x1F": 31, "+5": 5, "1e5": 1e5, "12e03": 12e3, "1.": 1.0, "-.5e-3": -5e-4, ".inf": math.inf,
    "2:08": "2:08", "yes": "yes", "off": "off", "on": "on", "y": "y", "1_000": "1_000", "2020-01-01": "2020-01-01",
    "true": True, "True": True, "null": None, "~": None, "": None, "=": "=", "<<": "<<", "0b1": "0b1", "e5": "e5",
}  # fmt: skip
TEXTS = [
    "/d/flat #2", "#2", "a: b", "a:b", "*x", "&x", "@x", "%", "!x", "- a", "010", "1e5", "2:08", "yes", "true", "null",
    "~", "", " ", " x ", " 5", "5 ", "'q'", '"', "[a", "[a]", "{a: 1}", "a\nb", "\t", "é😀", "=", "<<", ".inf", "0o7",
    "a=b", "\\",
]  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_scalars(text: str) -> None:
    expected = SCALARS[text]
    for found in (read_yaml(f"k: {text}", "x")["k"], read_value(text)):
        assert found == expected and type(found) is type(expected)
    assert math.isnan(read_value(".nan"))


@pytest.mark.parametrize("text", TEXTS)
def test_text_comes_back_as_it_was(text: str) -> None:
    assert read_value(write_value(text)) == text
    assert read_yaml(write_yaml({"k": [text], text: 1}), "x") == {"k": [text], text: 1}


@pytest.mark.parametrize("value", [5, 1e-5, 1e22, 10**30, True, None, [1, "2", None], {"a": [1.5, "b # c"]}, []])
def test_values_come_back_as_they_were(value: Any) -> None:
    found = read_value(write_value(value))
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("text", ["/d/flat #2", "a: b", "*x", "- a", " /d ", "#"])
def test_a_value_alone_is_taken_as_typed(text: str) -> None:
    assert read_value(text) == text


@pytest.mark.parametrize("text", ["[1, 2", "[1] # c", "'it", '"a" b', "{a: 1", "[" * 3000])
def test_what_is_opened_must_be_closed(text: str) -> None:
    with pytest.raises(UserError, match="does not close, at its end, the "):
        read_value(text)


def test_merge_keys() -> None:
    text = "- &p {axis: block, name: A}\n- {<<: *p, name: B}\n"
    assert read_yaml(text, "x") == [{"axis": "block", "name": "A"}, {"axis": "block", "name": "B"}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 3000, "x: nested too deeply"),
        ("a: " + "1" * 5000, "x: line 1: '1111"),
        ("a: !!float abc", "x: not valid YAML (could not convert string to float: 'abc')"),
        (
            "a: !!timestamp 2001-99-99n",
            "x: not valid YAML (a value does not fit its tag, such as !!timestamp or !!bool)",
        ),
        ("a: !!bool maybe", "x: not valid YAML (a value does not fit its tag, such as !!timestamp or !!bool)"),
        ("1: 2", "x: line 1: a key must be a word, given '1'"),
        (
            "name: {{ name }}",
            "x: line 1: a key must be a word, given a list or a mapping; a template's {{ name }} is filled in",
        ),
        ("a: &a [*a]", "x: line 1, column 4: not valid YAML (found unconstructable recursive node)"),
    ],
)
def test_mistakes_are_one_sentence(text: str, says: str) -> None:
    with pytest.raises(UserError) as error:
        read_yaml(text, "x")
    assert str(error.value).startswith(says) and "\n" not in str(error.value)
