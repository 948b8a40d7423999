"""A seeded share of the generated studies, plans, option values and records; `make faults` tries ten thousand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).parent / "harness"
COUNT = 300


def test_every_odd_input_gets_one_sentence(tmp_path: Path) -> None:
    # a process of its own: it replaces the standard streams and sets a limit on the time that is computed
    environment = {**os.environ, "PYTHONPATH": f"{HARNESS.parents[2]}{os.pathsep}{HARNESS}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HARNESS / "fuzz_main.py"), "2026", "0", str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=1800)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr[-2000:]
    assert [line for line in lines if "problem" in line] == []
    assert lines[-1] == {"tried": COUNT, "failed": 0}


def test_a_case_is_its_number(tmp_path: Path) -> None:
    """Else a failure could not be repeated alone."""
    code = (
        "import json, sys; from pathlib import Path; from fuzz.cases import KINDS, make; from fuzz_main import SMALL\n"
        "folder = Path(sys.argv[1]); folder.mkdir(exist_ok=True); (folder / 'r.json').write_text('{\"a\": [1, 2]}')\n"
        "cases = [make(kind, 1, n, folder, SMALL, folder) for n in range(25) for kind in KINDS if kind != 'record']\n"
        "print(json.dumps([[case.arguments, case.shown] for case in cases]))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{HARNESS.parents[2]}{os.pathsep}{HARNESS}"}
    once, again = (
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "cases")], capture_output=True, check=True, env=environment
        ).stdout
        for _ in range(2)
    )
    assert once == again
    assert len({json.dumps(case) for case in json.loads(once)}) > 70
