"""A TCP proxy that can be cut: it drops every connection, and refuses new ones until it is mended."""

from __future__ import annotations

import contextlib
import socket
import threading


class CutProxy:
    """Forwards a port of this machine to another.

    Args:
        target: port on 127.0.0.1 to forward to.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._whole = threading.Event()
        self._whole.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Drops all connections and refuses new ones."""
        self._whole.clear()
        for pair in self._pairs:
            for end in pair:
                _drop(end)
        self._pairs.clear()

    def mend(self) -> None:
        """Forwards again."""
        self._whole.set()

    def close(self) -> None:
        """Ends it."""
        self.cut()
        _drop(self._listener)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._whole.is_set():
                _drop(near)
                continue
            self.connections += 1
            far = socket.create_connection(("127.0.0.1", self._target))
            self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _drop(source)
    _drop(sink)


def _drop(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
