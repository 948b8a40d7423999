"""A study is killed at operations from its store's creation to its end; `make faults` tries as many as time allows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "harness"))

import kills
from judged import Seen, compare, see
from worlds import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    with World(tmp_path_factory.mktemp("faults"), seed=7) as found:
        yield found


def test_killed_at_any_operation_ends_as_undisturbed(world: World) -> None:
    row = kills.at_operations(world, 8)
    assert len(row.verdicts) == 8
    assert [str(verdict) for verdict in row.failed] == []


def test_killed_three_times_in_a_row_ends_as_undisturbed(world: World) -> None:
    row = kills.chains(world, 2)
    assert [str(verdict) for verdict in row.failed] == []


def test_the_harness_sees_what_is_wrong(world: World) -> None:
    """The judge must not be blind: what it looks at is there, and what is taken away or changed is noticed."""
    expected = see(world.undisturbed)
    assert len(expected.states) == 5 and len(expected.losses) == 20 and len(expected.weights) == 3
    assert len(expected.runs) == 4 and len(expected.metrics) > 60 and expected.decisions
    assert compare(expected, expected).none
    for name in ("states", "losses", "weights", "decisions", "runs", "metrics"):
        whole = dict(getattr(expected, name))
        key = next(iter(whole))
        assert compare(Seen(**{**vars(expected), name: {**whole, key: "other"}}), expected).changed
        del whole[key]
        assert compare(Seen(**{**vars(expected), name: whole}), expected).lost
    assert compare(Seen(**{**vars(expected), "twice": ("a metric",)}), expected).duplicated
