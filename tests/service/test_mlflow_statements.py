"""How many SQL statements bring MLflow up to date: as many for every trial, and none for what did not change."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow_rows import ask, db_of, empty_database
from sqlalchemy import event
from sqlalchemy.engine import Engine

from service.mlflow_sync import MlflowSync
from service.mlflow_sync.origins import origins_for_mlflow
from service.preflight import Prepared
from service.records.store import Store

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from synthetic_study import fill, study_of

pytestmark = pytest.mark.slow

SIZES = (20, 40, 80)
MOST_A_TRIAL = 30
"""What MLflow's own calls for one trial come to: one run made, its inputs, one batch, one end."""
MOST_IDLE = 15

Counts = list[str]


@contextmanager
def statements() -> Iterator[Counts]:
    """Collects every statement that SQLAlchemy sends to a database meanwhile."""
    found: Counts = []

    def sent(connection: object, cursor: object, statement: str, *more: object) -> None:
        if not statement.startswith("PRAGMA"):  # MLflow sets three for every session
            found.append(statement)

    event.listen(Engine, "before_cursor_execute", sent)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", sent)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Prepared, Store]]:
    """Finished studies of several sizes, each beside an empty database."""
    empty = empty_database(tmp_path_factory.mktemp("empty"))
    made = {}
    for trials in SIZES:
        store = Store(tmp_path_factory.mktemp("stores") / str(trials))
        made[trials] = fill(store, study_of(trials)), store
        shutil.copy(empty, db_of(store))
    return made


@pytest.fixture(scope="module")
def counted(studies: dict[int, tuple[Prepared, Store]]) -> dict[str, dict[int, Counts]]:
    """What was done -> trials -> the statements: two syncs of one process, its end, and another process's."""
    found: dict[str, dict[int, Counts]] = {"first": {}, "again": {}, "end": {}, "ended": {}, "another": {}}
    for trials, (prepared, store) in studies.items():
        sync = MlflowSync(None, prepared, store, about=origins_for_mlflow(store))
        sync.check()
        other = MlflowSync(None, prepared, Store(store.path), about=origins_for_mlflow(store))
        steps = (sync.sync, sync.sync, sync.finish, sync.finish, other.finish)
        for name, step in zip(found, steps, strict=True):
            with statements() as sent:
                assert step() in (True, None), (sync.problem, other.problem)
            found[name][trials] = sent
    return found


def test_every_trial_costs_as_many_statements_however_many_there_are(counted: dict[str, dict[int, Counts]]) -> None:
    first = {trials: len(sent) for trials, sent in counted["first"].items()}
    small, middle, large = SIZES
    a_trial = (first[middle] - first[small]) / (middle - small)
    assert a_trial == (first[large] - first[middle]) / (large - middle), "linear"
    assert 5 < a_trial <= MOST_A_TRIAL


def test_rows_go_together(counted: dict[str, dict[int, Counts]], studies: dict[int, tuple[Prepared, Store]]) -> None:
    """A trial's 130 metrics are one statement, and so are its parameters."""
    for trials, sent in counted["first"].items():
        made = [statement for statement in sent if statement.startswith("INSERT INTO metrics")]
        ((rows,),) = ask(db_of(studies[trials][1]), "select count(*) from metrics")
        assert rows > 100 * trials and trials <= len(made) <= trials + 3


def test_nothing_changed_costs_the_same_few_at_every_size(counted: dict[str, dict[int, Counts]]) -> None:
    for name in ("again", "ended"):
        numbers = {len(sent) for sent in counted[name].values()}
        assert len(numbers) == 1 and numbers.pop() <= MOST_IDLE, (name, counted[name][SIZES[0]])
        assert not [statement for sent in counted[name].values() for statement in sent if _writes(statement)]


def test_another_process_finds_that_nothing_has_changed(counted: dict[str, dict[int, Counts]]) -> None:
    sent = counted["another"]
    assert len({len(found) for found in sent.values()}) == 1, "one page holds all runs"
    assert not [statement for found in sent.values() for statement in found if _writes(statement)]


def _writes(statement: str) -> bool:
    return statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE", "REPLACE"))
