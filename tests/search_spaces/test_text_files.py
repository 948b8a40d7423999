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

BOMB = "".join(
    f"a{level}: &a{level} [{', '.join(['x' if level == 0 else f'*a{level - 1}'] * 9)}]\n" for level in range(10)
)
"""Ten lines that stand for 9^10 values."""
MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, 10)
)


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


@pytest.mark.parametrize("text", ["[1, 2", "[1] # c", "'it", '"a" b', "{a: 1"])
def test_what_is_opened_must_be_closed(text: str) -> None:
    with pytest.raises(UserError, match="does not close, at its end, the "):
        read_value(text)


def test_a_value_alone_is_no_deeper_either() -> None:
    for text in ("[" * 60 + "]" * 60, "[" * 3000):
        with pytest.raises(UserError, match=r"^line 1: nested more than 50 levels deep$"):
            read_value(text)


def test_aliases_of_usual_size_are_written_out() -> None:
    assert read_yaml("a: &a [1, 2]\nb: [*a, *a]", "x") == {"a": [1, 2], "b": [[1, 2], [1, 2]]}


def test_merge_keys() -> None:
    text = "- &p {axis: block, name: A}\n- {<<: *p, name: B}\n"
    assert read_yaml(text, "x") == [{"axis": "block", "name": "A"}, {"axis": "block", "name": "B"}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 3000, "x: line 1: nested more than 50 levels deep"),
        ("a: 1\nb: " + "[" * 60 + "]" * 60, "x: line 2: nested more than 50 levels deep"),
        (
            "a: &a " + "[" * 30 + "]" * 30 + "\nb: " + "[" * 30 + "*a" + "]" * 30,
            "x: line 2: nested more than 50 levels",
        ),
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
        ("a: &a [*a]", "x: line 1: *a stands inside of what it stands for"),
        (BOMB, "x: line 5: what its aliases (*name) stand for makes this 66,430 values; at most 50,000 are read"),
        (MERGED, "x: line 6: what its aliases (*name) stand for makes this 199,288 values; at most 50,000 are read"),
        ("\n".join(["a:", *["- 1"] * 50_000]), "x: line 49999: here begins value 50,001; at most 50,000 are read"),
    ],
)
def test_mistakes_are_one_sentence(text: str, says: str) -> None:
    with pytest.raises(UserError) as error:
        read_yaml(text, "x")
    assert str(error.value).startswith(says) and "\n" not in str(error.value)
