"""What tests keep between processes lies in a folder of their own, and a quick test starts no Python process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_STARTED: list[Path] = []
"""Programs that this process has started."""
_BEFORE = pytest.StashKey[int]()
QUICK = ("dit_core", "search_spaces", "service")
"""Folders, beside the tests of the whole project, whose tests `make test-fast` runs unless they are marked as slow."""


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of it, what was counted of networks is shared by all processes of a run, as on any machine."""
    run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    counts, cache = run / "counts", tmp_path_factory.mktemp("cache")
    counts.mkdir(exist_ok=True)
    (cache / "gflops").symlink_to(counts, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIT_ABLATE_CACHE", str(cache))
        yield


@pytest.fixture(scope="session", autouse=True)
def _hangups_are_heard() -> None:
    """Under ``nohup`` a process ignores them, and so would every command that the tests start and then hang up on."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen":
        _STARTED.append(Path(os.fsdecode(arguments[0])))  # type: ignore[arg-type]


sys.addaudithook(_listen)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[_BEFORE] = len(_STARTED)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """An interpreter takes a tenth of a second to start and PyTorch seconds to import: see CONTRIBUTING.md."""
    tests = item.path.relative_to(Path(__file__).parent).parts
    if (len(tests) > 1 and tests[0] not in QUICK) or any(item.iter_markers("slow")):
        return
    python = Path(sys.executable)
    started = [path for path in _STARTED[item.stash[_BEFORE] :] if path.parent == python.parent]
    if started:
        pytest.fail(f"it starts {started[0].name}: mark it, and what else uses the same fixture, with pytest.mark.slow")
