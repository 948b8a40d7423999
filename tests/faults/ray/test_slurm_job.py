"""The Slurm batch script, run by this machine: its steps are real `ray start` processes, by a stand-in for `srun`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import descendants, kill
from tiny_study import dit_ablate, study_data, write_study

from service import Client

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "docker" / "slurm" / "dit-ablate.sbatch"
BATCH = 32
SRUN = """#!/usr/bin/env bash
# runs a step's command as often as it has tasks, here
tasks=1
while [ $# -gt 0 ]; do
    case "$1" in
        --ntasks=*) tasks="${1#*=}"; shift ;;
        --*) shift ;;
        *) break ;;
    esac
done
[ "$1" = hostname ] && exec "$@"
trap 'kill -TERM $(jobs -p)' TERM
for _ in $(seq "$tasks"); do "$@" & done
wait
wait
"""
SCONTROL = """#!/usr/bin/env bash
case "$1" in
    show) printf 'node-a\\nnode-b\\n' ;;
    requeue) echo "requeued $2" ;;
esac
"""


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """The environment of a job of two nodes with a processor each, and the commands that it uses."""
    folder = tmp_path / "bin"
    folder.mkdir()
    ours = f'#!/usr/bin/env bash\nexec {sys.executable} -m service "$@"\n'
    python = f'#!/usr/bin/env bash\nexec {sys.executable} "$@"\n'
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL), ("dit-ablate", ours), ("python3", python)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "DIT_", "MLFLOW_"))}
    return {
        **kept,
        "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NODELIST": "node-[a-b]",
        "SLURM_CPUS_PER_TASK": "1",
        "DIT_ABLATE_STORE": str(tmp_path / "store"),
        "DIT_ABLATE_REQUEUE": "1",
        "RAY_worker_maximum_startup_concurrency": "8",
        "RAY_raylet_start_wait_time_s": "180",  # other tests keep this machine busy
    }


def test_two_nodes_train_a_time_limit_makes_checkpoints_and_the_job_queues_again(
    tmp_path: Path, slurm: dict[str, str]
) -> None:
    store = tmp_path / "store"
    data = {
        "name": "limited", "seeds": [0], "ablations": study_data()["ablations"][:1], "budget_images": 4000 * BATCH,
        "rungs": [], "checkpoint_images": 20 * BATCH, "resources": {"lanes": 2},
    }  # fmt: skip
    path = write_study(tmp_path, **data)
    log = tmp_path / "log"
    with log.open("w") as output:
        job = subprocess.Popen([SCRIPT, path], env=slurm, stdout=output, stderr=output, start_new_session=True)
    try:
        deadline = time.monotonic() + 600  # for a busy machine
        while len(trained(store)) < 2:
            assert job.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.5)
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=600) == 3, log.read_text()[-3000:]
    finally:
        for pid in (*descendants(job.pid), job.pid):
            kill(pid)
        shutil.rmtree(f"/tmp/dit-{os.getpid()}", ignore_errors=True)
    said = log.read_text()
    assert f"requeued {os.getpid()}" in said
    assert "only" not in said, "both nodes started"
    assert len(trained(store)) == 2, "one lane on each node"
    assert Client(store).status("limited").interrupted
    again = dit_ablate(
        "run", path, "--store", store, "--executor", "local", "--budget", 40 * BATCH, "--set", "seeds=[0]"
    )
    assert again.exit_code == 0, again.output


def trained(store: Path) -> set[str]:
    """The trials that have a checkpoint."""
    return {file.parents[1].name for file in store.glob("trials/*/checkpoints/*.safetensors")}
