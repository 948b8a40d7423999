"""Kinds of failure: what counts against a trial, and what is tried again after which pause."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from set_clock import SetClock, set_clock
from small_studies import expansion

from dit_core.errors import UserError
from service.engine import causes
from service.engine.ledger import Ledger
from service.engine.runner import failure
from service.engine.wire import FAILED, LOST, SegmentResult
from service.policies import create
from service.preflight import Prepared
from service.records.room import NoRoom
from service.records.store import Store

CUDA_OOM = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (UserError("until: not a multiple"), causes.USER_ERROR),
        (CUDA_OOM, causes.OUT_OF_MEMORY),
        (MemoryError(), causes.OUT_OF_MEMORY),
        (RuntimeError("[alloc_cpu.cpp:118] can't allocate memory"), causes.OUT_OF_MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), causes.OUT_OF_MEMORY),
        (caused(RuntimeError("evaluation failed"), CUDA_OOM), causes.OUT_OF_MEMORY),
        (OSError(errno.ENOSPC, "No space left on device"), causes.NO_ROOM),
        (NoRoom("store: cannot write"), causes.NO_ROOM),
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), causes.NO_ROOM),
        (OSError(errno.EIO, "Input/output error"), causes.INFRASTRUCTURE),
        (OSError(errno.ESTALE, "Stale file handle"), causes.INFRASTRUCTURE),
        (ConnectionResetError("by peer"), causes.INFRASTRUCTURE),
        (RuntimeError("CUDA error: uncorrectable ECC error encountered"), causes.INFRASTRUCTURE),
        (FileExistsError(errno.EEXIST, "File exists"), causes.ERROR),
        (ValueError("a bug"), causes.ERROR),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_an_exception_is(error: Exception, cause: str) -> None:
    result = failure(error)
    assert result.cause == cause and result.retry == (cause != causes.USER_ERROR)
    assert (result.traceback != "") == (cause not in (causes.USER_ERROR, causes.NO_ROOM))


def test_pauses_grow_where_time_can_mend_it() -> None:
    assert [causes.pause(causes.OUT_OF_MEMORY, attempt) for attempt in (1, 2, 3)] == [5, 10, 20]
    assert causes.pause(causes.NO_ROOM, 100) == 300 and causes.pause(causes.ERROR, 3) == 0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    return set_clock(monkeypatch, "service.engine.held_up")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    study = expansion({"other": {"training": {"learning_rate": 1e-2}}}, seeds=(0,), rungs=(), budget=64, policy="none")
    identities = {trial.name: trial.arm.name.ljust(64, "0") for trial in study.trials}
    return Ledger(Prepared(study, create(study.study.policy), identities, {}), Store(tmp_path / "store"))


def waited(ledger: Ledger, clock: SetClock):
    """The next segment, once its pause is over."""
    until = clock.now + 3600
    while (segment := ledger.next()) is None and clock.now < until:
        assert not ledger.finished
        clock.now += 1
    assert segment is not None
    return segment


def test_a_full_disk_is_no_trials_failure(ledger: Ledger, clock: SetClock) -> None:
    first = ledger.next()
    for _ in range(5):
        ledger.settle(first, SegmentResult(FAILED, error="store: cannot write", cause=causes.NO_ROOM))
        other = ledger.next()
        assert other is not None and other.trial != first.trial, "other work goes first"
        assert ledger.next() is None and not ledger.finished
        ledger.settle(other, SegmentResult(FAILED, error="store: cannot write", cause=causes.NO_ROOM))
        first = waited(ledger, clock)
        ledger._queue.put(ledger.expansion.trial(other.trial), 64)
        ledger._held_up.due()
    assert ledger.store.failures("tiny") == [] and not ledger.failed


@pytest.mark.parametrize(
    ("kind", "cause", "tries"),
    [(FAILED, causes.OUT_OF_MEMORY, 3), (LOST, "", 3), (LOST, causes.HANG, 3), (LOST, causes.TUNE_TRIAL, 20 + 3)],
)
def test_what_time_may_mend_is_tried_again_after_a_pause_and_then_given_up(
    ledger: Ledger, clock: SetClock, kind: str, cause: str, tries: int
) -> None:
    names = []
    while not ledger.finished:
        segment = waited(ledger, clock)
        names.append(segment.trial)
        ledger.settle(segment, SegmentResult(kind, error="it broke", cause=cause))
    assert sorted(names) == ["baseline seed=0"] * tries + ["other seed=0"] * tries and names[0] != names[1]
    assert set(ledger.failed) == set(names)
    assert {record.cause for record in ledger.store.failures("tiny")} == {cause or causes.LOST_WORKER}
