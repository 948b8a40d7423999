"""Signals that ask a command to end, with the dispositions that scripts and terminals start it with."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest
from tiny_study import BATCH, write_study

from service.engine import read_live
from service.engine.signals import Signals
from service.records.store import Store

SENT = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def command(folder: Path) -> list[str]:
    """A run that takes minutes."""
    path = write_study(folder, name="long", budget_images=4000 * BATCH, rungs=[], seeds=[0], policy="none")
    return [sys.executable, "-m", "service", "run", str(path), "--executor", "local", "--store", str(folder / "store")]


def until_it_trains(folder: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 600
    while time.monotonic() < until and process.poll() is None:
        if (folder / "store" / "store.json").exists():
            live = read_live(Store(folder / "store"), "long")
            if live is not None and any(item.images for item in live.running):
                return
        time.sleep(0.2)
    raise AssertionError("it does not train")


@pytest.mark.slow
def test_an_interrupt_that_was_ignored_at_the_start_is_obeyed_and_an_ignored_hang_up_is_not(tmp_path: Path) -> None:
    shell = ["sh", "-c", 'trap "" INT HUP; exec "$@"', "-", *command(tmp_path)]
    process = subprocess.Popen(shell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        until_it_trains(tmp_path, process)
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=600)[0].decode()
    finally:
        process.kill()
    assert process.returncode == 3 and "Traceback" not in said, said
    assert list((tmp_path / "store" / "trials").rglob("*.safetensors"))


@pytest.mark.slow
def test_a_terminal_that_goes_away_leaves_a_checkpoint(tmp_path: Path) -> None:
    leader, follower = pty.openpty()

    def own_terminal() -> None:
        os.setsid()
        fcntl.ioctl(follower, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        command(tmp_path), stdin=follower, stdout=follower, stderr=follower, preexec_fn=own_terminal
    )
    os.close(follower)
    os.set_blocking(leader, False)
    trains = threading.Event()

    def read() -> None:  # a terminal that nobody reads is full after some pages, and what writes to it waits
        while not trains.is_set():
            with contextlib.suppress(BlockingIOError):
                os.read(leader, 65536)
            time.sleep(0.02)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        try:
            until_it_trains(tmp_path, process)
        finally:
            trains.set()
            reader.join()
        os.close(leader)  # the kernel sends the hang-up
        assert process.wait(timeout=600) == 3
    finally:
        process.kill()
    assert list((tmp_path / "store" / "trials").rglob("*.safetensors"))
    assert Store(tmp_path / "store").runs("long")[1].interrupted


@pytest.mark.parametrize("number", SENT)
def test_handlers_are_taken_again_and_given_back(number: signal.Signals) -> None:
    before, seen = signal.getsignal(number), []
    signals = Signals(lambda: seen.append(number))
    signals.take()
    signal.signal(number, signal.SIG_DFL)  # as a library does
    signals.take()
    os.kill(os.getpid(), number)
    signals.give_back()
    assert seen == [number] and signal.getsignal(number) == before


@pytest.mark.slow
def test_an_interrupt_while_python_ends_prints_no_traceback() -> None:
    code = (
        "import atexit, os, signal, sys\nfrom service.cli import main\n"
        "atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))\nsys.argv = ['dit-ablate', '--help']\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == -signal.SIGINT and "Usage" in done.stdout
    assert done.stderr == ""
