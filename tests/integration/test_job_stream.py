"""A job's output and its end, as who submitted it sees them: through lost connections, a stop, and a slow stop."""

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
from tiny_study import dit_ablate, study_data, write_study

from service import Client
from service.jobs import job as jobs
from service.jobs.drain import drain
from service.jobs.job import ConnectionLost, Job

if TYPE_CHECKING:
    from conftest import RayCluster

LINES = 12


def until(true: Callable[[], bool], seconds: float = 90) -> None:
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
    code = f"import time\nfor i in range({LINES}): print('line', i, flush=True); time.sleep(0.7)"
    entrypoint = f'{sys.executable} -c "{code}"'
    client = JobSubmissionClient(ray_cluster.dashboard)
    return Job(client.submit_job(entrypoint=entrypoint), f"http://127.0.0.1:{proxy.port}", entrypoint)


def test_output_survives_a_cut_connection_and_comes_once(ray_cluster: RayCluster, proxied: CutProxy) -> None:
    job = counting_job(ray_cluster, proxied)
    seen: list[str] = []
    cuts = 0
    for text in job.logs():
        seen.append(text)
        if f"line {2 + 4 * cuts}\n" in text and cuts < 2:
            cuts += 1
            proxied.cut()
            threading.Timer(2.0, proxied.mend).start()
    assert cuts == 2
    lines = [line for line in "".join(seen).splitlines() if line.startswith("line ")]
    assert lines == [f"line {number}" for number in range(LINES)]
    assert job.wait(timeout=30) == "SUCCEEDED" and job.exit_code() == 0


def test_a_cluster_that_stays_away_is_one_sentence(
    ray_cluster: RayCluster, proxied: CutProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PATIENCE_SECONDS", 3.0)
    job = counting_job(ray_cluster, proxied)
    with pytest.raises(ConnectionLost, match=r"has not answered for 3 s; the job goes on if its cluster does. Its"):
        for text in job.logs():
            if "line 1\n" in text:
                proxied.cut()
    direct = Job(job.id, ray_cluster.dashboard, job.entrypoint)
    assert direct.wait(timeout=60) == "SUCCEEDED"
    with pytest.raises(ConnectionLost, match="does not know nobodys-job"):
        Job("nobodys-job", ray_cluster.dashboard, "").status()


def test_a_graceful_stop_is_no_failure_and_submitting_again_continues(ray_cluster: RayCluster, tmp_path: Path) -> None:
    store, batch = tmp_path / "store", 32
    data = {
        "name": "stopped", "seeds": [0], "ablations": study_data()["ablations"], "budget_images": 400 * batch,
        "rungs": [], "checkpoint_images": 20 * batch, "resources": {"lanes": 1},
    }  # fmt: skip
    path = write_study(tmp_path, **data)
    (tmp_path / "mine.py").write_text("MINE = 1\n")
    with (tmp_path / "images.bin").open("wb") as file:
        file.truncate(200 * 1000**2)
    job = Client(store, address=ray_cluster.dashboard).submit(path)
    assert "Sent along: study.yaml and 1 Python file beside it. Left here: " in job.notes[0]
    until(lambda: any(store.glob("trials/*/checkpoints/*.safetensors")), 200)
    assert Client(store).stop("stopped")
    assert job.wait(timeout=120) == "STOPPED"
    said = "".join(job.logs())
    assert f"Resume  dit-ablate submit {path} --store {store} --address {ray_cluster.dashboard}" in said, said

    info = JobSubmissionClient(ray_cluster.dashboard).get_job_info(job.id)
    assert info.metadata["study"] == "stopped" and job.id.startswith(f"{info.metadata['user']}-stopped-")
    assert info.runtime_env["env_vars"]["RAY_JOB_STOP_WAIT_TIME_S"] == "600"
    before = {file.name for file in store.glob("trials/*/checkpoints/*.safetensors")}
    assert before and Client(store).status("stopped").interrupted

    # the command that was shown, typed: it goes on from the checkpoint, with a budget that ends soon
    again = dit_ablate(
        "submit", path, "--store", store, "--address", ray_cluster.dashboard, "--budget", str(40 * batch)
    )
    assert again.exit_code == 0, again.output
    assert Client(store).status("stopped").done


def test_ray_waits_for_a_job_that_is_asked_to_stop(ray_cluster: RayCluster) -> None:
    """The variable that ``submit`` sets is the one that Ray's job supervisor reads: a slow end is waited for."""
    code = (
        "import signal, sys, time\n"
        "def slowly(*_): time.sleep(6); print('checkpoint written', flush=True); sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, slowly); print('up', flush=True); time.sleep(120)"
    )
    entrypoint = f'exec {sys.executable} -c "{code}"'
    client = JobSubmissionClient(ray_cluster.dashboard)
    environment = {"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "60"}}
    job = Job(client.submit_job(entrypoint=entrypoint, runtime_env=environment), ray_cluster.dashboard, entrypoint)
    until(lambda: "up" in client.get_job_logs(job.id))
    assert drain(ray_cluster.dashboard, 2.0, stop=False) == [job.id], "who only waits stops nothing"
    assert drain(ray_cluster.address, 60.0) == []
    assert job.status() == "STOPPED"
    assert "checkpoint written" in client.get_job_logs(job.id)
