"""A submitted job: its output, which outlives a lost connection, its end, and a request to stop."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from dit_core.errors import UserError
from service.jobs.address import Refused, client_for
from service.redact import redacted

if TYPE_CHECKING:
    from ray.job_submission import JobDetails

T = TypeVar("T")

PATIENCE_SECONDS = 120.0
"""How long a cluster may be away before its output is no longer waited for."""
SILENCE_SECONDS = 20.0
"""After so long without output the cluster is asked whether the job goes on: a dead connection may not say so."""
_ENDED = ("SUCCEEDED", "FAILED", "STOPPED")


class ConnectionLost(UserError):
    """The cluster has not answered for a while; its job may go on."""


@dataclass(frozen=True)
class Job:
    """A submitted job.

    Attributes:
        id: Ray's submission id; it names user and study.
        address: the dashboard's address.
        entrypoint: what runs on the cluster.
        notes: sentences on what travelled with it and what did not.
    """

    id: str
    address: str
    entrypoint: str
    notes: tuple[str, ...] = ()

    def logs(self) -> Iterator[str]:
        """Yields the job's output as it comes, until the job ends; each character once.

        A connection that is lost is made again, as often as it has to be.

        Raises:
            ConnectionLost: the cluster has not answered for two minutes.
        """
        seen = 0
        loop = asyncio.new_event_loop()
        try:
            while True:
                skip = seen  # each connection brings the output from its beginning
                stream = self._patiently(lambda: client_for(self.address)).tail_job_logs(self.id)
                try:
                    for text in _until_silent(loop, stream, self._ended):
                        new, skip = text[skip:], max(0, skip - len(text))
                        if new:
                            seen += len(new)
                            yield new
                except _lost():
                    pass  # asked for below, patiently
                finally:
                    _close(loop, stream)
                if self.status() in _ENDED:
                    yield from self._rest(seen)
                    return
                time.sleep(1.0)
        finally:
            loop.close()

    def status(self) -> str:
        """Returns ``PENDING``, ``RUNNING``, ``SUCCEEDED``, ``FAILED`` or ``STOPPED``."""
        return str(self._patiently(self._info).status.value)

    def wait(self, timeout: float = float("inf")) -> str:
        """Waits until the job has ended, at most ``timeout`` seconds, and returns its status."""
        deadline = time.monotonic() + timeout
        while (status := self.status()) not in _ENDED and time.monotonic() < deadline:
            time.sleep(1.0)
        return status

    def exit_code(self) -> int | None:
        """Returns the exit code of ``dit-ablate run``, None while it runs or when it never started or was stopped."""
        code = self._patiently(self._info).driver_exit_code
        return None if code is None else int(code)

    def stop(self) -> None:
        """Asks the job to write checkpoints and end."""
        client_for(self.address).stop_job(self.id)

    def _info(self) -> JobDetails:
        return client_for(self.address).get_job_info(self.id)

    def _ended(self) -> bool:
        return self._info().status.value in _ENDED

    def _rest(self, seen: int) -> Iterator[str]:
        """The output after what has been seen: a connection may have broken at the end."""
        text = str(self._patiently(lambda: client_for(self.address).get_job_logs(self.id)))
        if text[seen:]:
            yield text[seen:]

    def _patiently(self, ask: Callable[[], T]) -> T:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return ask()
            except Refused:
                raise
            except (UserError, *_lost()) as error:  # type: ignore[misc]
                if "does not exist" in str(error):
                    raise ConnectionLost(
                        f"job: the cluster at {redacted(self.address)} does not know {self.id} (any more: it was "
                        "started anew); submit the study again: it continues"
                    ) from None
                if time.monotonic() > until:
                    raise ConnectionLost(
                        f"address: {redacted(self.address)} has not answered for {PATIENCE_SECONDS:g} s; the job goes "
                        f"on if its cluster does. Its output: {self.command('logs', '--follow')}; if the cluster is "
                        "gone, submit the study again: it continues"
                    ) from None
                time.sleep(1.0)

    def command(self, verb: str, *options: str) -> str:
        """Returns Ray's command on this job, e.g. ``ray job logs``."""
        return shlex.join(("ray", "job", verb, "--address", redacted(self.address), *options, self.id))


def _lost() -> tuple[type[BaseException], ...]:
    """What Ray raises when a connection breaks, on either of its two HTTP clients."""
    import aiohttp
    import requests

    return (RuntimeError, OSError, EOFError, aiohttp.ClientError, requests.exceptions.RequestException)


def _until_silent(
    loop: asyncio.AbstractEventLoop, stream: AsyncIterator[str], ended: Callable[[], bool]
) -> Iterator[str]:
    """Yields what a stream brings; ends with it, or when it is silent though the job has ended."""
    while True:
        coming: asyncio.Task[Any] = loop.create_task(_next(stream))
        over = False
        while not loop.run_until_complete(asyncio.wait({coming}, timeout=SILENCE_SECONDS))[0]:
            if over:
                coming.cancel()
                return
            over = ended()  # raises when the cluster is away
        text = coming.result()
        if text is None:
            return
        yield text


async def _next(stream: AsyncIterator[str]) -> str | None:
    # a task must not end with StopAsyncIteration
    return await anext(stream, None)


def _close(loop: asyncio.AbstractEventLoop, stream: AsyncIterator[str]) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
        loop.run_until_complete(asyncio.wait({task}, timeout=1.0))
    with contextlib.suppress(*_lost(), TimeoutError):
        loop.run_until_complete(asyncio.wait_for(stream.aclose(), 5.0))  # type: ignore[attr-defined]
