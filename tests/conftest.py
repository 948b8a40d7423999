"""What tests keep between processes lies in a folder of their own."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIT_ABLATE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _hangups_are_heard() -> None:
    """Under ``nohup`` a process ignores them, and so would every command that the tests start and then hang up on."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
