"""Odd values and odd changes: of plain data, of text and of bytes. All of it follows from a ``random.Random``."""

from __future__ import annotations

import copy
import random
import string
from collections.abc import Callable
from typing import Any

Path = tuple[Any, ...]

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 7, 10**6, 10**12, 2**31, 2**63, 2**64, 10**400, -(10**30), 0.0, -0.0, 0.5,
    1e-300,
    1e308, float("inf"), float("-inf"), float("nan"), "", " ", "\n", "\t", "\x00", "a\x00b", "none", "None", "null",
    "nan",
    "inf", "1e999", "-5", "0x10", "١٢٣", "1_000", "yes", "no", "on", "off", "true", "~", "=", "<<", "*", "&a",
    "!!int 3",
    "ＳＩＺＥ", "café", "😀" * 5, "\u202e\u200b", "\ud800", "e\u0301" * 50, "x" * 300, "x" * 20000, "../..",
    "/etc/passwd", "a/b", "..",
    "{{ name }}", "[red]", "[/red]", "%s%n", "$(x)", "`x`", "'", '"', "<script>", ":", "#", ",", "S", "L", "XXL",
    "sizes",
    [], {}, [[]], [{}], {"": ""}, {"name": "x"}, [None], [1, "a", None], ["S", "S"], [0, 0], [True], [1.5],
    {"a": {"b": {}}},
    list(range(200)), {str(i): i for i in range(200)},
)  # fmt: skip
_KEYS = (
    "name", "seeds", "seed", "budget_images", "rungs", "policy", "resources", "baseline", "ablations", "grid",
    "ladder",
    "axis", "values", "action", "controls", "overrides", "profile", "size", "__class__", "model_config", "",
    "x" * 300,
    "naïve", "a.b", "a b", "\x00", "training.batch_size", "model.depth", "data.path", "options", "primary_metric",
)  # fmt: skip


def value(chance: random.Random) -> Any:
    """An odd value, which belongs to the caller: a later change of it changes no other case."""
    kind = chance.random()
    if kind < 0.80:
        return copy.deepcopy(chance.choice(_VALUES))
    if kind < 0.86:
        return nested(chance.choice((5, 60, 400)), chance.random() < 0.5)
    if kind < 0.93:
        return chance.choice((chance.randint(-(10**6), 10**6), chance.uniform(-10, 10), chance.randint(0, 2**80)))
    return word(chance)


def word(chance: random.Random) -> str:
    """Text of any characters."""
    alphabet = string.printable + "äßλ中\u2028\u0000\ufeff"
    return "".join(chance.choice(alphabet) for _ in range(chance.choice((1, 3, 12, 60))))


def nested(depth: int, lists: bool) -> Any:
    """Lists in lists or mappings in mappings."""
    found: Any = 1
    for _ in range(depth):
        found = [found] if lists else {"a": found}
    return found


def near(text: str, chance: random.Random) -> str:
    """A typing mistake."""
    if not text:
        return "x"
    at = chance.randrange(len(text))
    letter = chance.choice(string.ascii_lowercase + "_-. 1")
    return chance.choice(
        (text[:at] + text[at + 1 :], text[:at] + letter + text[at:], text[:at] + letter + text[at + 1 :], text.upper(),
         f" {text} ", f"{text}s", text.replace("_", "-"), text[::-1])
    )  # fmt: skip


def places(data: Any, here: Path = ()) -> list[Path]:
    """The path of everything below ``data``."""
    found: list[Path] = [here] if here else []
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, item in items:
        found += places(item, (*here, key))
    return found


def changed(data: Any, chance: random.Random) -> Any:
    """Changes plain data in one place; ``data`` itself may be changed."""
    found = places(data)
    if not found:
        return value(chance)
    path = chance.choice(found)
    parent = data
    for key in path[:-1]:
        parent = parent[key]
    key, old = path[-1], parent[path[-1]]
    for how in chance.sample(_CHANGES, len(_CHANGES)):
        if how(parent, key, old, chance):
            return data
    return data


def _replace(parent: Any, key: Any, old: Any, chance: random.Random) -> bool:
    parent[key] = value(chance)
    return True


def _mistype(parent: Any, key: Any, old: Any, chance: random.Random) -> bool:
    if isinstance(old, str):
        parent[key] = near(old, chance)
    elif isinstance(old, int | float) and not isinstance(old, bool):
        parent[key] = chance.choice((old + 1, -old, old * 10**9, old / 3, str(old), f"{old}x", [old], old == 1))
    return isinstance(old, str | int | float)


def _delete(parent: Any, key: Any, old: Any, chance: random.Random) -> bool:
    del parent[key]
    return True


def _wrap(parent: Any, key: Any, old: Any, chance: random.Random) -> bool:
    parent[key] = chance.choice(([old], {"name": old}, {str(old)[:20]: old}, [old, copy.deepcopy(old)]))
    return True


def _rename(parent: Any, key: Any, old: Any, chance: random.Random) -> bool:
    if not isinstance(parent, dict):
        return False
    parent[near(str(key), chance) if chance.random() < 0.6 else chance.choice(_KEYS)] = parent.pop(key)
    return True


def _add(parent: Any, key: Any, old: Any, chance: random.Random) -> bool:
    if isinstance(parent, dict):
        parent[chance.choice(_KEYS)] = value(chance)
    else:
        parent.insert(0, chance.choice((copy.deepcopy(old), value(chance))))
    return True


_CHANGES: tuple[Callable[[Any, Any, Any, random.Random], bool], ...] = (
    _replace, _replace, _mistype, _mistype, _delete, _wrap, _rename, _add,
)  # fmt: skip


def garbled(data: bytes, chance: random.Random) -> bytes:
    """Changes bytes: a flipped bit, a part that is missing or doubled, or something put in."""
    if not data:
        return bytes(chance.randrange(256) for _ in range(20))
    at = chance.randrange(len(data))
    end = min(len(data), at + chance.choice((1, 10, 200)))
    kind = chance.randrange(7)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
    if kind == 1:
        return data[:at]
    if kind == 2:
        return data[:at] + data[end:]
    if kind == 3:
        return data[:end] + data[at:]
    if kind == 4:
        return data[:at] + bytes(chance.randrange(256) for _ in range(chance.choice((1, 4, 64)))) + data[at:]
    if kind == 5:
        return data[:at] + chance.choice(_PIECES) + data[at:]
    lines = data.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines)


_PIECES = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\t", b"\r\n", b"\n---\n", b"\n...\n", b"&a [*a]", b"*a",
    b"!!python/object:os.system x", b"!!float x",
    b"!!timestamp 2001-99-99", b"!!binary ***", b"!!set {a}", b"!!omap [a]", b"<<: [1]", b"<<: *b", b"? [a]\n: b\n",
    b"{", b"}", b"[" * 2000,
    b"{a: " * 300, b"'", b'"', b"|\n", b">\n", b"%YAML 9.9\n", b"# ", b": ", b"- ", b"?", b"@", b"`", b"1e9999",
    b"9" * 5000, b"0o99",
    b"-.inf", b".nan", b"NaN", b"Infinity", b"\\u0000", b"\\ud800", b"\\x", "\u2028\u2029\u0085\ufeff".encode(),
)  # fmt: skip
