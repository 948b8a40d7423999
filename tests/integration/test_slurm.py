"""The Slurm batch script without a cluster: its shell, and what it says when something is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "docker" / "slurm" / "dit-ablate.sbatch"


def test_it_is_sound_shell() -> None:
    subprocess.run(["bash", "-n", SCRIPT], check=True)
    if shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", SCRIPT], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_what_is_missing_is_one_sentence(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DIT_ABLATE_STORE"}
    for arguments, says in (
        ([], "give a study"),
        (["dit-digits"], "DIT_ABLATE_STORE: set it to a folder that all nodes"),
    ):
        done = subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode != 0 and says in done.stderr and done.stderr.count("\n") == 1
