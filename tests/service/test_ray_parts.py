"""What the Ray layer is made of, without a cluster: names, interfaces, causes, leftovers of dead processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dit_core.errors import UserError
from service.engine import causes, cluster, node_check
from service.engine.interface import interface_of
from service.engine.naming import RunName
from service.engine.runner import failure


def test_names_bear_study_and_user_and_tell_runs_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIT_ABLATE_USER", "ada l")
    ours, former = RunName("digits", "a" * 32, "11111111"), RunName("digits", "a" * 32, "22222222")
    name = ours.of("lane-0", 3)
    assert name == "dit-ablate/digits/ada-l/lane-0/aaaaaaaa-11111111-3"
    assert ours.is_own(name) and not ours.is_former(name)
    assert former.is_former(name) and not former.is_own(name)
    for other in (RunName("digits", "b" * 32, "22222222"), RunName("digit", "a" * 32, "22222222")):
        assert not other.is_former(name) and not other.is_own(name), "another store's or study's run is left alone"
    assert not ours.is_former("") and not ours.is_former("somebody else's")


def test_the_interface_of_an_address() -> None:
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("203.0.113.7") == "" and interface_of("no address") == ""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return  # this machine has no network
        assert interface_of(probe.getsockname()[0]) not in ("", "lo")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Task was killed due to the node running low on memory.", causes.OUT_OF_MEMORY),
        ("The actor died because its node has died. Node Id: 1234", causes.LOST_NODE),
        (
            "The actor is dead because its worker process has died. (1) The process is killed by SIGKILL by OOM killer",
            causes.LOST_WORKER,
        ),
        ("ValueError: a mistake", causes.ERROR),
    ],
)
def test_causes_of_lost_workers(text: str, cause: str) -> None:
    assert causes.of_lost_worker(text) == cause


def test_causes_of_failures() -> None:
    assert failure(UserError("a mistake")).cause == causes.USER_ERROR
    assert failure(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")).cause == causes.OUT_OF_MEMORY
    assert failure(MemoryError()).cause == causes.OUT_OF_MEMORY
    assert failure(ValueError("a bug")).cause == causes.ERROR


def test_versions_name_what_is_missing() -> None:
    here = node_check.versions()
    assert here["torch"] and len(here["the code of dit-ablate"]) == 12
    there = node_check.NodeReport({**here, "torch": "", "numpy": "1.0"}, "", {})
    assert node_check.differences("10.0.0.2", there, here) == [
        f"node 10.0.0.2 has torch missing, and the driver has {here['torch']}",
        f"node 10.0.0.2 has numpy 1.0, and the driver has {here['numpy']}",
    ]


@pytest.mark.slow
def test_what_a_dead_process_of_ray_left_is_ended_and_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f"{cluster._prefix()}{dead.pid}-abc"
    kept = tmp_path / f"{cluster._prefix()}{os.getpid()}-abc"
    for folder in (left, kept):
        folder.mkdir()
    code = "import time; time.sleep(600)"
    agents = [
        subprocess.Popen([sys.executable, "-c", code, "/site-packages/ray/agent.py", f"--logs={folder}/logs"])
        for folder in (left, kept)
    ]
    try:
        cluster._clear_dead_folders(tmp_path)
        assert agents[0].wait(timeout=300) == -9 and not left.exists()
        assert agents[1].poll() is None and kept.exists(), "the agents of a process that lives are left alone"
    finally:
        for agent in agents:
            agent.kill()
            agent.wait()


def test_scratch_folders_of_killed_runs_of_this_study_are_cleared(tmp_path: Path) -> None:
    from service.engine.driver import _clear_scratch

    for name in ("tiny-0123abcd", "tiny-two-0123abcd", "tiny-0123abcd-else"):
        (tmp_path / name / "inside").mkdir(parents=True)
    _clear_scratch(tmp_path / "tiny-99999999")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny-0123abcd-else", "tiny-two-0123abcd"]


def test_a_head_that_is_gone_is_noticed_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    from service.engine import lifeline
    from service.engine.failures import ClusterGone

    with socket.socket() as head:
        head.bind(("127.0.0.1", 0))
        head.listen()
        address = f"127.0.0.1:{head.getsockname()[1]}"

        class Context:
            gcs_address = address

            @staticmethod
            def get_node_id() -> str:
                return "here"

        monkeypatch.setattr(ray, "get_runtime_context", Context)
        line = lifeline.Lifeline()
        accepting = threading.Thread(target=head.accept)
        accepting.start()
        assert line.holds()
        accepting.join()
    assert not line.holds(), "it may come back"
    monkeypatch.setattr(lifeline, "GONE_SECONDS", 0.0)
    with pytest.raises(ClusterGone, match=f"the head of the Ray cluster at {address} has not answered"):
        line.holds()


def test_tune_puts_nothing_of_the_study_aside() -> None:
    import pickle

    from service.engine.searcher import PolicySearcher

    searcher = PolicySearcher(threading.Lock(), room=lambda: 1)  # what cannot be pickled, as a ledger's locks
    assert pickle.dumps(searcher)


def test_a_ray_that_does_not_start_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    from search_spaces.study import Resources
    from service.engine.failures import LanesFailed

    def times_out(**_: object) -> None:  # as on a machine too busy for it, which cannot be had here
        raise Exception("The current node timed out during startup. This could happen because the raylet failed ...")

    monkeypatch.setattr(ray, "init", times_out)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    expected = "^Ray does not start on this machine: The current node timed out during startup$"
    with pytest.raises(LanesFailed, match=expected), cluster.cluster(None, None, Resources()):
        pass
