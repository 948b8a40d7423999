"""A job's output and its end, as who submitted it sees them: through lost connections, stops, and a slow stop."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cut_proxy import CutProxy
from ray.job_submission import JobSubmissionClient
from tiny_study import dit_ablate, write_study

from service import Client
from service.jobs import job as jobs
from service.jobs.drain import drain
from service.jobs.job import ConnectionLost, Job
from service.jobs.submit import submit_patiently
from service.records.kinds import Stretch
from service.records.store import Store

if TYPE_CHECKING:
    from conftest import RayCluster

LINES = 9


def until(true: Callable[[], bool], seconds: float = 1800) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.2)


@pytest.fixture
def proxied(ray_cluster: RayCluster) -> CutProxy:
    proxy = CutProxy(int(ray_cluster.dashboard.rpartition(":")[2]))
    yield proxy
    proxy.close()


def counting_job(ray_cluster: RayCluster, proxy: CutProxy) -> Job:
    code = f"import time\nfor i in range({LINES}): print('line', i, flush=True); time.sleep(0.5)"
    entrypoint = f'{sys.executable} -c "{code}"'
    client = JobSubmissionClient(ray_cluster.dashboard)
    return Job(submit_patiently(client, entrypoint=entrypoint), f"http://127.0.0.1:{proxy.port}", entrypoint)


def test_output_survives_cut_connections_and_a_cluster_that_stays_away_is_one_sentence(
    ray_cluster: RayCluster, proxied: CutProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = counting_job(ray_cluster, proxied)
    seen: list[str] = []
    cuts = 0
    for text in job.logs():
        seen.append(text)
        if f"line {1 + 4 * cuts}\n" in text and cuts < 2:
            cuts += 1
            proxied.cut()
            threading.Timer(1.0, proxied.mend).start()
    assert cuts == 2
    lines = [line for line in "".join(seen).splitlines() if line.startswith("line ")]
    assert lines == [f"line {number}" for number in range(LINES)]
    assert job.wait(timeout=300) == "SUCCEEDED" and job.exit_code() == 0

    monkeypatch.setattr(jobs, "PATIENCE_SECONDS", 1.0)
    proxied.cut()
    with pytest.raises(ConnectionLost, match=r"has not answered for 1 s; the job goes on if its cluster does. Its"):
        list(job.logs())
    with pytest.raises(ConnectionLost, match="does not know nobodys-job"):
        Job("nobodys-job", ray_cluster.dashboard, "").status()


def test_stopped_jobs_are_no_failures_and_submitting_again_continues(ray_cluster: RayCluster, tmp_path: Path) -> None:
    """Stopped by our command, and by Ray's own (``ray job stop``, which is what a node's drain asks for)."""
    store, batch = tmp_path / "store", 32
    data = {
        "name": "stopped", "seeds": [0], "ablations": [{"axis": "patch_size", "values": [2]}],  # the baseline's own
        "budget_images": 4000 * batch, "rungs": [], "checkpoint_images": 20 * batch, "resources": {"lanes": 1},
    }  # fmt: skip
    path = write_study(tmp_path, **data)
    (tmp_path / "mine.py").write_text("MINE = 1\n")
    with (tmp_path / "images.bin").open("wb") as file:
        file.truncate(200 * 1000**2)
    client = Client(store, address=ray_cluster.dashboard)
    job = client.submit(path)
    assert "Sent along: study.yaml and 1 Python file beside it. Left here: " in job.notes[0]
    until(lambda: len(stretches(store)) > 0)
    assert client.stop("stopped")
    assert job.wait(timeout=600) == "STOPPED"
    said = "".join(job.logs())
    assert f"Resume  dit-ablate submit {path} --store {store} --address {ray_cluster.dashboard}" in said, said

    info = JobSubmissionClient(ray_cluster.dashboard).get_job_info(job.id)
    assert info.metadata["study"] == "stopped" and job.id.startswith(f"{info.metadata['user']}-stopped-")
    assert info.runtime_env["env_vars"]["RAY_JOB_STOP_WAIT_TIME_S"] == "600"
    assert client.status("stopped").interrupted

    (first,) = stretches(store)
    again = client.submit(path)
    until(lambda: stretches(store) != [first])
    assert drain(ray_cluster.dashboard, 0.0, stop=False) == [again.id], "who only waits stops nothing"
    assert again.status() == "RUNNING"
    assert drain(ray_cluster.address, 300.0) == []
    assert again.status() == "STOPPED" and client.status("stopped").interrupted

    # a budget that is reached soon
    (second,) = stretches(store)
    budget = second[-1].images + 20 * batch
    last = dit_ablate("run", path, "--store", store, "--executor", "local", "--budget", budget)
    assert last.exit_code == 0 and client.status("stopped").done, last.output
    (curve,) = stretches(store)
    assert curve[: len(first)] == first and curve[: len(second)] == second
    assert {stretch.run for stretch in curve} == {1, 2, 3}, "each run has trained"
    ends = [stretch.images for stretch in curve]
    assert [stretch.start for stretch in curve] == [0, *ends[:-1]] and ends[-1] == budget, "each went on from the last"


def stretches(folder: Path) -> list[list[Stretch]]:
    """What has been trained of the trials that have begun."""
    store = Store.existing(folder)
    curves = [store.curve(trial.name) for trial in folder.glob("trials/*")] if store is not None else []
    return [curve for curve in curves if curve]


def test_ray_waits_for_a_job_that_is_asked_to_stop(ray_cluster: RayCluster) -> None:
    """The variable that ``submit`` sets is the one that Ray's job supervisor reads: a slow end is waited for.

    Without it Ray kills after three seconds. What the program prints is not in its code, which the output begins with.
    """
    code = (
        "import signal, sys, time\n"
        "def slowly(*_): time.sleep(4.5); print('checkpoint', 'written', flush=True); sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, slowly); print('handler', 'set', flush=True); time.sleep(3600)"
    )
    entrypoint = f'exec {sys.executable} -c "{code}"'
    client = JobSubmissionClient(ray_cluster.dashboard)
    environment = {"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "60"}}
    name = submit_patiently(client, entrypoint=entrypoint, runtime_env=environment)
    job = Job(name, ray_cluster.dashboard, entrypoint)
    until(lambda: "handler set" in client.get_job_logs(job.id))
    client.stop_job(job.id)
    assert job.wait(600) == "STOPPED"
    assert "checkpoint written" in client.get_job_logs(job.id)
