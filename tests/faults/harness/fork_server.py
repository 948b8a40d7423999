"""A process that has imported everything and forks commands of ``dit-ablate``: starting one costs milliseconds.

Started as ``python fork_server.py SOCKET``, it takes one request per line of JSON and answers with lines of JSON::

    {"arguments": [...], "log": PATH, "env": {...}, "cwd": PATH, "fault": {...}, "modules": PATH}  ->  {"started": PID}
    when a child has ended                                                               ->  {"ended": PID, "status": N}

``status`` is what ``os.waitstatus_to_exitcode`` makes of it: negative for a signal. No thread runs and no tensor is
computed before a fork, so a child is what a command started from a shell is, all but the imports.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import interposed


def main() -> None:
    """Serves until the socket is closed; in a child it returns what to run."""
    channel = socket.socket(socket.AF_UNIX)
    channel.connect(sys.argv[1])
    preload(Path(sys.argv[2]).read_text().split())
    gc.collect()
    gc.freeze()  # else the first collection in a child copies the whole heap
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    say(channel, {"ready": os.getpid(), "threads": threads, "tasks": len(os.listdir("/proc/self/task"))})
    request = serve(channel)
    if request is not None:
        run(request)


def preload(modules: list[str]) -> None:
    """Imports what commands import late; what cannot be imported is left to them."""
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def serve(channel: socket.socket) -> dict[str, Any] | None:
    """Forks a child for every request; returns the request in the child and None when the socket is closed."""
    wake, woken = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = selectors.DefaultSelector()
    waiting.register(channel, selectors.EVENT_READ)
    waiting.register(woken, selectors.EVENT_READ)
    unread = b""
    while True:
        for key, _ in waiting.select():
            data = key.fileobj.recv(65536)  # type: ignore[union-attr]
            if key.fileobj is woken:
                reap(channel)
                continue
            if not data:
                return None
            *lines, unread = (unread + data).split(b"\n")
            for line in lines:
                request = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for item in (waiting, channel, wake, woken):
                        item.close()
                    return dict(request)
                say(channel, {"started": pid})


def reap(channel: socket.socket) -> None:
    """Tells of every child that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        say(channel, {"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def say(channel: socket.socket, message: dict[str, Any]) -> None:
    """Sends one line."""
    channel.sendall(json.dumps(message).encode() + b"\n")


def run(request: dict[str, Any]) -> None:
    """Becomes the command."""
    os.setsid()
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    if request["modules"]:
        atexit.register(lambda: Path(request["modules"]).write_text("\n".join(sys.modules)))
    if request["fault"]:
        interposed.install(**request["fault"])
    sys.argv = ["dit-ablate", *request["arguments"]]
    code = command()
    sys.stdout.flush()
    sys.stderr.flush()
    threading._shutdown()  # what an interpreter does at its end, without taking 5,000 modules apart
    atexit._run_exitfuncs()
    os._exit(code)


def command() -> int:
    """Runs ``dit-ablate`` and returns its exit code."""
    from service.cli import main as dit_ablate

    try:
        dit_ablate()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
