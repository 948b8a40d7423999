"""Signals that come where Python cannot raise: in a callback or a destructor, or while a library tidies up."""

from __future__ import annotations

import logging
import os
import signal
import time
import weakref

import pytest

from service.cli.interrupt import signals_interrupt


class Thing:
    """What a weak reference can point to."""


def wait_for_it() -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_a_callback_of_a_weak_reference_interrupts_and_prints_nothing(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), signals_interrupt():
        thing = Thing()
        kept = weakref.ref(thing, lambda _: os.kill(os.getpid(), number))
        del thing
        reached.append(kept)
        wait_for_it()
    assert reached, "the interrupt was raised in the callback itself"
    assert capfd.readouterr().err == ""


def test_a_signal_in_a_destructor_interrupts_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    class Ends(Thing):
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt), signals_interrupt():
        Ends()
        wait_for_it()
    assert capfd.readouterr().err == ""


def test_another_error_in_a_destructor_is_left_to_who_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fails(Thing):
        def __del__(self) -> None:
            raise ValueError("a bug")

    shown: list[str] = []
    monkeypatch.setattr("sys.unraisablehook", lambda what: shown.append(str(what.exc_value)))
    with signals_interrupt():
        Fails()
    assert shown == ["a bug"]


def test_an_interrupt_that_a_library_logs_while_it_tidies_up_is_raised_and_not_shown(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("some.library")
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    logger.addHandler(handler)
    try:
        with pytest.raises(KeyboardInterrupt), signals_interrupt():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                wait_for_it()
            except BaseException:
                logger.error("Exception during reset", exc_info=True)
                raise
        logger.error("said of something else")
    finally:
        logger.removeHandler(handler)
    assert capfd.readouterr().err == "said of something else\n"
